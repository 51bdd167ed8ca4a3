package books

import (
	"sync"

	"github.com/logpipe/logpipe/engine/internal/signal"
)

// AckQueue collects the tags of settled chunks of one connection until its acker takes them.
type AckQueue struct {
	Wake chan struct{}

	mu   sync.Mutex
	tags []uint64
}

func newAckQueue() *AckQueue { return &AckQueue{Wake: make(chan struct{}, 1)} }

func (q *AckQueue) push(tag uint64) {
	q.mu.Lock()
	q.tags = append(q.tags, tag)
	q.mu.Unlock()
	signal.Poke(q.Wake)
}

// Take returns what is in the queue and leaves spare in its place, so that two slices serve a connection for ever.
func (q *AckQueue) Take(spare []uint64) []uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	tags := q.tags
	q.tags = spare[:0]
	return tags
}
