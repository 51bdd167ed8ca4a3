package rabbitmq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"
)

// Dialer opens connections to one of several brokers. It is safe for concurrent use.
type Dialer struct {
	endpoints []endpoint
	name      string
	version   string

	publishes bool

	mu   sync.Mutex
	last int // the endpoint that answered last
}

// NewDialer returns a Dialer for connections that the broker shows as "logpipe" with this version and connection name. It
// touches no network.
func NewDialer(s Server, name, version string) (*Dialer, error) {
	endpoints, err := s.endpoints()
	if err != nil {
		return nil, err
	}
	return &Dialer{endpoints: endpoints, name: name, version: version}, nil
}

// Dial connects to the broker that answered last, or else to the next ones. The error says for each broker, in words, why not.
func (d *Dialer) Dial(ctx context.Context) (*Connection, error) {
	d.mu.Lock()
	first := d.last
	d.mu.Unlock()
	var errs []error
	for i := range d.endpoints {
		n := (first + i) % len(d.endpoints)
		c, err := d.dial(ctx, d.endpoints[n])
		if err == nil {
			d.mu.Lock()
			d.last = n
			d.mu.Unlock()
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect to %v: %w", d.endpoints[n], context.Cause(ctx))
		}
		errs = append(errs, fmt.Errorf("connect to %v: %w", d.endpoints[n], err))
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, &allError{errs}
}

// allError is why none of several brokers could be reached, in one line.
type allError struct{ errs []error }

func (e *allError) Error() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e *allError) Unwrap() []error { return e.errs }

func (d *Dialer) dial(ctx context.Context, e endpoint) (*Connection, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("no answer within %v", e.timeout))
	defer cancel()
	secure, err := e.tlsConfig()
	if err != nil {
		return nil, err
	}
	socket, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.address())
	if err != nil {
		return nil, e.explainTCP(ctx, err)
	}
	// The library's handshake knows no context; closing the socket ends it.
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	defer stop()
	w := &wire{Conn: socket, socket: socket}
	if secure != nil {
		client := tls.Client(socket, secure)
		if err := client.HandshakeContext(ctx); err != nil {
			socket.Close()
			return nil, e.explainTLS(ctx, err)
		}
		w.Conn = client
	}
	w.tap = newTap((*lively)(w))
	var stream io.ReadWriteCloser = w
	var out *outbound.Wire
	if d.publishes {
		out = outbound.NewWire(w)
		stream = out
	}
	conn, err := amqp.Open(stream, d.config(e))
	if err == nil && !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		socket.Close()
		return nil, e.explainHandshake(ctx, w, err)
	}
	w.expectLife(conn.Config.Heartbeat)
	c := newConnection(conn, w, e)
	c.out = out
	return c, nil
}

func (d *Dialer) config(e endpoint) amqp.Config {
	c := amqp.Config{
		Vhost:     e.vhost,
		Heartbeat: e.heartbeat,
		Locale:    "en_US",
		FrameSize: maxFrame,
		Properties: amqp.Table{
			"product": "logpipe", "version": d.version, "platform": "Go", "connection_name": d.name,
		},
		SASL: []amqp.Authentication{&amqp.PlainAuth{Username: e.user, Password: e.password}},
	}
	if e.external {
		c.SASL = []amqp.Authentication{&amqp.ExternalAuth{}}
	}
	return c
}

// tlsConfig reads the files anew for each connection, so that renewed certificates are used without a restart.
func (e endpoint) tlsConfig() (*tls.Config, error) {
	if !e.secure {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: e.serverName}
	if c.ServerName == "" {
		c.ServerName = e.host
	}
	if e.ca != "" {
		pem, err := os.ReadFile(e.ca)
		if err != nil {
			return nil, fmt.Errorf("read the TLS authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the TLS authorities: there is no certificate in %s; it must be a PEM file", e.ca)
		}
	}
	if e.cert != "" {
		pair, err := tls.LoadX509KeyPair(e.cert, e.key)
		if err != nil {
			return nil, fmt.Errorf("read the TLS client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
