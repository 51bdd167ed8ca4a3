package rabbitmq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"
)

// Dialer opens connections to one of several brokers. It is safe for concurrent use.
type Dialer struct {
	endpoints []endpoint // in an order that is this Dialer's own
	name      string
	version   string
	crowd     *crowd

	publishes bool

	mu   sync.Mutex
	next int // the endpoint to begin with
}

// NewDialer returns a Dialer for connections that the broker shows as "logpipe" with this version and connection name. It
// touches no network.
//
// The order of the brokers is by chance: replicas of one configuration spread over them, and those of a broker that fails do
// not all go to the same other one.
func NewDialer(s Server, name, version string) (*Dialer, error) {
	endpoints, err := s.endpoints()
	if err != nil {
		return nil, err
	}
	rand.Shuffle(len(endpoints), func(i, j int) { endpoints[i], endpoints[j] = endpoints[j], endpoints[i] })
	return &Dialer{endpoints: endpoints, name: name, version: version, crowd: crowdOf(endpoints)}, nil
}

// Dial connects to the broker after the one that it has connected to last, or else to the next ones. It is asked when a
// connection was lost or could not be used, and a broker that hangs would take connect_timeout before another one is asked.
// The error says for each broker, in words, why not.
func (d *Dialer) Dial(ctx context.Context) (*Connection, error) {
	d.mu.Lock()
	first := d.next
	d.mu.Unlock()
	var errs []error
	for i := range d.endpoints {
		n := (first + i) % len(d.endpoints)
		c, err := d.dial(ctx, d.endpoints[n])
		if err == nil {
			d.mu.Lock()
			d.next = (n + 1) % len(d.endpoints)
			d.mu.Unlock()
			c.several, c.passed = len(d.endpoints) > 1, together(errs)
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect to %v: %w", d.endpoints[n], context.Cause(ctx))
		}
		errs = append(errs, fmt.Errorf("connect to %v: %w", d.endpoints[n], err))
	}
	return nil, together(errs)
}

// DialBeside makes another connection to the broker of one that lives. Connections that are one input's go to one broker: on
// several, each of them could end the input.
func (d *Dialer) DialBeside(ctx context.Context, c *Connection) (*Connection, error) {
	other, err := d.dial(ctx, c.endpoint)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %v: %w", c.endpoint, err)
	}
	return other, nil
}

// together is why brokers could not be reached: nil if there are none.
func together(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return &allError{errs}
}

// allError is why several brokers could not be reached, in one line.
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
	w := &wire{Conn: socket, socket: socket, over: make(chan struct{})}
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
	c.out, c.crowd = out, d.crowd
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
	if d.publishes {
		c.FrameSize = mostFrame
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
