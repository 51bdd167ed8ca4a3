package rabbitmq

import (
	"errors"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// How often a queue is asked how long it is, and one that does not say: each refusal is a line in the broker's log.
const (
	depthEvery   = 15 * time.Second
	depthRefused = 5 * time.Minute
)

// Depth knows how long a queue is: what waits in it, without what is delivered and not acked. The zero value knows nothing yet.
type Depth struct {
	said atomic.Pointer[said]
}

type said struct{ messages, consumers int }

// Follow asks for the queue's length from time to time, on a channel of its own, and returns when the connection has ended. What was said is
// forgotten then: it would be shown for as long as the outage takes.
func (d *Depth) Follow(conn *Connection, queue string) {
	defer d.said.Store(nil)
	var ch *Channel
	for {
		next := depthEvery
		err := error(nil)
		if ch == nil || ch.IsClosed() { // a refusal closes it
			ch, err = conn.Open()
		}
		if err == nil {
			var q amqp.Queue
			if q, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil); err == nil {
				d.said.Store(&said{q.Messages, q.Consumers})
			}
		}
		if refused := (*amqp.Error)(nil); errors.As(err, &refused) {
			d.said.Store(nil)
			next = depthRefused
		}
		select {
		case <-conn.Done():
			return
		case <-time.After(next):
		}
	}
}

// Last is what the broker said last; ok is false while that is nothing.
func (d *Depth) Last() (messages, consumers int, ok bool) {
	if s := d.said.Load(); s != nil {
		return s.messages, s.consumers, true
	}
	return 0, 0, false
}
