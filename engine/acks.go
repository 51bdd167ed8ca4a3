package engine

import (
	"sync"
)

// ackQueue collects the tags of settled chunks of one connection until its acker takes them.
type ackQueue struct {
	wake chan struct{}

	mu   sync.Mutex
	tags []uint64
}

func newAckQueue() *ackQueue { return &ackQueue{wake: make(chan struct{}, 1)} }

func (q *ackQueue) push(tag uint64) {
	q.mu.Lock()
	q.tags = append(q.tags, tag)
	q.mu.Unlock()
	poke(q.wake)
}

// take returns what is in the queue and leaves spare in its place, so that two slices serve a connection for ever.
func (q *ackQueue) take(spare []uint64) []uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	tags := q.tags
	q.tags = spare[:0]
	return tags
}
