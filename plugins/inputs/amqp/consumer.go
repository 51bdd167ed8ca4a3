package amqp

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/acks"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// consumer reads the queue through one channel. Deliveries come from the goroutine that reads the connection. Its pump
// is the only goroutine that asks something of the channel; acks go beside it. What it does is in phase.go.
type consumer struct {
	id      uint64 // among the consumers of the session
	queue   string
	name    string        // the consumer tag without its number
	timeout time.Duration // that the broker is asked to wait for an ack; 0 is its own
	journal bool          // the queue keeps a journal: see journaled
	ch      *rabbitmq.Channel
	acks    *acks.Acker
	credit  *credit.Credit
	waits   waits // of what came, for its ack
	inbox   inbox
	wake    func()          // the reader
	short   func()          // told when the prefetch is nearly used up
	fail    func(error)     // told once, why the channel or connection is dead
	ended   func(*consumer) // told by the pump, as the last thing, when the broker has ended the subscription

	wish  atomic.Int32  // a wish: what shall be
	at    atomic.Int32  // a phase: what is. The pump alone changes it
	gone  atomic.Bool   // the queue is, though the broker may never say so to this consumer
	poke  chan struct{} // a wish has changed, or the credit
	lost  atomic.Pointer[error]
	doubt atomic.Bool // this may be a stream; nothing is taken before that is known

	next uint64 // the delivery tag that must come next; of Receive, and of the pump while there is no subscription

	// of the pump alone
	sub     subscription // the present one, or the last
	number  int          // of it
	cancels chan string  // subscriptions that the broker has ended
}

// journaled is how many settled deliveries may wait for their acks where the queue keeps a journal.
//
// A classic queue before 3.12 writes what is published, delivered and acked into a journal of 32,768 entries. When that is full, what it has not
// all three of goes into segments, from where it is taken out again later, one by one. 8,192 deliveries are 24,576 entries, so most are acked
// before. With a rare partition and 57,000 that wait, 3.10 takes 1.4 times the CPU for each message, and stands still for more than a second at each
// of their acks; with 8,750 it is 1.03 (test/liveness with -prefetch).
// https://github.com/rabbitmq/rabbitmq-server/blob/v3.10.8/deps/rabbit/src/rabbit_queue_index.erl
const journaled = 8192

// start opens the channel and subscribes to the queue. The pump goes on from there.
func (c *consumer) start(conn *rabbitmq.Connection) (phase, error) {
	ch, err := conn.Open()
	if err != nil {
		return lost, err
	}
	c.ch, c.next = ch, 1
	c.cancels = ch.NotifyCancel(make(chan string, 8)) // one subscription lives at a time
	c.poke = make(chan struct{}, 1)
	c.acks = acks.New(c.sendAck, c.lose, c.short)
	if c.journal {
		c.acks.Spare(journaled)
	}
	conn.Take(c.queue, c)
	return c.resume()
}

// Receive implements rabbitmq.Receiver. The deliveries of a channel count up without a gap. An ack of several covers all before it, so one that
// was overlooked would be acked with the next ones.
func (c *consumer) Receive(list []rabbitmq.Incoming) {
	if c.wants() == wantEnd {
		return // nobody will read it, and it goes back to the queue
	}
	if c.next == 1 && list[0].Meta.FromStream() {
		c.inbox.hold(true)
		c.doubt.Store(true)
		c.nudge()
	}
	for i := range list {
		if list[i].Tag != c.next {
			c.lose(fmt.Errorf("delivery %d came where %d was due", list[i].Tag, c.next))
			list, c.next = list[:i], 0 // no delivery has this tag: nothing is taken any more
			break
		}
		c.next++
	}
	if len(list) == 0 {
		return
	}
	c.credit.Take(list)
	c.credit.Look(c.acks.Acked())
	c.waits.began(list[0].Tag)
	if c.inbox.put(list) {
		c.wake()
	}
	if c.phase() == filling || c.credit.Due() != credit.Same {
		c.nudge()
	}
}

// Full implements rabbitmq.Holder.
func (c *consumer) Full() <-chan struct{} { return c.credit.Full() }

// errPassedOn cannot be, but a delivery that nobody takes would be acked with the next ones.
var errPassedOn = errors.New("a delivery came through the library")

// clear finds out whether the queue is a stream, if that is in doubt: we may not declare it, else it had been seen at Open.
func (c *consumer) clear() error {
	if !c.doubt.Load() {
		return nil
	}
	if c.ch.Conn.IsStream(c.queue) {
		return rabbitmq.StreamError(c.queue)
	}
	c.doubt.Store(false)
	c.inbox.hold(false)
	c.wake()
	return nil
}

// lose says that the channel or connection is dead, and why. The first reason counts.
func (c *consumer) lose(err error) {
	if c.lost.CompareAndSwap(nil, &err) {
		c.fail(err)
	}
	c.wake()
}

// nudge lets the pump look at what has changed.
func (c *consumer) nudge() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// ack takes the numbers of settled chunks.
func (c *consumer) ack(numbers []uint64) error {
	messages, bytes, err := c.acks.Settle(numbers)
	c.credit.Give(messages, bytes)
	if c.credit.Due() != credit.Same {
		c.nudge()
	}
	return err
}

func (c *consumer) sendAck(tag uint64, multiple bool) error {
	if err := c.ch.Ack(tag, multiple); err != nil {
		return c.ch.Explain(err)
	}
	if multiple {
		c.waits.endedUpTo(tag)
	}
	return nil
}

// holds reports whether something that came is not read, or not settled.
func (c *consumer) holds() bool { return !c.inbox.empty() || !c.acks.Idle() }

// end is for Close: what comes is not taken any more, and no ack is sent.
func (c *consumer) end() {
	c.acks.Close()
	c.credit.Close()
	c.want(wantEnd)
}
