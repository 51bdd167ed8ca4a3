package rabbitmq_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

func dial(t *testing.T, s rabbitmq.Server) (*rabbitmq.Connection, error) {
	t.Helper()
	d, err := rabbitmq.NewDialer(s, "logpipe test", "v0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), rabbittest.Patience)
	defer cancel()
	c, err := d.Dial(ctx)
	if err == nil {
		t.Cleanup(func() { c.Shut(context.Background()) })
	}
	return c, err
}

// refused dials and wants an error that says these words and not the password.
func refused(t *testing.T, s rabbitmq.Server, password string, words ...string) {
	t.Helper()
	_, err := dial(t, s)
	if err == nil {
		t.Fatal("the connection came about")
	}
	t.Log(err)
	for _, want := range words {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q", want)
		}
	}
	if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "\n") {
		t.Error("the error shows the password, or is not one line")
	}
}

func at(raw string) rabbitmq.Server {
	s := rabbitmq.DefaultServer()
	s.URL = engine.NewSecret(raw)
	return s
}

func change(raw string, f func(*url.URL)) rabbitmq.Server {
	u, _ := url.Parse(raw) // it is the broker's own
	f(u)
	return at(u.String())
}

func TestDial(t *testing.T) {
	v := rabbittest.New(t)
	c, err := dial(t, at(v.URL))
	if err != nil {
		t.Fatal(err)
	}
	if c.Broker.Product != "RabbitMQ" || !c.Broker.AtLeast(3) || strings.Contains(c.String(), v.Password()) {
		t.Errorf("connected to %v at %v", c.Broker, c)
	}
	if c.Cause() != nil {
		t.Errorf("a connection that lives has the cause %v", c.Cause())
	}
	if err := c.Shut(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Shut(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	if c.Cause() != nil {
		t.Errorf("we ended it, and the cause is %v", c.Cause())
	}
}

func TestDialByHost(t *testing.T) {
	v := rabbittest.New(t)
	s := rabbitmq.DefaultServer()
	host, port, _ := net.SplitHostPort(v.Address())
	s.Host, s.VHost, s.Password = host, v.Name, engine.NewSecret(v.Password())
	s.Port, _ = strconv.Atoi(port)
	u, _ := url.Parse(v.URL)
	s.Username = u.User.Username()
	if _, err := dial(t, s); err != nil {
		t.Error(err)
	}
}

// One broker of a cluster that is down must not keep logpipe from the others.
func TestDialTriesAll(t *testing.T) {
	v := rabbittest.New(t)
	s := rabbitmq.DefaultServer()
	s.URLs = []engine.Secret{engine.NewSecret("amqp://u:geheim@127.0.0.1:1/" + v.Name), engine.NewSecret(v.URL)}
	if _, err := dial(t, s); err != nil {
		t.Fatal(err)
	}
	s.URLs = []engine.Secret{engine.NewSecret("amqp://u:geheim@127.0.0.1:1"), engine.NewSecret("amqp://u:geheim@127.0.0.1:2")}
	refused(t, s, "geheim", "127.0.0.1:1", "127.0.0.1:2", "; connect to")
}

// A broker that has failed may be one that hangs: asked first again, it would keep logpipe for connect_timeout from one that is well.
func TestDialGoesOnToTheNext(t *testing.T) {
	v := rabbittest.New(t)
	gates := map[string]*rabbittest.Gate{}
	s := rabbitmq.DefaultServer()
	s.ConnectTimeout = time.Hour
	for range 2 {
		gate := rabbittest.NewGate(t, v.Address())
		u := change(v.URL, func(u *url.URL) { u.Host = gate.Address }).URL
		s.URLs = append(s.URLs, u)
		gates[gate.Address] = gate
	}
	d, err := rabbitmq.NewDialer(s, "logpipe test", "v0")
	if err != nil {
		t.Fatal(err)
	}
	connect := func(dial func(context.Context) (*rabbitmq.Connection, error)) (*rabbitmq.Connection, string, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), rabbittest.Patience)
		defer cancel()
		c, err := dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Shut(context.Background()) })
		var said bytes.Buffer
		c.Tell(slog.New(slog.NewTextHandler(&said, nil)))
		u, _ := url.Parse(c.String())
		return c, u.Host, said.String()
	}
	first, broker, said := connect(d.Dial)
	if !strings.Contains(said, "msg=connected broker="+broker) {
		t.Errorf("the log says %q", said)
	}
	if _, beside, _ := connect(func(ctx context.Context) (*rabbitmq.Connection, error) { return d.DialBeside(ctx, first) }); beside != broker {
		t.Errorf("the first connection goes to %s, and the one beside it to %s", broker, beside)
	}
	gates[broker].Hold()
	_, other, _ := connect(d.Dial)
	if other == broker {
		t.Errorf("the broker that hangs was asked, and answered: %s", other)
	}
	gates[broker].Shut()
	if _, again, said := connect(d.Dial); again != other || !strings.Contains(said, "level=WARN") || !strings.Contains(said, broker) {
		t.Errorf("connected to %s, and the log says %q", again, said)
	}
}

func TestRefusals(t *testing.T) {
	v := rabbittest.New(t)
	stranger := v.User("stranger-"+v.Name, "geheim", "", "", "")
	t.Run("wrong password", func(t *testing.T) {
		s := change(v.URL, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "geheim") })
		refused(t, s, "geheim", "wrong user name or password")
	})
	t.Run("guest", func(t *testing.T) {
		refused(t, change(v.URL, func(u *url.URL) { u.User = url.UserPassword("guest", "geheim") }), "geheim", "another machine")
	})
	t.Run("no such virtual host", func(t *testing.T) {
		refused(t, change(v.URL, func(u *url.URL) { u.Path, u.RawPath = "/nowhere", "" }), v.Password(), `no virtual host "nowhere"`)
	})
	t.Run("no access to the virtual host", func(t *testing.T) {
		refused(t, at(stranger), "geheim", "no access to virtual host", v.Name)
	})
	t.Run("external", func(t *testing.T) {
		authority := rabbittest.NewAuthority(t)
		pair, _, _ := authority.Issue("127.0.0.1", false)
		_, cert, key := authority.Issue("client", false)
		proxy := rabbittest.TLSProxy(t, v.Address(), &tls.Config{Certificates: []tls.Certificate{pair}})
		s := at("amqps://" + proxy)
		s.AuthMechanism, s.TLS = rabbitmq.External, &rabbitmq.TLS{CA: authority.File, Cert: cert, Key: key}
		refused(t, s, v.Password(), "does not offer the login mechanism EXTERNAL")
	})
}

func TestNotReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	refused(t, at("amqp://u:geheim@"+free), "geheim", "nothing listens on that port")
	refused(t, at("amqp://u:geheim@no-such-host.invalid"), "geheim", `no-such-host.invalid`, "cannot be resolved")
}

// A port that is open and is not RabbitMQ's is the commonest mistake in a configuration that was just written.
func TestNotRabbitMQ(t *testing.T) {
	answers := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			c.Read(make([]byte, 8))
			io.WriteString(c, text)
			io.Copy(io.Discard, c)
		}
	}
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		words string
	}{
		{"HTTP", answers("HTTP/1.1 400 Bad Request\r\n\r\n"), "answers with HTTP"},
		{"HTML", answers("<html><body>hello</body></html>"), "answers with HTTP"},
		{"SSH", answers("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), `answers "SSH-2.0-OpenSSH_`},
		{"AMQP 1.0", answers("AMQP\x00\x01\x00\x00"), "another version of AMQP"},
		{"TLS alert", answers("\x15\x03\x01\x00\x02\x02\x46"), "speaks TLS; use amqps://"},
		{"silence", func(c net.Conn) { io.Copy(io.Discard, c) }, "says nothing (no answer within 300ms)"},
		{"half a frame", answers("\x01\x00\x00\x00\x00\x00\xff\x00"), "in the middle of the handshake"},
		{"end", func(c net.Conn) { c.Read(make([]byte, 8)) }, "without a word"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := at("amqp://u:geheim@" + rabbittest.Serve(t, c.serve))
			s.ConnectTimeout = rabbittest.Patience
			if c.name == "silence" || c.name == "half a frame" {
				s.ConnectTimeout = 300 * time.Millisecond
			}
			refused(t, s, "geheim", c.words)
		})
	}
}

// A pipeline that ends must not wait for a broker that says nothing.
func TestDialEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addr := rabbittest.Serve(t, func(c net.Conn) {
		c.Read(make([]byte, 8))
		cancel()
		io.Copy(io.Discard, c)
	})
	d, err := rabbitmq.NewDialer(at("amqp://u:geheim@"+addr), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("dial ended with %v", err)
	}
}

func TestTLS(t *testing.T) {
	v := rabbittest.New(t)
	authority := rabbittest.NewAuthority(t)
	pair, _, _ := authority.Issue("127.0.0.1", false)
	proxy := rabbittest.TLSProxy(t, v.Address(), &tls.Config{Certificates: []tls.Certificate{pair}})
	secure := func(proxy string, block *rabbitmq.TLS) rabbitmq.Server {
		s := change(v.URL, func(u *url.URL) { u.Scheme, u.Host = "amqps", proxy })
		s.TLS = block
		return s
	}
	block := &rabbitmq.TLS{CA: authority.File}
	if c, err := dial(t, secure(proxy, block)); err != nil {
		t.Fatal(err)
	} else if ch, err := c.Open(); err != nil || ch.Confirm(false) != nil {
		t.Errorf("a channel over TLS: %v", err)
	}
	if _, err := dial(t, at(secure(proxy, nil).URL.Reveal()+"?cacertfile="+url.QueryEscape(authority.File))); err != nil {
		t.Errorf("the authority in the URL: %v", err)
	}
	t.Run("unknown authority", func(t *testing.T) {
		refused(t, secure(proxy, nil), v.Password(), "authority that is not known", "ca in the tls block")
	})
	t.Run("other name", func(t *testing.T) {
		refused(t, secure(proxy, &rabbitmq.TLS{CA: authority.File, ServerName: "other"}), v.Password(), "not for this name", "server_name")
	})
	t.Run("no TLS there", func(t *testing.T) {
		refused(t, secure(v.Address(), block), v.Password(), "does not speak TLS")
	})
	t.Run("expired", func(t *testing.T) {
		old, _, _ := authority.Issue("127.0.0.1", true)
		proxy := rabbittest.TLSProxy(t, v.Address(), &tls.Config{Certificates: []tls.Certificate{old}})
		refused(t, secure(proxy, block), v.Password(), "expired")
	})
	t.Run("closed in the handshake", func(t *testing.T) {
		refused(t, secure(rabbittest.Serve(t, func(net.Conn) {}), block), v.Password(), "the other side closed the connection in the TLS handshake")
	})
	t.Run("silence", func(t *testing.T) {
		s := secure(rabbittest.Serve(t, func(c net.Conn) { io.Copy(io.Discard, c) }), block)
		s.ConnectTimeout = 300 * time.Millisecond
		refused(t, s, v.Password(), "TLS: no answer within 300ms")
	})
	t.Run("files", func(t *testing.T) {
		refused(t, secure(proxy, &rabbitmq.TLS{CA: "/nowhere/ca.pem"}), v.Password(), "read the TLS authorities", "/nowhere/ca.pem")
		empty := filepath.Join(t.TempDir(), "empty.pem")
		if err := os.WriteFile(empty, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, secure(proxy, &rabbitmq.TLS{CA: empty}), v.Password(), "no certificate")
		refused(t, secure(proxy, &rabbitmq.TLS{CA: authority.File, Cert: empty, Key: empty}), v.Password(), "read the TLS client certificate")
	})
	t.Run("client certificate", func(t *testing.T) { clientCertificate(t, v, authority, secure) })
}

func clientCertificate(t *testing.T, v *rabbittest.VHost, authority *rabbittest.Authority, secure func(string, *rabbitmq.TLS) rabbitmq.Server) {
	pair, _, _ := authority.Issue("127.0.0.1", false)
	_, cert, key := authority.Issue("client", false)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		proxy := rabbittest.TLSProxy(t, v.Address(), &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool(), MaxVersion: version,
		})
		refused(t, secure(proxy, &rabbitmq.TLS{CA: authority.File}), v.Password(), "client certificate")
		if _, err := dial(t, secure(proxy, &rabbitmq.TLS{CA: authority.File, Cert: cert, Key: key})); err != nil {
			t.Errorf("TLS %x with a client certificate: %v", version, err)
		}
	}
	var unknown x509.UnknownAuthorityError
	if _, err := dial(t, secure(rabbittest.TLSProxy(t, v.Address(), &tls.Config{Certificates: []tls.Certificate{pair}}), nil)); !errors.As(err, &unknown) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// What ended a connection must be told, or an operator looks in the wrong place.
func TestCause(t *testing.T) {
	t.Run("operator", func(t *testing.T) {
		v := rabbittest.New(t)
		c, err := dial(t, at(v.URL))
		if err != nil {
			t.Fatal(err)
		}
		v.CloseConnections(1)
		<-c.Done()
		if c.Cause() == nil || !strings.Contains(c.Cause().Error(), "operator") {
			t.Errorf("the cause is %v", c.Cause())
		}
		if _, err := c.Open(); err == nil || !strings.Contains(err.Error(), "operator") {
			t.Errorf("a call afterwards says %v", err)
		}
	})
	for name, f := range map[string]func(*rabbittest.Gate){"cut": (*rabbittest.Gate).Shut, "silence": (*rabbittest.Gate).Hold} {
		t.Run(name, func(t *testing.T) {
			v := rabbittest.New(t)
			gate := rabbittest.NewGate(t, v.Address())
			s := change(v.URL, func(u *url.URL) { u.Host = gate.Address })
			s.Heartbeat = time.Second
			c, err := dial(t, s)
			if err != nil {
				t.Fatal(err)
			}
			f(gate)
			<-c.Done()
			t.Log(c.Cause())
			if c.Cause() == nil || !strings.Contains(c.Cause().Error(), "the connection to the broker is lost: "+map[string]string{"cut": "the other side", "silence": "no sign of life"}[name]) {
				t.Errorf("the cause is %v", c.Cause())
			}
		})
	}
	t.Run("abort", func(t *testing.T) {
		v := rabbittest.New(t)
		c, err := dial(t, at(v.URL))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		release := c.Guard(ctx)
		why := errors.New("enough")
		cancel(why)
		<-c.Done()
		if err := release(); !errors.Is(err, why) {
			t.Errorf("release says %v", err)
		}
	})
}
