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
	said   atomic.Pointer[said]
	yields atomic.Bool // there is no channel to ask on: see Follow
}

type said struct{ messages, consumers int }

// Follow asks for the queue's length from time to time, and returns when the connection has ended. What was said is
// forgotten then: it would be shown for as long as the outage takes. Each question is asked within turn, which may let it
// be for this time; nil asks at once.
//
// A user may have a limit of channels, see IsLimit. So there is a channel only for the moment of the question: at any
// other time its place is for those that read and publish. If the connection ends for want of channels all the same,
// nobody asks any more for as long as the Depth is used, nor where others of this user have none: logs come first.
func (d *Depth) Follow(conn *Connection, queue string, turn func(ask func())) {
	defer d.said.Store(nil)
	if turn == nil {
		turn = func(ask func()) { ask() }
	}
	for !d.yields.Load() {
		if times, _ := conn.ShutOut(); times > 0 {
			return
		}
		next := depthEvery
		turn(func() { next = d.ask(conn, queue) })
		select {
		case <-conn.Done():
			d.yields.Store(IsLimit(conn.Cause()))
			return
		case <-time.After(next):
		}
	}
}

// ask asks once, and returns when to do so again.
func (d *Depth) ask(conn *Connection, queue string) time.Duration {
	q, err := conn.lengthOf(queue)
	switch refused := (*amqp.Error)(nil); {
	case errors.As(err, &refused):
		d.said.Store(nil)
		return depthRefused
	case err == nil:
		d.said.Store(&said{q.Messages, q.Consumers})
	}
	return depthEvery
}

func (c *Connection) lengthOf(queue string) (amqp.Queue, error) {
	ch, err := c.Open()
	if err != nil {
		return amqp.Queue{}, err
	}
	defer ch.Close() // a refusal has closed it already
	return ch.QueueDeclarePassive(queue, true, false, false, false, nil)
}

// Yields reports whether nobody asks any more, because there are too few channels.
func (d *Depth) Yields() bool { return d.yields.Load() }

// Last is what the broker said last; ok is false while that is nothing.
func (d *Depth) Last() (messages, consumers int, ok bool) {
	if s := d.said.Load(); s != nil {
		return s.messages, s.consumers, true
	}
	return 0, 0, false
}
