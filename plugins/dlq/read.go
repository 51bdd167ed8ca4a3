package dlq

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Reader takes messages out of a queue in its order, and keeps them for itself until it is closed. What is not acked by then is in the queue
// again, where it was.
type Reader struct {
	Depth int // of the queue when the Reader was opened: messages that nobody had

	broker  Broker
	queue   string
	conn    *rabbitmq.Connection
	ch      *rabbitmq.Channel
	inbox   *inbox
	rounds  int
	seen    int
	held    int // of these, what was not acked
	bytes   int64
	missing map[string]bool // what was asked about other queues
	acks    bool            // messages will be acked
	anchor  *anchor
}

// Open connects, and looks whether the queue is there.
func Open(ctx context.Context, b Broker, queue string) (*Reader, error) {
	dialer, err := b.dialer()
	if err != nil {
		return nil, err
	}
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	r := &Reader{broker: b, queue: queue, conn: conn, missing: map[string]bool{}}
	if err := r.open(ctx); err != nil {
		_ = conn.Shut(ctx) // the reason is known; that the good-bye failed as well would say nothing more
		return nil, err
	}
	return r, nil
}

// A busy quorum queue answers that it has no messages when it has no time to count, so that answer is believed only when it is
// given again and again.
const (
	askAgain = 100 * time.Millisecond
	believed = 5
)

func (r *Reader) open(ctx context.Context) (err error) {
	release := r.conn.Guard(ctx)
	defer func() {
		if aborted := release(); aborted != nil {
			err = aborted
		}
	}()
	if r.ch, err = r.conn.Open(); err != nil {
		return err
	}
	r.inbox = newInbox()
	r.conn.Take(r.queue, r.inbox)
	for i := 0; r.Depth == 0 && i < believed; i++ {
		if i > 0 {
			time.Sleep(askAgain)
		}
		if r.Depth, err = r.ready(); err != nil {
			return err
		}
	}
	return nil
}

// ready asks how many messages nobody has.
func (r *Reader) ready() (int, error) {
	q, err := r.ch.QueueDeclarePassive(r.queue, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", named(r.queue), r.ch.Explain(err))
	}
	return q.Messages, nil
}

// A round is what is taken at once. Its bytes bound the memory.
const (
	roundBytes    = 16 << 20
	firstRound    = 16   // nothing is known of the sizes
	sentRound     = 255  // a crash may repeat one, and the message of the anchor
	roundMessages = 8192 // where nothing is sent. Few rounds keep the order: see subscribe
)

// round is how many messages to take next, of at most most.
func (r *Reader) round(most int) int {
	n := roundMessages
	switch {
	case r.acks && r.rounds == 0:
		n = 1
	case r.seen == 0:
		n = firstRound
	case r.acks:
		n = sentRound
	}
	if r.seen > 0 {
		n = min(n, int(roundBytes/max(1, r.bytes/int64(r.seen))))
	}
	return max(1, min(n, most))
}

// Next takes the next messages, at most most of them. None and no error means that the queue has no more, or that ctx has ended.
//
// It subscribes for exactly as many as it wants and cancels then, so no message is delivered that is not wanted: a quorum queue counts
// every delivery.
func (r *Reader) Next(ctx context.Context, most int) ([]*Letter, error) {
	if ctx.Err() != nil || most <= 0 {
		return nil, nil
	}
	first := r.acks && r.rounds == 0
	n := r.round(most)
	tag, ended, err := r.subscribe(n)
	if err != nil {
		return nil, err
	}
	letters, err := r.receive(ctx, ended, n)
	if err != nil {
		return nil, err
	}
	if first && len(letters) == 1 {
		r.anchor = &anchor{tag: tag, tail: ended, first: letters[0]}
		return letters, nil
	}
	if err := r.ch.Cancel(tag, false); err != nil {
		return nil, r.explain(err)
	}
	for range ended { // let the library end the subscription
	}
	late, err := r.letters() // what came while it was cancelled
	return append(letters, late...), err
}

// letters are the messages that came.
func (r *Reader) letters() ([]*Letter, error) {
	came := r.inbox.take()
	letters := make([]*Letter, len(came))
	for i := range came {
		d := came[i].Meta.Decoded()
		d.DeliveryTag, d.Body = came[i].Tag, came[i].Body
		rabbitmq.Unfit(&d)
		letters[i] = newLetter(r.queue, d)
		r.seen++
		r.held++
		r.bytes += int64(came[i].Size)
		if r.seen == 1 && came[i].Meta.FromStream() && r.conn.IsStream(r.queue) {
			return nil, r.stuck()
		}
	}
	return letters, nil
}

// subscribe asks for n messages. They come into the inbox; ended is closed when all of them have.
func (r *Reader) subscribe(n int) (tag string, ended <-chan amqp091.Delivery, err error) {
	if err := r.ch.Qos(n, 0, false); err != nil {
		return "", nil, fmt.Errorf("set the prefetch: %w", r.ch.Explain(err))
	}
	r.rounds++
	// An ack to a quorum queue names the consumer, so each has a name of its own. What is given back comes in the order of these names where
	// no more than 32 of them still hold something: the queue has them in an Erlang map.
	tag = fmt.Sprintf("logpipe-dlq-%06d", r.rounds)
	if ended, err = r.ch.Consume(r.queue, tag, false, false, false, false, nil); err != nil {
		return "", nil, r.explain(err)
	}
	return tag, ended, nil
}

// How long a queue may deliver nothing until it is asked whether it has something, and until it is not believed any more.
const (
	quiet = 200 * time.Millisecond
	mute  = 10 * time.Second
)

// receive takes n messages, or fewer when the queue has no more.
func (r *Reader) receive(ctx context.Context, ended <-chan amqp091.Delivery, n int) (got []*Letter, err error) {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	empty, last := 0, time.Now()
	for len(got) < n {
		select {
		case <-r.inbox.wake:
			came, err := r.letters()
			if err != nil {
				return nil, err
			}
			if len(came) > 0 {
				got, empty, last = append(got, came...), 0, time.Now()
			}
		case <-ended:
			return nil, r.explain(amqp091.ErrClosed)
		case <-ctx.Done():
			return got, nil
		case <-timer.C:
			ready, err := r.ready()
			switch {
			case err != nil:
				return nil, err
			case ready > 0 && len(got) == 0 && time.Since(last) > mute:
				return nil, r.stuck()
			case ready > 0:
				empty = 0
			case empty == believed:
				return got, nil
			default:
				empty++
			}
		}
		timer.Reset(quiet)
	}
	return got, nil
}

func (r *Reader) stuck() error {
	return fmt.Errorf("%s gives no messages although it has some: it is a stream, or another consumer has it for itself (single active consumer)", named(r.queue))
}

func (r *Reader) explain(err error) error {
	if errors.Is(err, amqp091.ErrClosed) && !r.ch.IsClosed() {
		return fmt.Errorf("read %s: the broker has ended the consumer: the queue was deleted, or its node is down", named(r.queue))
	}
	return fmt.Errorf("read %s: %w", named(r.queue), r.ch.Explain(err))
}

// gone reports whether there is no such queue.
func (r *Reader) gone(queue string) bool {
	is, asked := r.missing[queue]
	if !asked {
		is = r.conn.Missing(queue)
		r.missing[queue] = is
	}
	return is
}

// Close lets the acks arrive and gives back what was not acked. An error means that some acks may not have arrived.
func (r *Reader) Close(ctx context.Context) error {
	err := r.land()
	r.giveBack(ctx)
	if serr := r.conn.Shut(ctx); err == nil {
		err = serr
	}
	return err
}
