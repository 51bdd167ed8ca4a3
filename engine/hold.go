package engine

import (
	"slices"
	"sync"
	"time"
)

// How many messages the holder takes; and it takes one batch for each worker, however large.
const holdMost = 1000

// How long a round of tries may take before it gives the output a rest.
const holdRound = time.Second

// holder keeps batches that can be written nowhere while others can, so that they do not keep the workers: as many of them as there
// are workers would stop the pipeline. Its goroutine tries them again for ever. What it has is bounded, and counts in the window.
type holder struct {
	br     *branch
	wake   chan struct{} // something came
	purges chan struct{} // a connection died
	last   chan struct{} // closed when no worker is left: end when nothing is held
	done   chan struct{}

	mu       sync.Mutex
	held     []*Batch // the one that waited longest is first
	messages int
	trying   bool // one is being written, and is not in held
}

func newHolder(br *branch) *holder {
	return &holder{br: br, wake: make(chan struct{}, 1), purges: make(chan struct{}, 1), last: make(chan struct{}), done: make(chan struct{})}
}

// take takes a batch over from a worker, unless there are too many.
func (h *holder) take(b *Batch, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.held) >= h.br.spec.Workers && h.messages+len(b.Messages) > holdMost {
		return false
	}
	if len(h.held) == 0 && !h.trying {
		h.br.sayHeld(b, err)
	}
	h.put(b)
	poke(h.wake)
	return true
}

// put needs the lock.
func (h *holder) put(b *Batch) {
	h.held = append(h.held, b)
	h.messages += len(b.Messages)
}

// pop returns the batch that waited longest, nil if there is none.
func (h *holder) pop() *Batch {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = len(h.held) > 0
	if !h.trying {
		return nil
	}
	b := h.held[0]
	h.held = slices.Delete(h.held, 0, 1)
	h.messages -= len(b.Messages)
	return b
}

// run tries what is held until nothing is and nothing can come any more, or until the hard end.
func (h *holder) run() {
	defer close(h.done)
	wait := heldBackoff()
	for h.br.hard.Err() == nil {
		if h.count() == 0 {
			if isClosed(h.last) {
				return
			}
			select {
			case <-h.wake:
			case <-h.last:
			case <-h.br.hard.Done():
			}
			continue
		}
		if wait.rest(h.br.ends, h.purges, h.purge) != nil {
			return
		}
		h.round(&wait)
	}
}

// holds is what it has.
func (h *holder) holds() Capacity {
	h.mu.Lock()
	defer h.mu.Unlock()
	var c Capacity
	for _, b := range h.held {
		c.Messages += len(b.Messages)
		c.Bytes += b.Bytes()
	}
	return c
}

func (h *holder) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held)
}

// round tries each held batch once, for as long as that is quick and does not look like an outage.
func (h *holder) round(wait *backoff) {
	began := time.Now()
	for n := h.count(); n > 0 && time.Since(began) < holdRound && h.br.hard.Err() == nil; n-- {
		b := h.pop()
		if b == nil {
			return
		}
		had := len(b.Messages)
		err := h.br.write(b)
		if err == nil || len(b.Messages) < had {
			wait.reset()
		}
		if err != nil && !h.br.ownFault(err, began) {
			n = 0
		}
		h.mu.Lock()
		if err != nil {
			h.put(b)
		}
		h.trying = false
		empty := len(h.held) == 0
		h.mu.Unlock()
		if err == nil {
			if empty && len(b.Messages) > 0 {
				h.br.r.log.Info("held batch is written; none is held any more", "plugin", h.br.spec.Output.Name, "batch", b.ID)
			}
			h.br.delivered(b)
		}
	}
}

// purge lets go what is void, because its input is not opened again before that.
func (h *holder) purge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = 0
	h.held = slices.DeleteFunc(h.held, func(b *Batch) bool {
		h.br.attempt.discard(b)
		h.messages += len(b.Messages)
		return len(b.Messages) == 0
	})
}
