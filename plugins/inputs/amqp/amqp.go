// Package amqp is the input that reads a queue of RabbitMQ.
package amqp

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

const doc = `Reads a queue of RabbitMQ and acks a message only when it is stored.

A missing queue is created: durable, and as a quorum queue unless queue_type says otherwise. A queue that exists is used as
it is, and a warning names what differs from the configuration; declare = "never" creates nothing. Exchanges that
bindings name, and the dead-letter exchange with its queue, are treated alike, before the first message is read.

An auto-delete queue is refused: the broker deletes it, with all that is in it, when its last reader leaves, and a restart is enough for that. With
declare = "never", or without the permission to configure, it cannot be seen what a queue is: do not point logpipe at such a one.

With temporary = true logpipe reads a queue of its own, bound to the exchanges of the binding blocks, to look at what goes through them: it is exclusive,
there only as long as the connection, and named by the broker (amq.gen-…) unless queue says otherwise. It gives no promise: what is in it when the
connection or logpipe ends is lost, and so is what is published until it is read again. What had been read by then is still written, and the queue is made anew
when that is done. Where the output is slower than the exchange the queue grows on the broker: arguments = { "x-max-length" = 100000 } bounds it.

Delivery is at least once: what was read and not yet acked when the connection is lost, the broker delivers again. Acks go out
for many messages at once. The messages that may be unacked (prefetch) follow from what the pipeline can hold, unless set.

What came in headers stays: those of types that no client should write, tables nested more than 32 deep, and tables and lists of more than 8192 entries are kept
as bytes, as AMQP encodes them. No Go client could read them otherwise where they are kept, in dead letters and in the fallback.

A body that came packed is unpacked, by the property content-encoding (gzip, deflate, zstd, bzip2, also as gzip:UTF-8 or in a list) or by the header
compression of kombu and celery: processors and outputs get it unpacked, and without that header. It counts in memory as both. One that is broken, larger than max_unpacked_bytes, or
packed otherwise goes to the pipeline's dead_letter as it came, and on as it came where there is none. A dead letter that no processor has changed
goes out packed as it came, but out of a fallback it goes unpacked.

A byte order mark of UTF-8 in front of a body is no part of it for JSON, conditions and fields, but goes on with it, unless the processor json takes it
off.

What takes messages away by itself is said at start, each in a warning of its own: that the queue expires (x-expires), or its messages do (x-message-ttl),
that it keeps the newest only (x-max-length, x-max-length-bytes), and a delivery limit. On RabbitMQ 4.0 or later a quorum queue that logpipe creates gets no
delivery limit: its default of 20 would take good messages away in an outage of some hours; a policy with delivery-limit = -1 lifts it from a queue that
exists. What is an argument of the queue no policy lifts: make the queue anew without it. With declare = "never", or without the permission to
configure, arguments cannot be seen, and what a policy of the broker sets can never be seen from here: look with rabbitmqctl list_policies.`

// Plugin is the input.
var Plugin = engine.NewInput("amqp", doc, Defaults, New)

type input struct {
	cfg      Config
	env      engine.Env
	dialer   *rabbitmq.Dialer
	prefetch int // for each connection

	mu   sync.Mutex
	said map[string]bool // so that a reconnect does not say it all again

	queue   string         // as the broker calls it: a temporary queue has another name after each Open; guarded by mu
	session *session       // of the present Open
	sizes   []float64      // of the messages that came last, by connection: the next Open begins with them
	caution credit.Caution // so does what a message has done that could not be delivered
	depth   rabbitmq.Depth
}

// New makes an input. It touches no network.
func New(c Config, env engine.Env) (engine.Input, error) {
	dialer, err := rabbitmq.NewDialer(c.Server, fmt.Sprintf("logpipe %s input.amqp", env.Pipeline), env.Version)
	if err != nil {
		return nil, err
	}
	in := &input{cfg: c, env: env, dialer: dialer, prefetch: c.Prefetch, said: map[string]bool{}, sizes: make([]float64, c.Connections)}
	if c.ConsumerTag == "" {
		in.cfg.ConsumerTag = "logpipe-" + env.Pipeline[:min(len(env.Pipeline), maxConsumerTag-len("logpipe-"))]
	}
	why := "as configured"
	if in.prefetch == 0 {
		in.prefetch = derive(env, c.Connections)
		why = "what the pipeline can hold"
	}
	env.Log.Info("prefetch is set", "queue", in.name(), "messages", in.prefetch, "connections", c.Connections, "because", why)
	return in, nil
}

// derive is the prefetch that nobody set: what the pipeline can hold before anything is settled, shared out among the
// connections. Less would keep batches from filling up; more would only keep messages from other readers of the queue.
func derive(env engine.Env, connections int) int {
	n := max(env.Capacity.Messages, chunkMessages)
	if w := env.Window.Messages; w > 0 {
		n = min(n, w)
	}
	return min((n+connections-1)/connections, maxPrefetch)
}

// bytesEach is the limit of bytes in flight for each connection, 0 for none.
func (in *input) bytesEach() int64 {
	limit := in.env.Window.Bytes
	if limit <= 0 {
		return 0
	}
	return max(1, limit/int64(in.cfg.Connections))
}

// Open connects, declares what is missing and subscribes. Each Open has connections of its own, so that an ack can never reach
// messages of another one.
func (in *input) Open(ctx context.Context) error {
	s := newSession(in)
	in.session = s
	for i := range in.cfg.Connections {
		if err := in.connect(ctx, s, i == 0); err != nil {
			return err
		}
	}
	return nil
}

func (in *input) connect(ctx context.Context, s *session, first bool) (err error) {
	var conn *rabbitmq.Connection
	if first {
		conn, err = in.dialer.Dial(ctx)
	} else {
		conn, err = in.dialer.DialBeside(ctx, s.conns[0])
	}
	if err != nil {
		return err
	}
	conn.Tell(in.env.Log)
	s.conns = append(s.conns, conn)
	release := conn.Guard(ctx)
	defer func() {
		if aborted := release(); aborted != nil {
			err = aborted
		}
	}()
	if first {
		if s.seen, err = in.declare(conn); err != nil {
			return err
		}
	}
	room := credit.New(in.prefetch, in.bytesEach(), in.sizes[len(s.credits)], &in.caution)
	s.mu.Lock() // what came before may be lost already
	s.credits = append(s.credits, room)
	s.mu.Unlock()
	if err := s.begin(conn, s.seen, room, nil); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.suspect(err)
	}
	if first {
		s.following.Go(func() { in.depth.Follow(conn, s.seen.Name, nil) })
	}
	return nil
}

// Gauges implements engine.Gauger.
func (in *input) Gauges() []engine.Gauge {
	messages, consumers, ok := in.depth.Last()
	if !ok {
		return nil
	}
	return []engine.Gauge{{Name: engine.QueueMessages, Value: float64(messages)}, {Name: engine.QueueConsumers, Value: float64(consumers)}}
}

// Read returns what is there.
func (in *input) Read(ctx context.Context, b *engine.Batch) error { return in.session.read(ctx, b) }

// Ack acks settled chunks.
func (in *input) Ack(ctx context.Context, tags []uint64) error { return in.session.ack(ctx, tags) }

// Lost implements engine.Watcher: a connection can die while the window is full and nobody reads.
func (in *input) Lost() <-chan error { return in.session.dead }

// Stop implements engine.Stopper.
func (in *input) Stop() { in.session.stop() }

// Close ends the connections. What is not acked, the broker delivers again.
func (in *input) Close(ctx context.Context) error {
	s := in.session
	in.session = nil
	if s == nil {
		return nil
	}
	for i, c := range s.credits {
		in.sizes[i] = c.Size()
	}
	return s.close(ctx)
}

// declare makes sure that everything is there before the first message is read.
func (in *input) declare(conn *rabbitmq.Connection) (rabbitmq.Seen, error) {
	d := conn.NewDeclarer()
	err := in.declareAll(d)
	d.Close()
	in.say(in.env.Log.Warn, d.Warnings)
	in.say(in.env.Log.Info, d.Notes)
	seen := d.Seen
	seen.Name = cmp.Or(seen.Name, in.cfg.Queue)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue = seen.Name
	return seen, err
}

// name is what the queue is called in messages: the broker names a temporary one.
func (in *input) name() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return cmp.Or(in.queue, in.cfg.Queue, "(temporary)")
}

func (in *input) declareAll(d *rabbitmq.Declarer) error {
	d.Check = in.cfg.Declare == rabbitmq.DeclareNever
	queue := rabbitmq.Queue{Name: in.cfg.Queue, Type: in.cfg.QueueType, Read: true, Arguments: in.cfg.Arguments,
		DeadLetterExchange: in.cfg.DeadLetterExchange, DeadLetterRoutingKey: in.cfg.DeadLetterRoutingKey}
	if err := in.declareQueue(d, &queue); err != nil {
		return err
	}
	for _, b := range in.cfg.Bindings {
		if err := d.Exchange(b.Exchange, b.kind(), b.ExchangeArguments); err != nil {
			return err
		}
		for _, key := range b.keys() {
			if err := d.Bind(b.Exchange, key, queue.Name, b.Arguments); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *input) declareQueue(d *rabbitmq.Declarer, queue *rabbitmq.Queue) error {
	if !in.cfg.Temporary {
		return d.DeadLettered(*queue)
	}
	err := d.Temporary(queue.Name, queue.Arguments)
	queue.Name = d.Seen.Name
	return err
}

// say logs each text once.
func (in *input) say(log func(string, ...any), texts []string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, text := range texts {
		if !in.said[text] {
			in.said[text] = true
			log(text)
		}
	}
}
