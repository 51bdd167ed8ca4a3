package amqp

import (
	"slices"
)

// lose says why the session is lost. The first reason counts.
func (s *session) lose(err error) {
	s.mu.Lock()
	if s.reason == nil {
		s.reason = s.suspect(err)
	}
	if s.in.cfg.Temporary {
		s.leaveBehind()
	}
	s.shorten()
	waits := s.orphaned()
	s.mu.Unlock()
	if waits {
		s.drain() // what else comes now would come again
	}
	s.settle()
}

// leaveBehind makes orphans of all consumers: the queue went with the connection, so what came from it is nowhere else. It is called with the lock
// held.
func (s *session) leaveBehind() {
	for _, c := range s.consumers {
		c.acks.Abandon()
	}
	s.orphans = append(s.orphans, s.consumers...)
	s.consumers = nil
}

// over is why the session is lost, nil as long as it lives.
func (s *session) over() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.orphaned() {
		return nil
	}
	return s.reason
}

// orphaned reports whether something is here that is nowhere else. It forgets orphans that are settled.
func (s *session) orphaned() bool {
	s.orphans = slices.DeleteFunc(s.orphans, func(c *consumer) bool {
		if c.holds() {
			return false
		}
		delete(s.known, c.id)
		return true
	})
	return len(s.orphans) > 0
}

// settle tells the engine of the end of the session, if it has come: it may not be reading.
func (s *session) settle() {
	if err := s.over(); err != nil {
		select {
		case s.dead <- err:
		default: // it was told
		}
	}
	s.poke() // a reader that waits for the end
}
