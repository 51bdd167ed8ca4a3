package settle

import (
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
)

// ReceiptOf is the receipt of the chunk that a message came in, nil where a plugin made the message.
func ReceiptOf(m *engine.Message) *books.Receipt { return m.Internal(books.Key{}).Receipt }

// Tie makes a message one of a chunk.
func Tie(m *engine.Message, to *books.Receipt) { m.Internal(books.Key{}).Receipt = to }

// Admit takes a chunk that was just read into the books. now is the time of arrival.
func Admit(e *books.Epoch, b *engine.Batch, now time.Time) *books.Receipt {
	bytes := b.MetaBytes
	for i := range b.Messages {
		m := &b.Messages[i]
		m.Body = m.Body[:len(m.Body):len(m.Body)] // see Message.Body
		bytes += int64(len(m.Body))
		if m.Time.IsZero() {
			m.Time = now
		}
	}
	r := e.Admit(b.Tag, len(b.Messages), bytes, now)
	r.Bodies = bytes - b.MetaBytes
	for i := range b.Messages {
		Tie(&b.Messages[i], r)
	}
	return r
}

// Release releases all messages and empties the slice. Messages of one chunk mostly stand together, so a run of
// them is released at once.
func Release(messages []engine.Message) {
	for i := 0; i < len(messages); {
		r, n := ReceiptOf(&messages[i]), 1
		for i+n < len(messages) && ReceiptOf(&messages[i+n]) == r {
			n++
		}
		if r != nil {
			r.Release(n)
		}
		i += n
	}
	clear(messages)
}

// DiscardVoid takes the void messages out of the batch and returns how many there were. Nearly always there are none, and then
// nothing is moved.
func DiscardVoid(b *engine.Batch) (messages int, bytes int64) {
	first := firstVoid(b.Messages)
	kept := b.Messages[:first]
	for i := first; i < len(b.Messages); i++ {
		m := &b.Messages[i]
		if m.Void() {
			messages++
			bytes += int64(len(m.Body))
			ReceiptOf(m).Release(1)
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
func firstVoid(messages []engine.Message) int {
	var sound *books.Receipt
	for i := range messages {
		m := &messages[i]
		if ReceiptOf(m) != sound && m.Void() {
			return i
		}
		sound = ReceiptOf(m)
	}
	return len(messages)
}

// GrowBy counts messages that go to several branches once for each.
func GrowBy(messages []engine.Message, copies []int) {
	for i := 0; i < len(messages); {
		r, n := ReceiptOf(&messages[i]), 0
		for ; i < len(messages) && ReceiptOf(&messages[i]) == r; i++ {
			n += max(0, copies[i]-1)
		}
		if r != nil && n > 0 {
			r.Grow(n)
		}
	}
}
