package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

// amount is a number of messages and of bytes.
type amount struct {
	messages int
	bytes    int64
}

// window is what one input may have unsettled: the bound of its memory. It counts whole chunks, because a chunk's
// bodies often share one allocation, and lives as long as the input, across reconnects.
type window struct {
	max  amount        // a zero field is no bound
	wake chan struct{} // tells the input's reader, the only one who waits, to look again

	said atomic.Bool // the log has that pressure seals batches

	mu       sync.Mutex
	used     amount
	oldest   *receipt // the chunks that are not settled, in the order of their reading
	newest   *receipt
	pressing int // how many of them are
}

// newWindow makes an empty one. A zero field of limit is no bound.
func newWindow(limit amount) *window {
	return &window{max: limit, wake: make(chan struct{}, 1)}
}

// take counts a chunk that was read.
func (w *window) take(r *receipt) {
	w.mu.Lock()
	w.used.messages += r.messages
	w.used.bytes += r.bytes
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
	w.used.messages -= r.messages
	w.used.bytes -= r.bytes
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
	var sum amount
	for r := w.oldest; r != nil; r = r.after {
		if r.pressing.Load() {
			continue
		}
		w.press(r)
		sum.messages += r.messages
		sum.bytes += r.bytes
		if sum.messages >= w.used.messages/parts || w.max.bytes > 0 && sum.bytes >= w.used.bytes/int64(parts) {
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
func (w *window) state() (used amount, oldest time.Time) {
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
	return (w.max.messages == 0 || w.used.messages < w.max.messages) &&
		(w.max.bytes == 0 || w.used.bytes < w.max.bytes)
}

// empty reports whether nothing that was read is held any more.
func (w *window) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used.messages == 0
}
