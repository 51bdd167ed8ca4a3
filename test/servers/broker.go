package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Broker is a RabbitMQ broker. Its methods may be called from several
// goroutines.
type Broker struct {
	*server
	url   url.URL // with user and password, without a virtual host
	admin url.URL // the management API
	mqtt  url.URL // with user and password; empty unless Options.Protocols
	stomp url.URL
	ctl   func(ctx context.Context, args ...string) (string, error)

	version atomic.Pointer[string]
}

// StartBroker finds or starts a broker, in the order that the package comment
// gives, and returns when it answers an AMQP handshake and its management API.
// The error wraps ErrUnavailable if there is no way to a broker on this
// machine. The caller closes the broker.
func StartBroker(ctx context.Context, o Options) (*Broker, error) {
	if raw := os.Getenv(EnvAMQP); raw != "" && !o.Own {
		return namedBroker(ctx, raw, os.Getenv(EnvAdmin))
	}
	c, err := chosen()
	if err != nil {
		return nil, err
	}
	var in installation
	var image string
	if o.Protocols { // a container takes AMQP 0-9-1 alone here
		in, err = findPrograms(ctx, o, c)
	} else {
		in, image, err = findRabbitMQ(ctx, o, c)
	}
	if err != nil {
		return nil, err
	}
	var b *Broker
	if image != "" {
		b, err = startBrokerContainer(ctx, o, image)
	} else {
		b, err = startNode(ctx, o, in)
	}
	if err == nil && !c.accepts(b.Version()) {
		err = errors.Join(fmt.Errorf("RabbitMQ is of version %s, but %s=%s", b.Version(), EnvRabbitMQ, c.version), b.Close())
	}
	return b, err
}

// namedBroker is a broker that runs already. An unset admin is guessed.
func namedBroker(ctx context.Context, raw, admin string) (*Broker, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%s=%q is no URL of a broker such as amqp://guest:guest@localhost:5672", EnvAMQP, raw)
	}
	if u.User == nil {
		u.User = url.UserPassword("guest", "guest")
	}
	u.Path, u.RawPath = "", ""
	b := &Broker{url: *u, admin: url.URL{Scheme: "http", User: u.User, Host: net.JoinHostPort(u.Hostname(), "15672")}}
	if admin != "" {
		a, err := url.Parse(admin)
		if err != nil || a.Host == "" {
			return nil, fmt.Errorf("%s=%q is no URL of a management API such as http://guest:guest@localhost:15672", EnvAdmin, admin)
		}
		if a.User == nil {
			a.User = u.User
		}
		b.admin = *a
	}
	b.server = &server{name: "RabbitMQ"}
	c, err := chosen()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.handshake(ctx); err != nil {
		return nil, fmt.Errorf("reach the broker that %s names: %w", EnvAMQP, err)
	}
	if !c.accepts(b.Version()) {
		return nil, fmt.Errorf("the broker that %s names is of version %s, but %s=%s", EnvAMQP, b.Version(), EnvRabbitMQ, c.version)
	}
	return b, nil
}

// ownBroker is a broker on local ports with a fresh user, for a runner that
// the caller adds.
func ownBroker(amqpPort, adminPort *port) *Broker {
	user := url.UserPassword("logpipe", randomHex(8))
	b := &Broker{
		url:   url.URL{Scheme: "amqp", User: user, Host: amqpPort.address()},
		admin: url.URL{Scheme: "http", User: user, Host: adminPort.address()},
	}
	b.server = &server{name: "RabbitMQ", probe: b.probe}
	return b
}

// URL is the broker's address with user and password and the default virtual
// host.
func (b *Broker) URL() string { return b.vhostURL("/") }

func (b *Broker) vhostURL(name string) string {
	u := b.url
	u.Path, u.RawPath = "/"+name, "/"+url.PathEscape(name)
	return u.String()
}

// Env is what makes StartBroker of another process use this broker, as
// KEY=value.
func (b *Broker) Env() []string {
	return []string{EnvAMQP + "=" + b.URL(), EnvAdmin + "=" + b.admin.String()}
}

// Ctl runs rabbitmqctl on an own node and returns what it printed, for what
// the management API cannot do, such as raising an alarm. It takes some
// seconds. For other brokers the error wraps ErrNotOwn.
func (b *Broker) Ctl(ctx context.Context, args ...string) (string, error) {
	if b.ctl == nil || !b.Own() {
		return "", fmt.Errorf("run rabbitmqctl: %w", ErrNotOwn)
	}
	// A node opens its listeners a moment before it takes such commands.
	if out, err := b.ctl(ctx, "await_startup", "--timeout", "60"); err != nil {
		return out, err
	}
	return b.ctl(ctx, args...)
}

// SyncDeclarations makes what was declared durable, for tests that kill the
// broker. It confirms messages when they are on disk, but Mnesia, the database
// of queues up to 4.x, keeps its log in memory for up to two seconds: a node
// that is killed before that forgets a new durable queue, and with it the
// messages that it confirmed. Khepri, which replaces it, has no such gap.
func (b *Broker) SyncDeclarations(ctx context.Context) error {
	_, err := b.Ctl(ctx, "eval", "case mnesia:system_info(is_running) of yes -> ok = mnesia:sync_log(); _ -> ok end.")
	return err
}

// probe asks for both sides: the listeners of a node open one by one. The
// overview is the last that the management API can give: before its database
// is there a node of 4.3 answers with 500, and a busy one for seconds.
func (b *Broker) probe(ctx context.Context) error {
	if err := b.handshake(ctx); err != nil {
		return err
	}
	return b.Admin(ctx, "GET", "/api/overview", nil, nil)
}

// handshake opens an AMQP connection, which also proves user and password.
func (b *Broker) handshake(ctx context.Context) error {
	conn, err := amqp.DialConfig(b.URL(), amqp.Config{Dial: func(network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		// A port that accepts and says nothing must not hold the handshake.
		deadline, _ := ctx.Deadline()
		return c, c.SetDeadline(deadline)
	}})
	if err != nil {
		return fmt.Errorf("AMQP handshake with %s: %w", b.url.Host, err)
	}
	version, _ := conn.Properties["version"].(string)
	b.version.Store(&version)
	return conn.Close()
}

// Version is what the broker called itself in its last handshake, such as
// "4.3.6".
func (b *Broker) Version() string {
	if v := b.version.Load(); v != nil {
		return *v
	}
	return ""
}

// From reports whether the broker is of this version or a later one. One whose version cannot be read is none.
func (b *Broker) From(major, minor int) bool {
	var has, hasMinor int
	if n, err := fmt.Sscanf(b.Version(), "%d.%d", &has, &hasMinor); n < 2 || err != nil {
		return false
	}
	return has > major || has == major && hasMinor >= minor
}
