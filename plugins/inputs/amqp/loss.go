package amqp

import (
	"fmt"
	"slices"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
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

// suspect looks at why the session is lost. Where a message may be the cause, the next session is cautious. It is called
// with the lock of the session, or before anybody else knows it.
func (s *session) suspect(err error) error {
	if !rabbitmq.IsCrash(err) {
		return err
	}
	prefetch, came := 0, false
	for _, c := range s.credits {
		p, got := c.Asked()
		prefetch, came = max(prefetch, p), came || got > 0
	}
	s.in.caution.Alarm(prefetch)
	if prefetch > 1 || came {
		return fmt.Errorf("a message of queue %q may be one that cannot be delivered: %w", s.in.name(), err)
	}
	// Said for itself, and once: the end may come while the input is opened, which is tried again without a word.
	s.in.say(s.in.env.Log.Warn, []string{fmt.Sprintf("the message at the front of queue %q cannot be delivered, to no reader, and what is behind it has to wait", s.in.name())})
	return fmt.Errorf("the message at the front of queue %q cannot be delivered: %w", s.in.name(), err)
}
