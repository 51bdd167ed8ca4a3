package books

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Receipt is the bookkeeping of one chunk. Every message of the chunk points to it; when the last of them is released the
// chunk is settled. One allocation and one ack entry a chunk: nothing here is done once a message.
type Receipt struct {
	Epoch    *Epoch
	tag      uint64
	left     atomic.Int64 // messages of the chunk that are not released yet
	Messages int          // as read: what the window counts
	Bytes    int64        // likewise: bodies and what Meta holds
	Bodies   int64        // of these the bodies alone: what is told of the chunk
	Since    time.Time

	Pressing      atomic.Bool // its input waits for it; see package intake
	before, after *Receipt    // its neighbours in the window's list
}

// Epoch is one connection of an input, from Open to Close. What came through it can be acked through it alone: on a
// new connection the same tags name other messages. When the connection dies, all that it brought is void.
type Epoch struct {
	Input     string
	Acks      *AckQueue
	Window    *Window
	Dead      atomic.Bool
	Lost      chan struct{}  // closed by Kill
	Acked     atomic.Bool    // the source took an ack
	Took      chan struct{}  // tells the presser that it took some
	Unsettled atomic.Int64   // messages of this epoch that are not released
	Void      atomic.Int64   // messages of chunks that were let go after the epoch died
	Kept      any            // what was kept of its messages when it died; the books only carry it
	settled   func(*Receipt) // called for each chunk that is settled while the connection lives
}

// NewEpoch begins a connection of the input of this name.
func NewEpoch(input string, w *Window, settled func(*Receipt)) *Epoch {
	return &Epoch{Input: input, Acks: newAckQueue(), Window: w, Lost: make(chan struct{}), Took: make(chan struct{}, 1), settled: settled}
}

// Kill makes all messages of the epoch void. Only the first call counts.
func (e *Epoch) Kill() {
	if e.Dead.CompareAndSwap(false, true) {
		close(e.Lost)
	}
}

// Watch waits for the news that the connection is dead, also after the pipeline stopped reading. It ends with the epoch or with ctx.
func (e *Epoch) Watch(ctx context.Context, news <-chan error, lost func(error)) {
	select {
	case err := <-news:
		lost(err)
	case <-e.Lost:
	case <-ctx.Done():
	}
}

// Admit enters a chunk of so many messages and bytes that was just read. now is the time of arrival.
func (e *Epoch) Admit(tag uint64, messages int, bytes int64, now time.Time) *Receipt {
	r := &Receipt{Epoch: e, tag: tag, Messages: messages, Bytes: bytes, Since: now}
	r.left.Store(int64(messages))
	e.Unsettled.Add(int64(messages))
	e.Window.take(r)
	return r
}

// Release says that n messages of the chunk need no more care: they are durable, dropped on purpose, or void.
func (r *Receipt) Release(n int) {
	left := r.left.Add(-int64(n))
	r.Epoch.Unsettled.Add(-int64(n))
	if left > 0 {
		return
	}
	if left < 0 {
		panic(fmt.Sprintf("engine: chunk %d of %s was settled twice", r.tag, r.Epoch.Input))
	}
	r.Epoch.settle(r)
}

// Left is how many messages are not released yet.
func (r *Receipt) Left() int64 { return r.left.Load() }

// Grow says that n messages of the chunk became more: a Split.
func (r *Receipt) Grow(n int) {
	r.left.Add(int64(n))
	r.Epoch.Unsettled.Add(int64(n))
}

// settle hands the chunk's tag to the acker of the connection it came from. The queue is that connection's own, so an
// ack that comes too late finds nobody: it can never reach the connection after.
func (e *Epoch) settle(r *Receipt) {
	if !e.Dead.Load() {
		e.Acks.push(r.tag)
		e.settled(r)
	} else {
		e.Void.Add(int64(r.Messages))
	}
	e.Window.give(r)
}
