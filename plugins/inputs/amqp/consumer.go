package amqp

import (
	"errors"
	"fmt"
	"sync/atomic"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// consumer reads the queue through one channel of a connection of its own. Deliveries come from the goroutine that reads the connection. Its pump
// is the only goroutine that asks something of the channel; acks go beside it.
type consumer struct {
	index  int // among the session's consumers
	queue  string
	name   string // the consumer tag without its number
	ch     *rabbitmq.Channel
	acks   *acker
	credit *credit
	inbox  inbox
	wake   func() // the reader
	dead   chan<- error
	ended  func()       // told when the broker has ended the consumer
	over   *atomic.Bool // the broker has ended one of the session's consumers

	cancels chan string
	paused  atomic.Bool   // no deliveries are wanted now
	ending  atomic.Bool   // nor ever again, but acks go on
	drained atomic.Bool   // none comes any more
	stopped atomic.Bool   // the session closes
	poke    chan struct{} // one of these changed, or there is room again
	done    chan struct{} // closed when the pump has ended

	lost atomic.Pointer[error] // why the channel or connection is dead

	next    uint64      // the delivery tag that must come next; of Receive alone
	suspect atomic.Bool // this may be a stream; nothing is taken before that is known

	// of the pump alone
	now    *subscription // nil when there is none
	old    *subscription // the one before, cancelled, until all that it brought has come
	number int           // of the last subscription
	gone   bool          // the broker has ended a subscription
}

// start subscribes to the queue.
func (c *consumer) start(conn *rabbitmq.Connection) error {
	ch, err := conn.Open()
	if err != nil {
		return err
	}
	c.ch, c.next = ch, 1
	c.cancels = ch.NotifyCancel(make(chan string, 8)) // at most two live at a time
	c.poke, c.done = make(chan struct{}, 1), make(chan struct{})
	c.acks = newAcker(c.sendAck, c.lose)
	conn.Take(c.queue, c)
	if err := c.subscribe(); err != nil {
		return err
	}
	go c.pump()
	return nil
}

// Receive implements rabbitmq.Receiver. The deliveries of a channel count up without a gap. An ack of several covers all before it, so one that
// was overlooked would be acked with the next ones.
func (c *consumer) Receive(list []rabbitmq.Incoming) {
	if c.next == 1 && list[0].Meta.FromStream() {
		c.inbox.hold(true)
		c.suspect.Store(true)
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
	c.credit.take(list)
	if c.inbox.put(list) {
		c.wake()
	}
	if c.credit.change() {
		c.nudge()
	}
}

// pump keeps a subscription as long as there shall be one; then it waits for the end of the session.
func (c *consumer) pump() {
	defer close(c.done)
	for {
		err := c.attend()
		if err == nil && !c.gone && c.ready() {
			if err = c.subscribe(); err == nil {
				continue
			}
		}
		switch {
		case c.gone || rabbitmq.IsMissing(err):
			c.acks.abandon()
			c.ended()
		case err != nil:
			c.lose(err)
			return
		}
		c.linger()
		return
	}
}

// attend returns when no subscription is left. All that they brought has come then.
func (c *consumer) attend() error {
	for c.now != nil || c.old != nil {
		select {
		case _, ok := <-c.now.end():
			if ok {
				return errPassedOn
			}
			c.close(c.now)
		case _, ok := <-c.old.end():
			if ok {
				return errPassedOn
			}
			c.close(c.old)
		case <-c.poke:
		}
		if err := c.clear(); err != nil {
			return err
		}
		if err := c.adjust(); err != nil {
			return err
		}
	}
	return nil
}

// errPassedOn cannot be, but a delivery that nobody takes would be acked with the next ones.
var errPassedOn = errors.New("a delivery came through the library")

// clear finds out whether the queue is a stream, if that is in doubt: we may not declare it, else it had been seen at Open.
func (c *consumer) clear() error {
	if !c.suspect.Load() {
		return nil
	}
	if c.ch.Conn.IsStream(c.queue) {
		return rabbitmq.StreamError(c.queue)
	}
	c.suspect.Store(false)
	c.inbox.hold(false)
	c.wake()
	return nil
}

// ready waits, while there is no subscription, until one may begin. It returns false if there will be none.
func (c *consumer) ready() bool {
	for !c.stopped.Load() && !c.ending.Load() && !c.ch.IsClosed() {
		if !c.paused.Load() {
			return true
		}
		select {
		case <-c.poke:
		case <-c.ch.Done():
		}
	}
	return false
}

// linger waits for the end of the channel after the last subscription: until then acks are good. Once the broker has ended one of the
// session's consumers, the end of a channel is no loss: see session.ended.
func (c *consumer) linger() {
	c.drained.Store(true)
	c.wake()
	dead := c.ch.Done()
	for !c.stopped.Load() {
		select {
		case <-c.poke:
		case <-dead:
			if conn := c.ch.Conn; c.over.Load() && !conn.IsClosed() {
				c.acks.abandon()
				dead = conn.Done()
				continue
			}
			c.lose(c.ch.Explain(amqp091.ErrClosed))
			return
		}
	}
}

// lose says that the source is lost, and why. The first reason counts.
func (c *consumer) lose(err error) {
	if c.lost.CompareAndSwap(nil, &err) {
		select {
		case c.dead <- err:
		default: // another consumer's end was first
		}
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
	messages, bytes, err := c.acks.settle(numbers)
	if c.credit.give(messages, bytes) {
		c.nudge()
	}
	return err
}

func (c *consumer) sendAck(tag uint64, multiple bool) error {
	err := c.ch.Ack(tag, multiple)
	if err == nil || c.over.Load() && !c.ch.Conn.IsClosed() {
		return nil
	}
	return c.ch.Explain(err)
}

// stop ends the pump, now or when its connection is closed.
func (c *consumer) stop() {
	c.acks.close()
	c.stopped.Store(true)
	c.nudge()
}
