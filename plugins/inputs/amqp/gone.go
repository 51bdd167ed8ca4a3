package amqp

import (
	"fmt"
	"time"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// redeclareAfter is how long a deleted queue stays away. RabbitMQ 3.10 does not tell the other consumers of a quorum queue that it is
// gone when it is there again within some 20 ms; they would wait for ever.
const redeclareAfter = 300 * time.Millisecond

// ended is told when the broker has ended a consumer. A queue that was deleted is declared again soon, because
// publishers need it.
//
// What was delivered from a deleted queue is nowhere else, so it must not become void: however long it takes, the session goes on until all of it
// is settled, and only then ends, to read the queue anew. It does not read on meanwhile: acks of the queue that was would take
// messages of the queue that is, and a channel whose deliveries wait too long is closed with all that it has. The broker does not
// say why it ends a consumer, and another logpipe may have declared the queue again already: so this is done whatever the reason is.
func (s *session) ended(conn *rabbitmq.Connection) {
	s.end.Do(func() {
		s.over.Store(true)
		queue := s.in.cfg.Queue
		err := fmt.Errorf("the broker ended the consumer of queue %q: the queue was deleted, its node is down, or a message waited too long for its ack", queue)
		if conn.Missing(queue) {
			err = fmt.Errorf("queue %q was deleted", queue)
			select {
			case <-time.After(redeclareAfter):
			case <-conn.Done():
			}
			if derr := s.in.declare(conn); derr != nil {
				err = fmt.Errorf("%w, and cannot be declared again: %w", err, derr)
			}
		}
		s.in.env.Log.Warn("what came from the queue is kept and written; the queue is read again after that", "queue", queue, "error", err)
		s.gone.Store(&err)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.consumers {
		c.ending.Store(true)
		c.nudge()
	}
	s.poke()
}

// finished returns why the session ends: the broker has ended a consumer, and everything that came is read and settled.
func (s *session) finished() error {
	err := s.gone.Load()
	if err == nil || !s.drained() || s.unread() {
		return nil
	}
	for _, c := range s.consumers {
		if !c.acks.idle() {
			return nil
		}
	}
	return *err
}
