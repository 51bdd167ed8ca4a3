package engine

import "time"

// receiptOf is the receipt of the chunk that a message came in, nil where a plugin made the message.
func receiptOf(m *Message) *receipt { return m.state(key{}).receipt }

// tie makes a message one of a chunk.
func tie(m *Message, to *receipt) { m.state(key{}).receipt = to }

// admit takes a chunk that was just read into the books. now is the time of arrival.
func admit(e *epoch, b *Batch, now time.Time) *receipt {
	bytes := b.MetaBytes
	for i := range b.Messages {
		m := &b.Messages[i]
		m.Body = m.Body[:len(m.Body):len(m.Body)] // see Message.Body
		bytes += int64(len(m.Body))
		if m.Time.IsZero() {
			m.Time = now
		}
	}
	r := e.admit(b.Tag, len(b.Messages), bytes, now)
	for i := range b.Messages {
		tie(&b.Messages[i], r)
	}
	return r
}

// release releases all messages and empties the slice. Messages of one chunk mostly stand together, so a run of
// them is released at once.
func release(messages []Message) {
	for i := 0; i < len(messages); {
		r, n := receiptOf(&messages[i]), 1
		for i+n < len(messages) && receiptOf(&messages[i+n]) == r {
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
			receiptOf(m).release(1)
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
		if receiptOf(m) != sound && m.Void() {
			return i
		}
		sound = receiptOf(m)
	}
	return len(messages)
}

// growBy counts messages that go to several branches once for each.
func growBy(messages []Message, copies []int) {
	for i := 0; i < len(messages); {
		r, n := receiptOf(&messages[i]), 0
		for ; i < len(messages) && receiptOf(&messages[i]) == r; i++ {
			n += max(0, copies[i]-1)
		}
		if r != nil && n > 0 {
			r.grow(n)
		}
	}
}
