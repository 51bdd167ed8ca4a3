package amqp

import (
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// waits knows since when the oldest delivery waits for its ack, to about waitsEach.
type waits struct {
	mu    sync.Mutex
	marks []mark // the oldest first
}

type mark struct {
	tag  uint64 // the first delivery
	came time.Time
}

const waitsEach = 100 * time.Millisecond

// began notes a delivery.
func (w *waits) began(tag uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if n := len(w.marks); n == 0 || now.Sub(w.marks[n-1].came) >= waitsEach {
		w.marks = append(w.marks, mark{tag, now})
	}
}

// endedUpTo notes an ack of all up to a delivery.
func (w *waits) endedUpTo(tag uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n+1 < len(w.marks) && w.marks[n+1].tag <= tag+1 {
		n++
	}
	w.marks = append(w.marks[:0], w.marks[n:]...)
}

// longest is how long the oldest one waits, if there is one.
func (w *waits) longest() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.marks) == 0 {
		return 0
	}
	return time.Since(w.marks[0].came)
}

// timeoutArgument is how a consumer says how long the broker waits for an ack. https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout: of quorum queues
// from 4.3 on, where it counts before what the queue or the broker has; for another queue it is refused (measured). Before, it was the broker's alone.
const timeoutArgument = "x-consumer-timeout"

// asked is the time that the broker is asked to wait, 0 where it is not asked.
func asked(b rabbitmq.Broker, seen rabbitmq.Seen, timeout time.Duration) time.Duration {
	if seen.Type != rabbitmq.Quorum || !b.From(4, 3) {
		return 0
	}
	return timeout
}

func (c *consumer) arguments() amqp091.Table {
	if c.timeout == 0 {
		return nil
	}
	return amqp091.Table{timeoutArgument: max(1, c.timeout.Milliseconds())}
}

// late is why the broker has ended the subscription, if that is because a message has waited longer for its ack than it was asked to. It tells no reason: it is this when a message has
// waited about as long, and the queue is there and stays. What came is in the queue again then, and so void here.
func (c *consumer) late() error {
	conn := c.ch.Conn
	if c.timeout == 0 || !c.holds() || c.waits.longest() < c.timeout*9/10 {
		return nil
	}
	for range 2 { // a queue that is being deleted may still seem to be there (seen with 4.0)
		if conn.Missing(c.queue) {
			return nil
		}
		time.Sleep(redeclareAfter)
	}
	return fmt.Errorf("the broker ended the consumer because a message waited for its ack longer than its consumer_timeout of %v", c.timeout)
}
