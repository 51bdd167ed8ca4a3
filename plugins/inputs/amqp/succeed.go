package amqp

import (
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

const (
	// redeclareAfter is how long a deleted queue stays away. RabbitMQ 3.10 does not tell the other consumers of a quorum queue that it is
	// gone when it is there again within some 20 ms; they would wait for ever. And 4.0 says for a moment after the end of the consumer that the queue is there.
	redeclareAfter = 300 * time.Millisecond
	// How long a queue is left alone that cannot be read anew: at first, and at most.
	succeedFirst = time.Second
	succeedMost  = 15 * time.Second
)

// succeed is told, by its pump, that the broker has ended a consumer. The broker does not say why: the queue was deleted, its node is down. Publishers
// need the queue, so it is declared again soon, and another consumer takes the place of the one that was.
//
// What was delivered from a deleted queue is nowhere else, so it must not become void: the session lives on until all of it is settled, however long that takes
// and whatever happens to its connections. Nothing of it is acked: acks of the queue that was would take messages of the queue that is (measured
// with classic queues of 3.10 on the same channel), so that channel is closed. Where the queue was not deleted, its messages come again, and are written twice.
func (s *session) succeed(old *consumer) {
	s.mu.Lock()
	s.orphans = append(s.orphans, old)
	s.mu.Unlock()
	old.ch.Close() // from 4.3 on the broker may go on with a consumer that it has ended; if it is closed already, so much the better
	conn, queue := old.ch.Conn, old.queue
	why, pause := error(nil), redeclareAfter
	for s.sleep(pause, conn) {
		if why == nil {
			why = fmt.Errorf("the broker ended the consumer of queue %q: the queue was deleted and declared again, or its node is down", queue)
			if conn.Missing(queue) {
				why = fmt.Errorf("queue %q was deleted", queue)
				s.forsake()
			}
			s.in.env.Log.Warn("what came from the queue is kept and written; the queue is read anew", "queue", queue, "error", why)
		}
		seen, err := s.in.declare(conn)
		if err == nil {
			err = s.begin(conn, seen, old.credit, old)
		}
		switch {
		case err == nil:
			s.in.env.Log.Info("the queue is read again", "queue", queue)
			return
		case conn.IsClosed():
			continue // sleep says so
		}
		why = fmt.Errorf("%w, and cannot be read again: %w", why, err)
		s.mu.Lock()
		alone := !s.orphaned()
		s.mu.Unlock()
		if alone {
			s.lose(why)
			return
		}
		pause = min(max(2*pause, succeedFirst), succeedMost)
	}
}

// forsake ends the others, before the queue is there again: see redeclareAfter.
func (s *session) forsake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.consumers {
		c.gone.Store(true)
		c.nudge()
	}
}

// sleep waits before the next try. It returns false when there shall be none.
func (s *session) sleep(d time.Duration, conn *rabbitmq.Connection) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return !s.stopping.Load()
	case <-s.closing:
		return false
	case <-conn.Done():
		s.lose(conn.Explain(amqp091.ErrClosed))
		return false
	}
}
