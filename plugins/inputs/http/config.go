package http

import (
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Config is the block input "http".
type Config struct {
	Listen  string          `hcl:"listen" example:"127.0.0.1:8080" doc:"Address and port to listen on. Without an address, as in \":8080\", on all of the machine's."`
	Path    string          `hcl:"path,optional" doc:"The path that takes logs. Others are answered 404."`
	Tokens  []engine.Secret `hcl:"tokens,optional" doc:"Bearer tokens, one of which a request must have. Several let them be changed without a gap. Without any, everybody who reaches the address may send."`
	Headers []string        `hcl:"headers,optional" example:"[\"X-Tenant\"]" doc:"Headers of a request that its messages keep, as headers, for outputs that carry such: the format envelope, and amqp."`

	MaxBodyBytes    engine.Bytes `hcl:"max_body_bytes,optional" doc:"The largest body, packed or unpacked. A larger one is answered 413."`
	MaxMessages     int          `hcl:"max_messages,optional" doc:"The most messages of a request. One with more is answered 413."`
	MaxRequests     int          `hcl:"max_requests,optional" doc:"How many requests may be open at once, those included that wait for being stored. More are answered 429."`
	MaxConnections  int          `hcl:"max_connections,optional" doc:"How many connections may be open at once. More wait until one is closed."`
	MaxPendingBytes engine.Bytes `hcl:"max_pending_bytes,optional" doc:"How much memory requests may take that are not in the pipeline yet: this is beside what max_in_flight_bytes allows. Requests for which there is none are answered 429."`
	MaxHeaderBytes  engine.Bytes `hcl:"max_header_bytes,optional" doc:"The largest header of a request. A larger one is answered 431."`

	ReadTimeout  time.Duration `hcl:"read_timeout,optional" doc:"How long a client may take to send a request, and to read the answer."`
	AdmitTimeout time.Duration `hcl:"admit_timeout,optional" doc:"How long a request waits for room in the pipeline before it is answered 503. Nothing of it is taken then."`
	Timeout      time.Duration `hcl:"timeout,optional" doc:"How long a request waits for being stored before it is answered 503. Its messages are stored nevertheless, so it may come twice. It must be longer than a batch and the attempts to write it take."`

	TLS *TLS `hcl:"tls,block" doc:"Takes connections by TLS only."`
}

// TLS is the block tls.
type TLS struct {
	Cert     string `hcl:"cert" doc:"PEM file with the certificate, and those between it and its authority. It is read again when it changes."`
	Key      string `hcl:"key" doc:"PEM file with the key of cert."`
	ClientCA string `hcl:"client_ca,optional" doc:"PEM file with the authorities of clients. With it a client must have a certificate of one of them."`
}

// Defaults are the values of what a configuration leaves out.
func Defaults() Config {
	return Config{
		Path: "/", MaxBodyBytes: 16 << 20, MaxMessages: 100_000, MaxRequests: 1000, MaxConnections: 2000,
		MaxPendingBytes: 64 << 20, MaxHeaderBytes: 16 << 10,
		ReadTimeout: 30 * time.Second, AdmitTimeout: 5 * time.Second, Timeout: time.Minute,
	}
}

// Traits names the files of the block tls.
func (c *Config) Traits() engine.Traits {
	t := engine.Traits{HoldsBytes: int64(c.MaxPendingBytes)}
	if c.TLS == nil {
		return t
	}
	files := map[string]string{"tls.cert": c.TLS.Cert, "tls.key": c.TLS.Key}
	if c.TLS.ClientCA != "" {
		files["tls.client_ca"] = c.TLS.ClientCA
	}
	t.Files = files
	return t
}

// Validate returns what is wrong with the configuration, all of it.
func (c *Config) Validate() error {
	errs := []error{c.checkListen(), c.checkLimits(), c.checkHeaders()}
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "?#") {
		bad("path", `%q is no path of a URL: write it as in "/logs"`, c.Path)
	}
	for i, token := range c.Tokens {
		if token.Reveal() == "" || strings.ContainsAny(token.Reveal(), " \t\r\n") {
			bad("tokens", "token %d is empty or has white space in it, so that no client could send it", i+1)
		}
	}
	for attr, d := range map[string]time.Duration{"read_timeout": c.ReadTimeout, "admit_timeout": c.AdmitTimeout, "timeout": c.Timeout} {
		if d <= 0 {
			bad(attr, "%v is no time that anything could be done in", d)
		}
	}
	if c.TLS != nil && (c.TLS.Cert == "" || c.TLS.Key == "") {
		bad("tls.cert", "cert and key must both name a file; leave the block tls out to speak plain HTTP")
	}
	return errors.Join(errs...)
}

func (c *Config) checkListen() error {
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return engine.AttrErrorf("listen", `%q is no address with a port: write it as in "127.0.0.1:8080" or ":8080"`, c.Listen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return engine.AttrErrorf("listen", `%q is no port: use a number from 1 to 65535, or 0 for one that is free`, port)
	}
	return nil
}

// maxBody bounds what one request may hold; places in a body are counted in 32 bits on some machines.
const maxBody = 1 << 30

func (c *Config) checkLimits() error {
	var errs []error
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	largest := 2*c.MaxBodyBytes + engine.Bytes(c.MaxMessages*messageSize) // packed and unpacked
	switch {
	case c.MaxBodyBytes < 1 || c.MaxBodyBytes > maxBody:
		bad("max_body_bytes", "a body may have 1B to %s; this is %s", engine.Bytes(maxBody), c.MaxBodyBytes)
	case c.MaxMessages < 1 || c.MaxMessages > 1<<24:
		bad("max_messages", "a request may have 1 to %d messages; this is %d", 1<<24, c.MaxMessages)
	case c.MaxPendingBytes < largest:
		bad("max_pending_bytes", "the largest request that max_body_bytes and max_messages allow needs %d bytes; this is %s", largest, c.MaxPendingBytes)
	}
	if c.MaxRequests < 1 {
		bad("max_requests", "%d would let no request pass", c.MaxRequests)
	} else if c.MaxConnections < c.MaxRequests {
		bad("max_connections", "each request needs a connection: with max_requests = %d this is %d at least", c.MaxRequests, c.MaxRequests)
	}
	if c.MaxHeaderBytes < 1<<10 || c.MaxHeaderBytes > 1<<20 {
		bad("max_header_bytes", "a header may have 1KiB to 1MiB; this is %s", c.MaxHeaderBytes)
	}
	return errors.Join(errs...)
}

func (c *Config) checkHeaders() error {
	for _, name := range c.Headers {
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "":
			return engine.AttrErrorf("headers", "the name of a header is empty")
		case "Authorization", "Cookie", "Proxy-Authorization":
			return engine.AttrErrorf("headers", "%s holds a secret, which must not be stored with the logs", name)
		}
	}
	return nil
}
