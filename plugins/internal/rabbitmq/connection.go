package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"
)

// Broker is what the other side said it is.
type Broker struct {
	Product string
	Version string
}

// AtLeast reports whether this is RabbitMQ of the major version or a later one.
func (b Broker) AtLeast(major int) bool {
	text, _, _ := strings.Cut(b.Version, ".")
	n, err := strconv.Atoi(text)
	return err == nil && b.Product == "RabbitMQ" && n >= major
}

// Connection is an open connection to a broker.
type Connection struct {
	*amqp.Connection
	Broker   Broker
	endpoint endpoint
	wire     *wire
	out      *outbound.Wire // nil unless it is for publishing
	several  bool           // it could have been another broker
	passed   error          // why it is not one of those before
	crowd    *crowd
	channels atomic.Int32 // that are open
	*ended
}

func newConnection(conn *amqp.Connection, w *wire, e endpoint) *Connection {
	c := &Connection{Connection: conn, wire: w, endpoint: e}
	c.Broker.Product, _ = conn.Properties["product"].(string)
	c.Broker.Version, _ = conn.Properties["version"].(string)
	c.ended = watch(conn.NotifyClose, c.inWords, func() {})
	return c
}

// Channel is an open channel of a connection.
type Channel struct {
	*amqp.Channel
	Conn   *Connection
	number uint16 // known on a connection for publishing
	*ended
}

// Open opens a channel.
func (c *Connection) Open() (*Channel, error) {
	var ch *amqp.Channel
	var number uint16
	open := func() (err error) {
		ch, err = c.Channel()
		return err
	}
	alone := c.channels.Load() == 0 // a refusal ends the connection, and with it the others
	var err error
	if c.out == nil {
		err = open()
	} else {
		number, err = c.out.Opened(open)
	}
	if err != nil {
		err = c.Explain(err)
		if alone && IsLimit(err) {
			c.crowd.shutOut()
		}
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	c.channels.Add(1)
	return &Channel{Channel: ch, Conn: c, number: number, ended: watch(ch.NotifyClose, c.inWords, func() { c.channels.Add(-1) })}, nil
}

// Take gives the deliveries that come from now on to r instead of the library: call it before the first Consume. All of them are of this queue
// and of one channel.
func (c *Connection) Take(queue string, r Receiver) { c.wire.tap.take(queue, r) }

// ended tells when a connection or a channel has ended, and why.
type ended struct {
	done  chan struct{}
	cause error
}

// watch waits for the end in a goroutine, which ends with it. The library tells the reason before it ends what depends on
// the connection or channel.
func watch(notify func(chan *amqp.Error) chan *amqp.Error, inWords func(*amqp.Error) error, over func()) *ended {
	e := &ended{done: make(chan struct{})}
	closed := notify(make(chan *amqp.Error, 1))
	go func() {
		if err, ok := <-closed; ok && err != nil {
			e.cause = inWords(err)
		}
		over()
		close(e.done)
	}()
	return e
}

// Done is closed when it has ended.
func (e *ended) Done() <-chan struct{} { return e.done }

// Cause is why it ended, in words: nil while it lives, or when we ended it ourselves.
func (e *ended) Cause() error {
	select {
	case <-e.done:
		return e.cause
	default:
		return nil
	}
}

// soon is Cause for the moment in which the library says already that something is closed, and not yet why.
func (e *ended) soon() error {
	select {
	case <-e.done:
	case <-time.After(time.Second):
	}
	return e.Cause()
}

// Explain puts an error of a call on the connection into words. The library answers calls on a dead connection with "not open":
// then this is why it is not.
func (c *Connection) Explain(err error) error {
	var refused *amqp.Error
	if !errors.As(err, &refused) {
		if said := c.wire.tap.words.get(); err != nil && said != nil {
			return c.inWords(said)
		}
		return err
	}
	if !refused.Server && c.IsClosed() {
		if cause := c.soon(); cause != nil {
			return cause
		}
	}
	return c.inWords(refused)
}

// Explain puts an error of a call on the channel into words.
func (ch *Channel) Explain(err error) error {
	var refused *amqp.Error
	if errors.As(err, &refused) && !refused.Server && ch.IsClosed() {
		if cause := ch.soon(); cause != nil {
			return cause
		}
	}
	return ch.Conn.Explain(err)
}

// String is the broker's URL without the password.
func (c *Connection) String() string { return c.endpoint.String() }

// Tell logs which of several brokers this is, and why others were passed over.
func (c *Connection) Tell(log *slog.Logger) {
	switch {
	case c.passed != nil:
		log.Warn("connected, but not to the first broker that was tried", "broker", c.endpoint.address(), "error", c.passed)
	case c.several:
		log.Info("connected", "broker", c.endpoint.address())
	}
}

// Abort ends the connection at once, without a word to the broker. It frees every call that waits for the broker, also one
// that is stuck in writing because the broker reads no more.
func (c *Connection) Abort() { c.wire.abort() }

// Guard aborts the connection when ctx ends, because the library's calls know no context. Call the function that it
// returns when the calls are done; it returns the context's error if the connection was aborted.
func (c *Connection) Guard(ctx context.Context) func() error {
	stop := context.AfterFunc(ctx, c.Abort)
	return func() error {
		if stop() {
			return nil
		}
		return context.Cause(ctx)
	}
}

// closeTimeout bounds the good-bye to a broker that does not answer.
const closeTimeout = 5 * time.Second

// Shut says good-bye to the broker and ends the connection, at the latest when ctx ends. A connection that is dead
// already is no error.
func (c *Connection) Shut(ctx context.Context) error {
	by := time.Now().Add(closeTimeout)
	if t, ok := ctx.Deadline(); ok && t.Before(by) {
		by = t
	}
	err := c.CloseDeadline(by)
	c.Abort() // the library leaves the socket open when it cannot set the deadline
	<-c.done
	if err == nil || errors.Is(err, amqp.ErrClosed) {
		return nil
	}
	return fmt.Errorf("close the connection to %v: %w", c, c.Explain(err))
}
