package cluster

import (
	"context"
	"sync"
	"time"
)

// sample is one moment of the run.
type sample struct {
	at       time.Duration
	messages int // in the queue, as KEDA counts them
	pods     int // that are ready
}

// curve is the run over time, and the names of its parts.
type curve struct {
	mu      sync.Mutex
	began   time.Time
	samples []sample
	marks   []mark
}

type mark struct {
	at   time.Duration
	name string
}

// mark begins a part.
func (c *curve) mark(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks = append(c.marks, mark{time.Since(c.began), name})
}

// watch takes a sample each second until the test ends.
func (s *story) watch() {
	s.curve = &curve{began: time.Now()}
	every(s.t, time.Second, func(context.Context) {
		ready, _ := s.kubelet.count()
		messages := s.depth()
		s.curve.mu.Lock()
		defer s.curve.mu.Unlock()
		if messages >= 0 {
			s.curve.samples = append(s.curve.samples, sample{time.Since(s.curve.began), messages, ready})
		}
	})
}
