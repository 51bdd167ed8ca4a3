package engine

import (
	"sync"
	"time"
)

// How many messages the holder takes; and it takes one batch for each worker, however large.
const holdMost = 1000

// holder keeps batches that can be written nowhere while others can, so that they do not keep the workers: as many of them as there
// are workers would stop the pipeline. Its goroutine tries them again for ever. What it has is bounded, and counts in the window.
type holder struct {
	br     *branch
	wake   chan struct{} // something came
	purges chan struct{} // a connection died
	last   chan struct{} // closed when no worker is left: end when nothing is held
	done   chan struct{}

	alarms alarms

	mu       sync.Mutex
	held     later[*Batch]
	messages int
	trying   bool // one is being written, and is not in held
}

func newHolder(br *branch) *holder {
	return &holder{br: br, wake: make(chan struct{}, 1), purges: make(chan struct{}, 1), last: make(chan struct{}), done: make(chan struct{}), held: newLater[*Batch](heldBackoff(), heldBackoff())}
}

// take takes a batch over from a worker, unless there are too many. mark is that of the evidence before its first try.
func (h *holder) take(b *Batch, mark uint64, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.held.waiting)
	if n >= h.br.spec.Workers && h.messages+len(b.Messages) > holdMost {
		return false
	}
	if n == 0 && !h.trying {
		h.br.sayHeld(b, err)
	}
	h.held.add(b, mark, h.br.attempt.evidence.against(err, mark))
	h.messages += len(b.Messages)
	poke(h.wake)
	return true
}

// pop returns the batch that is due. A nil batch says that none is; at is when one will be, if there is any.
func (h *holder) pop() (w *waiting[*Batch], at time.Time, some bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w = h.held.pop(); w != nil {
		h.messages -= len(w.item.Messages)
		h.trying = true
		return w, at, true
	}
	at, some = h.held.next()
	return nil, at, some
}

// run tries what is held until nothing is and nothing can come any more, or until the hard end.
func (h *holder) run() {
	defer close(h.done)
	h.alarms.ends = h.br.ends
	for h.br.hard.Err() == nil {
		w, at, some := h.pop()
		switch {
		case w != nil:
			h.try(w)
		case !some && isClosed(h.last):
			return
		default:
			h.sleep(at, some)
		}
	}
}

// sleep waits until a batch is due, or came, or is void.
func (h *holder) sleep(at time.Time, some bool) {
	var due <-chan time.Time
	last := h.last
	if some {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due, last = timer.C, nil
	}
	select {
	case <-due:
	case <-last:
	case <-h.wake:
	case <-h.alarms.next():
		h.alarms.heard++
		h.mu.Lock()
		h.held.all()
		h.mu.Unlock()
	case <-h.purges:
		h.purge()
	case <-h.br.hard.Done():
	}
}

// holds is what it has.
func (h *holder) holds() Capacity {
	h.mu.Lock()
	defer h.mu.Unlock()
	var c Capacity
	for _, w := range h.held.waiting {
		c.Messages += len(w.item.Messages)
		c.Bytes += w.item.Bytes()
	}
	return c
}

// try writes a held batch. What is left of one that is cut is held in its place.
func (h *holder) try(w *waiting[*Batch]) {
	b := w.item
	before := h.br.attempt.evidence.mark()
	stateOf(b).guilty = w.guilty
	left := h.br.write(b, w.mark)
	empty := h.after(w, left, h.br.attempt.evidence.mark() > before)
	if len(left) > 0 {
		return
	}
	if empty && len(b.Messages) > 0 {
		h.br.r.log.Info("held batch is written; none is held any more", "plugin", h.br.spec.Output.Name, "batch", b.ID)
	}
	h.br.delivered(b)
}

// after puts back what is left of a try. empty says that nothing is held any more.
func (h *holder) after(w *waiting[*Batch], left []piece, stored bool) (empty bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = false
	if stored {
		h.held.well()
	}
	for _, p := range left {
		guilty := h.br.attempt.evidence.against(p.err, w.mark)
		if h.messages += len(p.b.Messages); p.b == w.item {
			h.held.back(w, guilty)
		} else {
			h.held.add(p.b, w.mark, guilty)
		}
	}
	return len(h.held.waiting) == 0
}

// purge lets go what is void, because its input is not opened again before that.
func (h *holder) purge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = 0
	h.held.keep(func(b *Batch) bool {
		h.br.attempt.discard(b)
		h.messages += len(b.Messages)
		return len(b.Messages) > 0
	})
}
