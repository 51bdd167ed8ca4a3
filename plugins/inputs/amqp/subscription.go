package amqp

import (
	"fmt"
	"strconv"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// subscription is a consumer as the broker knows it: its prefetch is fixed.
//
// There is never more than one of a channel. To change the prefetch, the last one is cancelled, what it brought comes to its end, and then the next begins. For a moment the queue has no
// consumer then, and two kinds of queues do not stand that:
//   - an auto-delete queue is gone, with all that is in it, as soon as it has no consumer;
//   - one with x-single-active-consumer goes over to another reader that waits, which breaks the order of what we hold and it gets.
//
// Two at once are no way out: a classic queue with a single active consumer crashes at it, again and again, on brokers before 3.11 (rabbitmq-server#5460, seen with
// 3.10.8), and stands still. Nor is a prefetch for the whole channel (basic.qos with global), which can be changed at any time: a broker before 4.3 closes the
// connection of who reads a quorum queue so (540), and from 4.3 on it takes the number for one of the next subscription, without a word (measured). Nor is it to look at a first message with
// basic.get: it would come out of the order of a single active consumer, and an empty queue shows none. So where a queue is of such a kind, or cannot be seen, there is one
// subscription with all of the prefetch from the start, and Full alone bounds what is here: see credit.
type subscription struct {
	tag   string
	ended <-chan amqp091.Delivery // closed when all that it brought has come; nothing comes through it: see rabbitmq.Receiver
}

// subscribe asks for deliveries. Each subscription has a tag that was never used: an ack to a quorum queue names the
// consumer, and a number that counts from its start, so an old ack must not meet a new consumer of the same name.
func (c *consumer) subscribe(prefetch int) error {
	c.acks.Prefetch(prefetch, c.next)
	if err := c.ch.Qos(prefetch, 0, false); err != nil { // for the consumers to come
		return fmt.Errorf("set the prefetch: %w", c.ch.Explain(err))
	}
	c.number++
	c.sub.tag = c.name + "-" + strconv.Itoa(c.number)
	var err error
	if c.sub.ended, err = c.ch.Consume(c.queue, c.sub.tag, false, false, false, false, c.arguments()); err != nil {
		return fmt.Errorf("consume from queue %q: %w", c.queue, c.ch.Explain(err))
	}
	return nil
}

func (c *consumer) cancel() error {
	if err := c.ch.Cancel(c.sub.tag, false); err != nil {
		return fmt.Errorf("cancel the consumer: %w", c.ch.Explain(err))
	}
	return nil
}
