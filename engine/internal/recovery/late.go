package recovery

import "github.com/logpipe/logpipe/engine"

// How many messages may be in batches that came home but for their dead letters, and how many bytes these may hold. Then recovery waits for
// them: no window counts what comes home.
const (
	recoverHeld  = 1000
	recoverBytes = 4 << 20
)

// late are the dead letters that are on their way, of batches that came home else.
type late struct {
	held map[uint64]int64 // tag → bytes
	sum  int64
}

// tooMany reports whether so many messages, or their bytes, are enough.
func (l *late) tooMany(messages int64) bool { return messages >= recoverHeld || l.sum >= recoverBytes }

// note counts so many dead letters of a batch. How long each is, nobody knows any more; none is longer than largest. Where they are most of the batch they keep all of it (see
// package deliver).
func (l *late) note(tag uint64, messages int64, largest, block int64) {
	if messages <= 0 {
		return
	}
	bytes := messages * largest
	if 2*bytes > block {
		bytes = block
	}
	if l.held == nil {
		l.held = map[uint64]int64{}
	}
	l.held[tag] = bytes
	l.sum += bytes
}

// settled is for a batch of which nothing is on its way any more.
func (l *late) settled(tag uint64) {
	l.sum -= l.held[tag]
	delete(l.held, tag)
}

// largestOf is the length of the longest body.
func largestOf(b *engine.Batch) (bytes int64) {
	for i := range b.Messages {
		bytes = max(bytes, int64(len(b.Messages[i].Body)))
	}
	return bytes
}
