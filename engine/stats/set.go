package stats

import (
	"slices"
	"sync"
)

// Set is the pipelines of a process, in the order of their files, and how often those were read again. It is safe for use by several goroutines.
type Set struct {
	mu  sync.Mutex
	all []*Pipeline

	reloads reloads
}

// Replace makes these the pipelines of the set.
func (s *Set) Replace(all []*Pipeline) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.Clone(all)
}

// All returns them.
func (s *Set) All() []*Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}
