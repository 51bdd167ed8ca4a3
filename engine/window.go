package engine

import "sync"

// window is what one input may have unsettled: the bound of its memory. It counts whole chunks, because a chunk's
// bodies often share one allocation, and lives as long as the input, across reconnects.
type window struct {
	max  Capacity      // a zero field is no bound
	wake chan struct{} // tells the input's reader, the only one who waits, to look again

	mu   sync.Mutex
	used Capacity
}

func newWindow(limit Capacity) *window {
	return &window{max: limit, wake: make(chan struct{}, 1)}
}

func (w *window) take(messages int, bytes int64) {
	w.mu.Lock()
	w.used.Messages += messages
	w.used.Bytes += bytes
	w.mu.Unlock()
}

func (w *window) give(messages int, bytes int64) {
	w.mu.Lock()
	w.used.Messages -= messages
	w.used.Bytes -= bytes
	w.mu.Unlock()
	poke(w.wake)
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
