package amqp

import (
	"fmt"
	"strconv"
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
	ended  func() // told when the broker has ended the consumer

	cancels chan string
	paused  atomic.Bool   // no deliveries are wanted now
	ending  atomic.Bool   // nor ever again, but acks go on
	drained atomic.Bool   // none comes any more
	stopped atomic.Bool   // the session closes
	poke    chan struct{} // one of these changed, or there is room again
	done    chan struct{} // closed when the pump has ended

	lost atomic.Pointer[error] // why the channel or connection is dead

	number int    // of the present subscription
	next   uint64 // the delivery tag that must come next
}

// start subscribes to the queue.
func (c *consumer) start(conn *rabbitmq.Connection) error {
	ch, err := conn.Open()
	if err != nil {
		return err
	}
	c.ch, c.next = ch, 1
	c.cancels = ch.NotifyCancel(make(chan string, 1))
	c.poke, c.done = make(chan struct{}, 1), make(chan struct{})
	c.acks = newAcker(c.sendAck, c.lose)
	deliveries, err := c.subscribe()
	if err != nil {
		return err
	}
	go c.pump(deliveries)
	return nil
}

// subscribe asks for deliveries. Each subscription has a tag that was never used: an ack to a quorum queue names the
// consumer, and a number that counts from its start, so an old ack must not meet a new consumer of the same name.
func (c *consumer) subscribe() (<-chan amqp091.Delivery, error) {
	prefetch := c.credit.begin()
	c.acks.prefetch(prefetch)
	if err := c.ch.Qos(prefetch, 0, false); err != nil {
		return nil, fmt.Errorf("set the prefetch: %w", c.ch.Explain(err))
	}
	c.number++
	deliveries, err := c.ch.Consume(c.queue, c.tag(), false, false, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume from queue %q: %w", c.queue, c.ch.Explain(err))
	}
	return deliveries, nil
}

func (c *consumer) tag() string { return c.name + "-" + strconv.Itoa(c.number) }

// pump puts what comes into the inbox. It ends a subscription and begins another one when the prefetch must change, or when
// the reader pauses.
func (c *consumer) pump(deliveries <-chan amqp091.Delivery) {
	defer close(c.done)
	for {
		if err := c.receive(deliveries); err != nil {
			c.lose(err)
			return
		}
		if !c.ready() {
			return
		}
		var err error
		if deliveries, err = c.subscribe(); err != nil {
			c.lose(err)
			return
		}
	}
}

// receive takes deliveries until the subscription ends. What the library has buffered when it is cancelled still comes:
// nothing is thrown away. An error means that the deliveries are lost.
func (c *consumer) receive(deliveries <-chan amqp091.Delivery) error {
	cancelled := false
	for {
		var end bool
		select {
		case d, ok := <-deliveries:
			if !ok {
				return nil
			}
			if err := c.accept(d); err != nil {
				return err
			}
			end = c.credit.change()
		case <-c.poke:
			end = c.paused.Load() || c.ending.Load() || c.stopped.Load()
		}
		if end && !cancelled {
			cancelled = true
			if err := c.ch.Cancel(c.tag(), false); err != nil {
				return fmt.Errorf("cancel the consumer: %w", c.ch.Explain(err))
			}
		}
	}
}

// accept puts a delivery into the inbox.
func (c *consumer) accept(d amqp091.Delivery) error {
	if d.DeliveryTag != c.next { // an ack of several would take one that nobody has seen
		return fmt.Errorf("delivery %d came where %d was due", d.DeliveryTag, c.next)
	}
	c.next++
	body := d.Body[:len(d.Body):len(d.Body)]
	c.credit.take(int64(len(body)))
	if c.inbox.put(d.DeliveryTag, delivery{rabbitmq.NewDelivery(d), body}) {
		c.wake()
	}
	return nil
}

// ready waits, after the end of a subscription, until another one may begin. It returns false if there will be none.
func (c *consumer) ready() bool {
	select {
	case _, ok := <-c.cancels:
		if ok { // else it is closed with the channel
			c.ended()
			c.linger()
			return false
		}
	default:
	}
	for {
		switch {
		case c.stopped.Load():
			return false
		case c.ch.IsClosed():
			c.lose(c.ch.Explain(amqp091.ErrClosed))
			return false
		case c.ending.Load():
			c.linger()
			return false
		case !c.paused.Load() && c.credit.room():
			return true
		}
		select {
		case <-c.poke:
		case <-c.ch.Done():
		}
	}
}

// linger waits for the end of the channel after the last subscription: until then acks are good.
func (c *consumer) linger() {
	c.drained.Store(true)
	c.wake()
	for !c.stopped.Load() {
		select {
		case <-c.poke:
		case <-c.ch.Done():
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
	if err := c.ch.Ack(tag, multiple); err != nil {
		return c.ch.Explain(err)
	}
	return nil
}

// stop ends the pump, now or when its connection is closed.
func (c *consumer) stop() {
	c.acks.close()
	c.stopped.Store(true)
	c.nudge()
}
