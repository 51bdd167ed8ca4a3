package books

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine/internal/signal"
)

// Amount is a number of messages and of bytes.
type Amount struct {
	Messages int
	Bytes    int64
}

// Window is what one input may have unsettled: the bound of its memory. It counts whole chunks, because a chunk's
// bodies often share one allocation, and lives as long as the input, across reconnects.
type Window struct {
	max  Amount        // a zero field is no bound
	Wake chan struct{} // tells the input's reader, the only one who waits, to look again

	Said atomic.Bool // the log has that pressure seals batches

	mu       sync.Mutex
	used     Amount
	oldest   *Receipt // the chunks that are not settled, in the order of their reading
	newest   *Receipt
	pressing int // how many of them are
}

// NewWindow makes an empty one. A zero field of limit is no bound.
func NewWindow(limit Amount) *Window {
	return &Window{max: limit, Wake: make(chan struct{}, 1)}
}

// take counts a chunk that was read.
func (w *Window) take(r *Receipt) {
	w.mu.Lock()
	w.used.Messages += r.Messages
	w.used.Bytes += r.Bytes
	r.before = w.newest
	if w.newest != nil {
		w.newest.after = r
	} else {
		w.oldest = r
	}
	w.newest = r
	w.mu.Unlock()
}

// give counts a chunk as settled, or void and gone.
func (w *Window) give(r *Receipt) {
	w.mu.Lock()
	w.used.Messages -= r.Messages
	w.used.Bytes -= r.Bytes
	if r.before != nil {
		r.before.after = r.after
	} else {
		w.oldest = r.after
	}
	if r.after != nil {
		r.after.before = r.before
	} else {
		w.newest = r.before
	}
	r.before, r.after = nil, nil
	if r.Pressing.Load() {
		w.pressing--
	}
	w.mu.Unlock()
	signal.Poke(w.Wake)
}

// PressOldest makes the oldest chunks press that do not yet, about one part in parts of all that is held: see package intake.
func (w *Window) PressOldest(parts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var sum Amount
	for r := w.oldest; r != nil; r = r.after {
		if r.Pressing.Load() {
			continue
		}
		w.press(r)
		sum.Messages += r.Messages
		sum.Bytes += r.Bytes
		if sum.Messages >= w.used.Messages/parts || w.max.Bytes > 0 && sum.Bytes >= w.used.Bytes/int64(parts) {
			return
		}
	}
}

// PressTags makes the chunks press that have these tags and are not settled.
func (w *Window) PressTags(tags []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := make(map[uint64]struct{}, len(tags))
	for _, tag := range tags {
		wanted[tag] = struct{}{}
	}
	for r := w.oldest; r != nil && len(wanted) > 0; r = r.after {
		if _, ok := wanted[r.tag]; ok {
			delete(wanted, r.tag)
			w.press(r)
		}
	}
}

// press needs the lock.
func (w *Window) press(r *Receipt) {
	if !r.Pressing.Load() {
		r.Pressing.Store(true)
		w.pressing++
	}
}

// Pressed is how many chunks press.
func (w *Window) Pressed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pressing
}

// State is what is unsettled, and when the oldest of it was read.
func (w *Window) State() (used Amount, oldest time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.oldest != nil {
		oldest = w.oldest.Since
	}
	return w.used, oldest
}

// Room reports whether another chunk may be read.
func (w *Window) Room() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return (w.max.Messages == 0 || w.used.Messages < w.max.Messages) &&
		(w.max.Bytes == 0 || w.used.Bytes < w.max.Bytes)
}

// Empty reports whether nothing that was read is held any more.
func (w *Window) Empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used.Messages == 0
}
