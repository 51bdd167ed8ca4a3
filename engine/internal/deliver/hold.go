package deliver

import (
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/signal"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// How many messages the holder takes; and it takes one batch for each worker, however large.
const holdMost = 1000

// Holder keeps batches that can be written nowhere while others can, so that they do not keep the workers: as many of them as there
// are workers would stop the pipeline. Its goroutine tries them again for ever. What it has is bounded, and counts in the window.
type Holder struct {
	br     *Branch
	wake   chan struct{} // something came
	purges chan struct{} // a connection died
	Last   chan struct{} // closed when no worker is left: end when nothing is held
	Done   chan struct{}

	alarms tries.Alarms

	mu       sync.Mutex
	held     tries.Later[*engine.Batch]
	messages int
	trying   bool // one is being written, and is not in held
}

func newHolder(br *Branch) *Holder {
	return &Holder{br: br, wake: make(chan struct{}, 1), purges: make(chan struct{}, 1), Last: make(chan struct{}), Done: make(chan struct{}), held: tries.NewLater[*engine.Batch](tries.HeldBackoff(), tries.HeldBackoff())}
}

// take takes a batch over from a worker, unless there are too many. mark is that of the evidence before its first try.
func (h *Holder) take(b *engine.Batch, mark uint64, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.held.Waiting)
	if n >= h.br.Spec.Workers && h.messages+len(b.Messages) > holdMost {
		return false
	}
	if n == 0 && !h.trying {
		h.br.sayHeld(b, err)
	}
	h.held.Add(b, mark, h.br.Attempt.Evidence.Against(err, mark))
	h.messages += len(b.Messages)
	signal.Poke(h.wake)
	return true
}

// pop returns the batch that is due. A nil batch says that none is; at is when one will be, if there is any.
func (h *Holder) pop() (w *tries.Waiting[*engine.Batch], at time.Time, some bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w = h.held.Pop(); w != nil {
		h.messages -= len(w.Item.Messages)
		h.trying = true
		return w, at, true
	}
	at, some = h.held.Next()
	return nil, at, some
}

// run tries what is held until nothing is and nothing can come any more, or until the hard end.
func (h *Holder) run() {
	defer close(h.Done)
	h.alarms.Ends = h.br.Ends
	for h.br.Hard.Err() == nil {
		w, at, some := h.pop()
		switch {
		case w != nil:
			h.try(w)
		case !some && signal.IsClosed(h.Last):
			return
		default:
			h.sleep(at, some)
		}
	}
}

// sleep waits until a batch is due, or came, or is void.
func (h *Holder) sleep(at time.Time, some bool) {
	var due <-chan time.Time
	last := h.Last
	if some {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due, last = timer.C, nil
	}
	select {
	case <-due:
	case <-last:
	case <-h.wake:
	case <-h.alarms.Next():
		h.alarms.Heard++
		h.mu.Lock()
		h.held.All()
		h.mu.Unlock()
	case <-h.purges:
		h.purge()
	case <-h.br.Hard.Done():
	}
}

// Holds is what it has.
func (h *Holder) Holds() engine.Capacity {
	h.mu.Lock()
	defer h.mu.Unlock()
	var c engine.Capacity
	for _, w := range h.held.Waiting {
		c.Messages += len(w.Item.Messages)
		c.Bytes += w.Item.Bytes()
	}
	return c
}

// try writes a held batch. What is left of one that is cut is held in its place.
func (h *Holder) try(w *tries.Waiting[*engine.Batch]) {
	b := w.Item
	before := h.br.Attempt.Evidence.Mark()
	settle.StateOf(b).Guilty = w.Guilty
	left := h.br.write(b, w.Mark)
	empty := h.after(w, left, h.br.Attempt.Evidence.Mark() > before)
	if len(left) > 0 {
		return
	}
	if empty && len(b.Messages) > 0 {
		h.br.Life.Log.Info("held batch is written; none is held any more", "plugin", h.br.Spec.Output.Name, "batch", b.ID)
	}
	h.br.delivered(b)
}

// after puts back what is left of a try. empty says that nothing is held any more.
func (h *Holder) after(w *tries.Waiting[*engine.Batch], left []Piece, stored bool) (empty bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = false
	if stored {
		h.held.Well()
	}
	for _, p := range left {
		guilty := h.br.Attempt.Evidence.Against(p.Err, w.Mark)
		if h.messages += len(p.Batch.Messages); p.Batch == w.Item {
			h.held.Back(w, guilty)
		} else {
			h.held.Add(p.Batch, w.Mark, guilty)
		}
	}
	return len(h.held.Waiting) == 0
}

// purge lets go what is void, because its input is not opened again before that.
func (h *Holder) purge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages = 0
	h.held.Keep(func(b *engine.Batch) bool {
		h.br.Attempt.discard(b)
		h.messages += len(b.Messages)
		return len(b.Messages) > 0
	})
}
