package ratelimit

import (
	"time"

	"github.com/logpipe/logpipe/engine"
)

// run is one call of Run. Its methods return false when the pipeline must end at once.
type run struct {
	queue    []*engine.Batch // what waits, sweeps among it, in order
	messages int             // in queue
	swept    bool            // a sweep is in queue
	count    bucket
	bytes    bucket
	nap      time.Duration // the shortest wait
	out      chan<- *engine.Batch
	done     <-chan struct{}
}

// add puts what came at the end of the queue.
func (r *run) add(b *engine.Batch) bool {
	switch {
	case len(b.Messages) > 0:
		r.messages += len(b.Messages)
	case b.SealedBy == engine.SealedByLost:
		return r.passVoid() && r.send(b)
	case r.swept:
		// The stages behind this one are swept when what waits has gone to them. A second sweep on its way there would only close more of
		// their batches early: the input stands still because of the rate, and asks again and again.
		return true
	default:
		r.swept = true
	}
	r.queue = append(r.queue, b)
	return true
}

// pass sends what may pass now, and returns how long the next has to wait.
func (r *run) pass() (wait time.Duration, ok bool) {
	for len(r.queue) > 0 {
		b := r.queue[0]
		n, wait := r.due(b, time.Now())
		if n < len(b.Messages) {
			if n == 0 {
				return max(wait, r.nap), true
			}
			// The parts of a chunk share its memory; none reaches into another.
			part := &engine.Batch{Messages: b.Messages[:n:n]}
			b.Messages = b.Messages[n:]
			b = part
		} else {
			r.queue[0] = nil
			r.queue = r.queue[1:]
			r.swept = r.swept && n > 0
		}
		r.messages -= n
		if !r.send(b) {
			return 0, false
		}
	}
	r.queue = nil
	return time.Hour, true
}

// due takes what the first messages of b cost, and returns how many may pass now. When none may it returns how long the first has to wait.
func (r *run) due(b *engine.Batch, now time.Time) (n int, wait time.Duration) {
	if sealed(b) {
		count, bytes := cost(b.Messages)
		if wait = r.wait(count, bytes, now); wait > 0 {
			return 0, wait
		}
		r.take(count, bytes, now)
		return len(b.Messages), 0
	}
	for n = range b.Messages {
		count, bytes := cost(b.Messages[n : n+1])
		if wait = r.wait(count, bytes, now); wait > 0 {
			return n, wait
		}
		r.take(count, bytes, now)
	}
	return len(b.Messages), 0
}

// sealed reports whether b has a name already: parts of it would have the same one, and the second would be written over the first.
func sealed(b *engine.Batch) bool { return b.ID != "" || b.Partition != "" }

// cost is what messages take of the rates.
func cost(messages []engine.Message) (count, bytes float64) {
	for i := range messages {
		bytes += float64(len(messages[i].Body))
	}
	return float64(len(messages)), bytes
}

func (r *run) wait(count, bytes float64, now time.Time) time.Duration {
	return max(r.count.wait(count, now), r.bytes.wait(bytes, now))
}

func (r *run) take(count, bytes float64, now time.Time) {
	r.count.take(count, now)
	r.bytes.take(bytes, now)
}

// passVoid sends the messages whose connection is dead, so that it can be opened again; a sealed batch goes as a whole.
func (r *run) passVoid() bool {
	kept := r.queue[:0]
	for _, b := range r.queue {
		void, rest := r.split(b)
		if rest != nil {
			kept = append(kept, rest)
		}
		if void == nil {
			continue
		}
		r.messages -= len(void.Messages)
		if !r.send(void) {
			return false
		}
	}
	clear(r.queue[len(kept):])
	r.queue = kept
	return true
}

// split takes out of b what must pass at once; either part is nil when there is nothing of it.
func (r *run) split(b *engine.Batch) (void, rest *engine.Batch) {
	n := 0
	for i := range b.Messages {
		if b.Messages[i].Void() {
			n++
		}
	}
	switch {
	case n == 0:
		return nil, b
	case n == len(b.Messages):
		return b, nil
	case sealed(b):
		count, bytes := cost(b.Messages)
		r.take(count, bytes, time.Now())
		return b, nil
	}
	void = &engine.Batch{Messages: make([]engine.Message, 0, n)}
	live := b.Messages[:0]
	for _, m := range b.Messages {
		if m.Void() {
			void.Messages = append(void.Messages, m)
		} else {
			live = append(live, m)
		}
	}
	clear(b.Messages[len(live):])
	b.Messages = live
	return void, b
}

func (r *run) send(b *engine.Batch) bool {
	select {
	case r.out <- b:
		return true
	case <-r.done:
		return false
	}
}
