package amqp

import (
	"fmt"
	"strconv"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// subscription is a consumer as the broker knows it: its prefetch is fixed.
//
// To change the prefetch, the next subscription begins before the last one is cancelled: an auto-delete queue is gone, with all that is in it,
// as soon as it has no consumer. Both bring deliveries of one channel, each of them in order; what came before its turn waits.
type subscription struct {
	tag        string
	deliveries <-chan amqp091.Delivery
	early      *amqp091.Delivery // the other subscription has what is due before it
	cancelled  bool              // by us
}

// next is where the next delivery comes from, nil when none is to be taken now.
func (s *subscription) next() <-chan amqp091.Delivery {
	if s == nil || s.early != nil {
		return nil
	}
	return s.deliveries
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
	if s.deliveries, err = c.ch.Consume(c.queue, s.tag, false, false, false, false, nil); err != nil {
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

// came takes what a subscription brought: a delivery, or its end.
func (c *consumer) came(s *subscription, d amqp091.Delivery, ok bool) error {
	switch {
	case !ok:
		c.close(s)
	case c.next == 1 && rabbitmq.FromStream(d) && c.ch.Conn.IsStream(c.queue):
		return rabbitmq.StreamError(c.queue) // we may not declare it, else it had been seen at Open
	case d.DeliveryTag == c.next:
		c.accept(d)
	default:
		early := d
		s.early = &early
	}
	for c.due(c.now) || c.due(c.old) {
	}
	return c.gap()
}

// due accepts what came early, if it is its turn.
func (c *consumer) due(s *subscription) bool {
	if s == nil || s.early == nil || s.early.DeliveryTag != c.next {
		return false
	}
	c.accept(*s.early)
	s.early = nil
	return true
}

// gap is an error when nobody can bring the delivery that is due: an ack of several would take one that nobody has seen.
func (c *consumer) gap() error {
	for _, s := range [...]*subscription{c.now, c.old} {
		if s != nil && s.early == nil {
			return nil
		}
	}
	for _, s := range [...]*subscription{c.now, c.old} {
		if s != nil {
			return fmt.Errorf("delivery %d came where %d was due", s.early.DeliveryTag, c.next)
		}
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
