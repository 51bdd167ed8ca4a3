package stats

import (
	"sync"
	"time"
)

// Reloads is what became of the times that the configuration was read again.
type Reloads struct {
	Done, Refused int64     // how many of each
	Latest        time.Time // when the latest that was done was done; that of the start when none was
	Since         time.Time // since when the configuration in the files is refused; zero: it is the one that runs
	Cause         string    // Since is not zero: why it is refused, as the latest reload found it
}

// reloads counts them.
type reloads struct {
	mu sync.Mutex
	Reloads
}

// Started says when the configuration that runs was read first.
func (s *Set) Started(at time.Time) {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	s.reloads.Latest = at
}

// Reloaded says that the configuration was read again: it runs now, or err says why it does not and the one before still does.
func (s *Set) Reloaded(err error) {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	r, now := &s.reloads.Reloads, time.Now()
	if err == nil {
		r.Done++
		r.Latest, r.Since, r.Cause = now, time.Time{}, ""
		return
	}
	r.Refused++
	r.Cause = err.Error()
	if r.Since.IsZero() {
		r.Since = now
	}
}

// Reloads is what became of them so far.
func (s *Set) Reloads() Reloads {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	return s.reloads.Reloads
}
