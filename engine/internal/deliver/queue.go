package deliver

import (
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/signal"
)

// Queue is what a branch has no room for yet: what comes behind a branch that is down must not wait for it. It has no bound of its own:
// all that is in it is unsettled, and counts in the windows.
type Queue struct {
	br     *Branch
	wake   chan struct{} // something came, or it is the end
	purges chan struct{} // a connection died

	mu      sync.Mutex
	waiting []*engine.Batch
	ended   bool
}

func newQueue(br *Branch) *Queue {
	return &Queue{br: br, wake: make(chan struct{}, 1), purges: make(chan struct{}, 1)}
}

// Put adds a batch. A sweep behind another of the same kind says nothing new.
func (q *Queue) Put(b *engine.Batch) {
	q.mu.Lock()
	if len(b.Messages) > 0 || !q.swept(b.SealedBy) {
		q.waiting = append(q.waiting, b)
	}
	q.mu.Unlock()
	signal.Poke(q.wake)
}

// swept reports whether a sweep of the kind waits behind all messages. It needs the lock.
func (q *Queue) swept(cause string) bool {
	for i := len(q.waiting) - 1; i >= 0 && len(q.waiting[i].Messages) == 0; i-- {
		if q.waiting[i].SealedBy == cause {
			return true
		}
	}
	return false
}

// End says that nothing more comes.
func (q *Queue) End() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	signal.Poke(q.wake)
}

// pop returns the batch that came first, nil when there is none. more is false when there will be none any more.
func (q *Queue) pop() (b *engine.Batch, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting = nil // so that what was long once is not kept
		return nil, !q.ended
	}
	b, q.waiting[0] = q.waiting[0], nil
	q.waiting = q.waiting[1:]
	return b, true
}

// Feed passes on to the branch what waits, until the end, and closes its channel.
func (q *Queue) Feed() {
	defer close(q.br.In)
	for q.br.Hard.Err() == nil {
		b, more := q.pop()
		switch {
		case b != nil:
			q.pass(b)
		case !more:
			return
		default:
			select {
			case <-q.wake:
			case <-q.purges:
			case <-q.br.Hard.Done():
			}
		}
	}
}

// pass waits until the branch takes b, or nothing is left of it, or the hard end.
func (q *Queue) pass(b *engine.Batch) {
	for {
		select {
		case q.br.In <- b:
			return
		case <-q.purges:
			sweep := len(b.Messages) == 0
			q.br.Attempt.discard(b)
			q.purge()
			if len(b.Messages) == 0 && !sweep {
				b.Recycle()
				return
			}
		case <-q.br.Hard.Done():
			return
		}
	}
}

// purge lets go what is void among what waits: its input is not opened again before that.
func (q *Queue) purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.waiting[:0]
	for _, b := range q.waiting {
		sweep := len(b.Messages) == 0
		if q.br.Attempt.discard(b); len(b.Messages) > 0 || sweep {
			kept = append(kept, b)
		} else {
			b.Recycle()
		}
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
}
