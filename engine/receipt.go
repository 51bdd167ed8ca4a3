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
	lost      chan struct{} // closed by kill
	acked     atomic.Bool   // the source took an ack
	took      chan struct{} // tells the presser that it took some
	unsettled atomic.Int64  // messages of this epoch that are not released
	void      atomic.Int64  // messages of chunks that were let go after the epoch died
	probes    probes
	observe   func(Event)
}

func newEpoch(input string, w *window, observe func(Event)) *epoch {
	return &epoch{input: input, acks: newAckQueue(), window: w, lost: make(chan struct{}), took: make(chan struct{}, 1), observe: observe}
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

// admit takes a chunk that was just read into the books. now is the time of arrival.
func (e *epoch) admit(b *Batch, now time.Time) {
	r := &receipt{epoch: e, tag: b.Tag, messages: len(b.Messages), bytes: b.MetaBytes, since: now}
	for i := range b.Messages {
		m := &b.Messages[i]
		m.receipt = r
		m.Body = m.Body[:len(m.Body):len(m.Body)] // see Message.Body
		r.bytes += int64(len(m.Body))
		if m.Time.IsZero() {
			m.Time = now
		}
	}
	r.left.Store(int64(r.messages))
	e.unsettled.Add(int64(r.messages))
	e.window.take(r)
	e.observe(Event{Kind: Received, Plugin: e.input, Messages: r.messages, Bytes: r.bytes})
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
		e.observe(Event{Kind: Settled, Plugin: e.input, Messages: r.messages, Bytes: r.bytes, Took: time.Since(r.since)})
	} else {
		e.void.Add(int64(r.messages))
	}
	e.window.give(r)
}

// release releases all messages and empties the slice. Messages of one chunk mostly stand together, so a run of
// them is released at once.
func release(messages []Message) {
	for i := 0; i < len(messages); {
		r, n := messages[i].receipt, 1
		for i+n < len(messages) && messages[i+n].receipt == r {
			n++
		}
		if r != nil {
			r.release(n)
		}
		i += n
	}
	clear(messages)
}

// discardVoid takes the void messages out of the batch and returns how many there were. Nearly always there are none, and then
// nothing is moved.
func discardVoid(b *Batch) (messages int, bytes int64) {
	first := firstVoid(b.Messages)
	kept := b.Messages[:first]
	for i := first; i < len(b.Messages); i++ {
		m := &b.Messages[i]
		if m.Void() {
			messages++
			bytes += int64(len(m.Body))
			m.receipt.release(1)
			continue
		}
		if b.Reasons != nil {
			b.Reasons[len(kept)] = b.Reasons[i]
		}
		kept = append(kept, *m)
	}
	clear(b.Messages[len(kept):])
	b.Messages = kept
	if b.Reasons != nil {
		b.Reasons = b.Reasons[:len(kept)]
	}
	return messages, bytes
}

// firstVoid returns the index of the first void message, len(messages) when there is none. It asks once for a run of messages of one chunk.
func firstVoid(messages []Message) int {
	var sound *receipt
	for i := range messages {
		m := &messages[i]
		if m.receipt != sound && m.Void() {
			return i
		}
		sound = m.receipt
	}
	return len(messages)
}
