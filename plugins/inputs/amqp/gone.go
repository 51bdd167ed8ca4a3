package amqp

import (
	"fmt"
	"time"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// ended is told when the broker has ended a consumer. A queue that was deleted is declared again at once, because
// publishers need it; it is read again after the next Open.
func (s *session) ended(conn *rabbitmq.Connection) {
	s.end.Do(func() {
		queue := s.in.cfg.Queue
		err := fmt.Errorf("the broker ended the consumer of queue %q: its node is down, or a message waited too long for its ack", queue)
		if conn.Missing(queue) {
			err = fmt.Errorf("queue %q was deleted", queue)
			if derr := s.in.declare(conn); derr != nil {
				err = fmt.Errorf("%w, and cannot be declared again: %w", err, derr)
			}
		}
		s.mu.Lock()
		s.gone = err
		s.mu.Unlock()
	})
	s.mu.Lock()
	s.left++
	s.mu.Unlock()
	s.poke()
}

// goneGrace is how long a session goes on after the broker has ended its consumers.
const goneGrace = time.Minute

// over returns why the session ends: the broker has ended its consumers, and everything that they brought is read and
// acked, or has had a minute for that. To end at once would make it all void, and when the queue was deleted it is nowhere
// else. atMost is set to the rest of the minute.
func (s *session) over(atMost *time.Duration) error {
	s.mu.Lock()
	err, all := s.gone, s.left == len(s.consumers)
	s.mu.Unlock()
	if err == nil {
		return nil
	}
	if s.until.IsZero() {
		s.until = time.Now().Add(goneGrace)
	}
	if *atMost = time.Until(s.until); *atMost <= 0 || all && s.idle() {
		return err
	}
	return nil
}

func (s *session) idle() bool {
	for _, c := range s.consumers {
		if !c.acks.idle() {
			return false
		}
	}
	return true
}
