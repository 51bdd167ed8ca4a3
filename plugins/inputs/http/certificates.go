package http

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificates is the server's side of TLS. Files that changed are read again, at a handshake and not more than once a second. Those that are wrong, as in
// the moment between the renewal of the certificate and that of its key, leave all as it is.
type certificates struct {
	files TLS
	log   *slog.Logger

	mu     sync.Mutex
	looked time.Time
	stamps []stamp
	now    *tls.Config
	said   string // the last trouble that was logged
}

// stamp tells whether a file is still the same.
type stamp struct {
	changed time.Time
	size    int64
}

func loadCertificates(files TLS, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, log: log, looked: time.Now(), stamps: stamps(files)}
	var err error
	c.now, err = c.load()
	return c, err
}

func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}
}

func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < time.Second {
		return c.now
	}
	c.looked = time.Now()
	are := stamps(c.files)
	if c.same(are) {
		return c.now
	}
	config, err := c.load()
	if err != nil {
		if err.Error() != c.said {
			c.said = err.Error()
			c.log.Warn("the files of the block tls have changed and cannot be used; those before them stay in use", "error", err)
		}
		return c.now
	}
	c.stamps, c.now, c.said = are, config, ""
	c.log.Info("the files of the block tls have changed and are in use", "cert", c.files.Cert)
	return c.now
}

func (c *certificates) same(are []stamp) bool {
	for i := range are {
		if !are[i].changed.Equal(c.stamps[i].changed) || are[i].size != c.stamps[i].size {
			return false
		}
	}
	return true
}

func (c *certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s with key %s: %w", c.files.Cert, c.files.Key, err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.files.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read authorities of clients: %w", err)
	}
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities of clients %s: %w", c.files.ClientCA, errors.New("there is no certificate in it"))
	}
	return config, nil
}

// stamps looks at the files; one that is not there has a stamp that no file has.
func stamps(files TLS) (all []stamp) {
	for _, name := range []string{files.Cert, files.Key, files.ClientCA} {
		s := stamp{size: -1}
		if info, err := os.Stat(name); err == nil {
			s = stamp{info.ModTime(), info.Size()}
		}
		all = append(all, s)
	}
	return all
}
