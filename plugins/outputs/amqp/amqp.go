// Package amqp is the output that publishes to RabbitMQ. It is also the dead letter of choice: it says beside each message why it is one.
package amqp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

const doc = `Publishes each message to RabbitMQ and takes it for stored when the broker has confirmed it and has not returned it.

With queue set, the exchange (durable, of exchange_type), the queue (durable, of queue_type) and the binding are declared before
the first message; what exists is used as it is. Without queue, the exchange must exist.

A message that came from a broker keeps its properties, but for cluster-id, and its headers. What would act on it is kept as a header: its expiration,
user-id, and the headers CC and BCC. A message without an id gets one, the same in each attempt to publish it, so that a reader can tell
what was stored twice because a confirm was lost.

It needs one channel of the broker, and takes one for each worker where there are so many. Where a user (max-channels), a node
(channel_max_per_node) or a connection (channel_max) may have no more, writes wait for each other; a warning says so, once. With one user for all, leave
room for one channel for each connection of an input, one for each output and dead_letter, and one more.

As a dead_letter it adds the headers x-logpipe-reason (a word), x-logpipe-error (what was wrong), x-logpipe-pipeline, x-logpipe-host,
x-logpipe-version and x-logpipe-first-failed-at (when it was rejected), and for a message of the amqp input x-logpipe-queue (the queue it
was read from) and, if it had been published to an exchange, x-logpipe-exchange and x-logpipe-routing-key. The body is what it was when
the message was rejected.

All headers of a message must go into one frame of the broker (its setting frame_max, 128 KiB by default), and the broker adds some of its own on the way. Of a
dead letter with more, the longest headers go behind the body, as a table of AMQP: x-logpipe-body-bytes says how long the body itself is, and
x-logpipe-left-out names the first 20 of these headers. The commands logpipe dlq put them back in their place.`

// Plugin is the output.
var Plugin = engine.NewOutput("amqp", doc, Defaults, New)

type output struct {
	cfg    Config
	env    engine.Env
	host   string
	dialer *rabbitmq.Dialer

	ids *ids // of messages without one

	turn   chan struct{} // held by who connects or declares
	link   *link         // guarded by turn
	closed bool          // guarded by turn
	warned map[string]bool
	most   atomic.Int32   // channels that a connection may have, see channels; 0 is not known
	fewer  sync.Once      // for the log
	logs   sync.WaitGroup // goroutines of links
	depth  rabbitmq.Depth // of the queue of a dead letter
}

// New makes an output. It touches no network.
func New(c Config, env engine.Env) (engine.Output, error) {
	dialer, err := rabbitmq.NewDialer(c.Server, fmt.Sprintf("logpipe %s %s.amqp", env.Way(), env.Role), env.Version)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &output{
		cfg: c, env: env, host: host, dialer: dialer.ForPublishing(), ids: newIDs(),
		turn: make(chan struct{}, 1), warned: map[string]bool{},
	}, nil
}

// Write publishes the batch. An error that is not an engine.WriteError means that no message is known to be stored.
func (o *output) Write(ctx context.Context, b *engine.Batch) error {
	if ctx.Err() != nil {
		return context.Cause(ctx) // else the connection, which others use, would be cut
	}
	key, err := o.cfg.key(b)
	if err != nil {
		return fmt.Errorf("routing key: %w", err)
	}
	l, ch, err := o.begin(ctx)
	if err != nil {
		return err
	}
	p := publish{out: o, link: l, ch: ch, batch: b, key: key, began: time.Now(), sent: ch.room(len(b.Messages))}
	p.run(ctx)
	if p.full {
		// A quorum queue tells a channel when it has room again after messages were taken out, but not after its limit was
		// taken away: that channel would be refused for ever (measured on 3.10).
		l.close(ctx, ch)
	}
	l.give(ctx, ch)
	return p.result()
}

// begin returns a channel for a Write, and its connection. Where one channel too many has ended the connection, the next one
// is content with fewer; that there can be none at all, connect says.
func (o *output) begin(ctx context.Context) (*link, *channel, error) {
	for {
		l, err := o.connect(ctx)
		if err != nil {
			return nil, nil, err
		}
		ch, err := l.take(ctx)
		if err == nil {
			return l, ch, nil
		}
		if !rabbitmq.IsLimit(err) {
			return nil, nil, err
		}
	}
}

// few says, once, that Writes have to share channels.
func (o *output) few(n int, why error) {
	o.fewer.Do(func() {
		o.env.Log.Warn("there can be no more channels: writes share those that there are, and wait for each other until this is started again "+
			"with a higher limit", "channels", n, "error", why)
	})
}

// Gauges implements engine.Gauger: how many dead letters wait. Check connects at the start, so that is known before there is a new one.
func (o *output) Gauges() []engine.Gauge {
	messages, _, ok := o.depth.Last()
	if !ok {
		return nil
	}
	return []engine.Gauge{{Name: engine.DeadMessages, Value: float64(messages)}}
}

// Check connects and looks whether everything is there.
func (o *output) Check(ctx context.Context) error {
	_, err := o.connect(ctx)
	return err
}

// Close ends the connection.
func (o *output) Close(ctx context.Context) error {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	o.closed = true
	if o.link == nil {
		return nil
	}
	err := o.link.conn.Shut(ctx)
	o.logs.Wait()
	return err
}

var errClosed = errors.New("the output is closed")
