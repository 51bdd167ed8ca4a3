package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// window is what one input may have unsettled: the bound of its memory. It counts whole chunks, because a chunk's
// bodies often share one allocation, and lives as long as the input, across reconnects.
type window struct {
	max  Capacity      // a zero field is no bound
	wake chan struct{} // tells the input's reader, the only one who waits, to look again

	said atomic.Bool // the log has that pressure seals batches

	mu       sync.Mutex
	used     Capacity
	oldest   *receipt // the chunks that are not settled, in the order of their reading
	newest   *receipt
	pressing int // how many of them are
}

func newWindow(limit Capacity) *window {
	return &window{max: limit, wake: make(chan struct{}, 1)}
}

// take counts a chunk that was read.
func (w *window) take(r *receipt) {
	w.mu.Lock()
	w.used.Messages += r.messages
	w.used.Bytes += r.bytes
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
func (w *window) give(r *receipt) {
	w.mu.Lock()
	w.used.Messages -= r.messages
	w.used.Bytes -= r.bytes
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
	if r.pressing.Load() {
		w.pressing--
	}
	w.mu.Unlock()
	poke(w.wake)
}

// pressOldest makes the oldest chunks press that do not yet, about one part in parts of all that is held: see pressure.go.
func (w *window) pressOldest(parts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var sum Capacity
	for r := w.oldest; r != nil; r = r.after {
		if r.pressing.Load() {
			continue
		}
		w.press(r)
		sum.Messages += r.messages
		sum.Bytes += r.bytes
		if sum.Messages >= w.used.Messages/parts || w.max.Bytes > 0 && sum.Bytes >= w.used.Bytes/int64(parts) {
			return
		}
	}
}

// pressTags makes the chunks press that have these tags and are not settled.
func (w *window) pressTags(tags []uint64) {
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
func (w *window) press(r *receipt) {
	if !r.pressing.Load() {
		r.pressing.Store(true)
		w.pressing++
	}
}

// pressed is how many chunks press.
func (w *window) pressed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pressing
}

// state is what is unsettled, and when the oldest of it was read.
func (w *window) state() (used Capacity, oldest time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.oldest != nil {
		oldest = w.oldest.since
	}
	return w.used, oldest
}

// room reports whether another chunk may be read.
func (w *window) room() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return (w.max.Messages == 0 || w.used.Messages < w.max.Messages) &&
		(w.max.Bytes == 0 || w.used.Bytes < w.max.Bytes)
}

// empty reports whether nothing that was read is held any more.
func (w *window) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used.Messages == 0
}

// poke wakes the one goroutine that waits for c, now or when it next waits. c has room for one.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
