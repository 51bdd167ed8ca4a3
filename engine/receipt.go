package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// receipt is the bookkeeping of one chunk. Every message of the chunk points to it; when the last of them is released the
// chunk is settled. One allocation and one ack entry a chunk: nothing here is done once a message.
type receipt struct {
	epoch    *epoch
	tag      uint64
	left     atomic.Int64 // messages of the chunk that are not released yet
	messages int          // as read: what the window counts
	bytes    int64        // likewise: bodies and what Meta holds
	since    time.Time

	pressing      atomic.Bool // its input waits for it; see pressure.go
	before, after *receipt    // its neighbours in the window's list
}

// epoch is one connection of an input, from Open to Close. What came through it can be acked through it alone: on a
// new connection the same tags name other messages. When the connection dies, all that it brought is void.
type epoch struct {
	input     string
	acks      *ackQueue
	window    *window
	dead      atomic.Bool
	lost      chan struct{}  // closed by kill
	acked     atomic.Bool    // the source took an ack
	took      chan struct{}  // tells the presser that it took some
	unsettled atomic.Int64   // messages of this epoch that are not released
	void      atomic.Int64   // messages of chunks that were let go after the epoch died
	kept      any            // what was kept of its messages when it died; the books only carry it
	settled   func(*receipt) // called for each chunk that is settled while the connection lives
}

// newEpoch begins a connection of the input of this name.
func newEpoch(input string, w *window, settled func(*receipt)) *epoch {
	return &epoch{input: input, acks: newAckQueue(), window: w, lost: make(chan struct{}), took: make(chan struct{}, 1), settled: settled}
}

// kill makes all messages of the epoch void. Only the first call counts.
func (e *epoch) kill() {
	if e.dead.CompareAndSwap(false, true) {
		close(e.lost)
	}
}

// watch waits for the news that the connection is dead, also after the pipeline stopped reading. It ends with the epoch or with ctx.
func (e *epoch) watch(ctx context.Context, news <-chan error, lost func(error)) {
	select {
	case err := <-news:
		lost(err)
	case <-e.lost:
	case <-ctx.Done():
	}
}

// admit enters a chunk of so many messages and bytes that was just read. now is the time of arrival.
func (e *epoch) admit(tag uint64, messages int, bytes int64, now time.Time) *receipt {
	r := &receipt{epoch: e, tag: tag, messages: messages, bytes: bytes, since: now}
	r.left.Store(int64(messages))
	e.unsettled.Add(int64(messages))
	e.window.take(r)
	return r
}

// release says that n messages of the chunk need no more care: they are durable, dropped on purpose, or void.
func (r *receipt) release(n int) {
	left := r.left.Add(-int64(n))
	r.epoch.unsettled.Add(-int64(n))
	if left > 0 {
		return
	}
	if left < 0 {
		panic(fmt.Sprintf("engine: chunk %d of %s was settled twice", r.tag, r.epoch.input))
	}
	r.epoch.settle(r)
}

// grow says that n messages of the chunk became more: a Split.
func (r *receipt) grow(n int) {
	r.left.Add(int64(n))
	r.epoch.unsettled.Add(int64(n))
}

// settle hands the chunk's tag to the acker of the connection it came from. The queue is that connection's own, so an
// ack that comes too late finds nobody: it can never reach the connection after.
func (e *epoch) settle(r *receipt) {
	if !e.dead.Load() {
		e.acks.push(r.tag)
		e.settled(r)
	} else {
		e.void.Add(int64(r.messages))
	}
	e.window.give(r)
}
