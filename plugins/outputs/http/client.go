package http

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	// maxIdle is more than the workers that a pipeline has in earnest.
	maxIdle = 512
)

// connect returns the client, and makes one if there is none. Nothing goes over the network yet.
func (o *output) connect() (*http.Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		return o.client, nil
	}
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	o.client = &http.Client{
		Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			DialContext:     (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig: config, TLSHandshakeTimeout: dialTimeout,
			// One connection a worker, kept: HTTP/2 would send all batches through a single one.
			ForceAttemptHTTP2: false,
			MaxIdleConns:      maxIdle, MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: 90 * time.Second,
			WriteBufferSize: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return o.client, nil
}

// forget drops the client, so that the next request reads the certificates again.
func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		o.client.CloseIdleConnections()
		o.client = nil
	}
}

func (o *output) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	t := o.cfg.TLS
	if t == nil {
		return config, nil
	}
	config.ServerName = t.ServerName
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read authorities %s: %w", t.CA, errors.New("there is no certificate in it"))
		}
	}
	if t.Cert != "" {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
			if err != nil {
				return nil, fmt.Errorf("read certificate %s with key %s: %w", t.Cert, t.Key, err)
			}
			return &pair, nil
		}
	}
	return config, nil
}
