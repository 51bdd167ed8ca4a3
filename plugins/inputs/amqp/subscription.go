package amqp

import (
	"fmt"
	"strconv"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// subscription is a consumer as the broker knows it: its prefetch is fixed.
//
// To change the prefetch, the next subscription begins before the last one is cancelled: an auto-delete queue is gone, with all that is in it,
// as soon as it has no consumer. Both bring deliveries of one channel, whose tags count on.
type subscription struct {
	tag       string
	ended     <-chan amqp091.Delivery // closed when all that it brought has come; nothing comes through it: see rabbitmq.Receiver
	cancelled bool                    // by us
}

// end is closed when the subscription is at its end, nil when there is none.
func (s *subscription) end() <-chan amqp091.Delivery {
	if s == nil {
		return nil
	}
	return s.ended
}

// subscribe asks for deliveries. Each subscription has a tag that was never used: an ack to a quorum queue names the
// consumer, and a number that counts from its start, so an old ack must not meet a new consumer of the same name.
func (c *consumer) subscribe() error {
	prefetch := c.credit.begin()
	c.acks.prefetch(prefetch)
	if err := c.ch.Qos(prefetch, 0, false); err != nil { // for the consumers to come
		return fmt.Errorf("set the prefetch: %w", c.ch.Explain(err))
	}
	c.number++
	s := &subscription{tag: c.name + "-" + strconv.Itoa(c.number)}
	var err error
	if s.ended, err = c.ch.Consume(c.queue, s.tag, false, false, false, false, nil); err != nil {
		return fmt.Errorf("consume from queue %q: %w", c.queue, c.ch.Explain(err))
	}
	c.now = s
	return nil
}

// adjust ends the subscription, or puts another one in its place, where that is due.
func (c *consumer) adjust() error {
	switch {
	case c.now == nil || c.now.cancelled:
		return nil
	case c.gone || c.paused.Load() || c.ending.Load() || c.stopped.Load():
		return c.cancel(c.now)
	case c.old == nil && c.credit.change():
		c.old, c.now = c.now, nil
		if err := c.subscribe(); err != nil {
			return err
		}
		return c.cancel(c.old)
	}
	return nil
}

func (c *consumer) cancel(s *subscription) error {
	s.cancelled = true
	if err := c.ch.Cancel(s.tag, false); err != nil {
		return fmt.Errorf("cancel the consumer: %w", c.ch.Explain(err))
	}
	return nil
}

// close forgets a subscription that has ended, and notes whether it was the broker that ended one.
func (c *consumer) close(s *subscription) {
	if s == c.now {
		c.now = nil
	} else {
		c.old = nil
	}
	select {
	case _, ok := <-c.cancels:
		c.gone = c.gone || ok // else it is closed with the channel
	default:
	}
}
