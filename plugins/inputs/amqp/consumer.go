package amqp

import (
	"sync/atomic"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// consumer reads the queue through one channel of a connection of its own. Its pump is the only goroutine that asks
// something of the channel; acks go beside it.
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

	// of the pump alone
	now    *subscription // nil when there is none
	old    *subscription // the one before, cancelled, until all that it brought is taken
	number int           // of the last subscription
	next   uint64        // the delivery tag that must come next
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
	if err := c.subscribe(); err != nil {
		return err
	}
	go c.pump()
	return nil
}

// pump puts what comes into the inbox, as long as there is a subscription or may be one again; then it waits for the end of
// the session.
func (c *consumer) pump() {
	defer close(c.done)
	for {
		err := c.receive()
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

// receive takes deliveries until no subscription is left. What the library has buffered when one is cancelled still comes:
// nothing is thrown away. An error means that deliveries are lost.
func (c *consumer) receive() error {
	for c.now != nil || c.old != nil {
		var err error
		select {
		case d, ok := <-c.now.next():
			err = c.came(c.now, d, ok)
		case d, ok := <-c.old.next():
			err = c.came(c.old, d, ok)
		case <-c.poke:
		}
		if err == nil {
			err = c.adjust()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// accept puts the delivery that is due into the inbox.
func (c *consumer) accept(d amqp091.Delivery) {
	c.next++
	got := delivery{rabbitmq.NewDelivery(d).From(c.queue), d.Body[:len(d.Body):len(d.Body)]}
	headers := got.meta.HeaderBytes()
	c.credit.take(int64(len(got.body)) + headers)
	if c.inbox.put(d.DeliveryTag, got, headers) {
		c.wake()
	}
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
