package settle

import (
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
)

// carried is what a batch carries for the engine.
type State = books.BatchState[engine.Message, engine.Batch]

// StateOf reaches it.
func StateOf(b *engine.Batch) *State { return b.Internal(books.Key{}) }

// Unmark forgets what was said of a batch.
func Unmark(b *engine.Batch) {
	s := StateOf(b)
	clear(s.Marks)
	s.Marks = s.Marks[:0]
}

// NewChunk makes an empty chunk, which Recycle takes back.
func NewChunk() *engine.Batch {
	if b, ok := books.KeptChunk().(*engine.Batch); ok {
		return b
	}
	b := &engine.Batch{}
	StateOf(b).Pooled = true
	return b
}
