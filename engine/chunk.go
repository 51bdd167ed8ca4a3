package engine

// carried is what a batch carries for the engine.
type carried = batchState[Message, Batch]

// stateOf reaches it.
func stateOf(b *Batch) *carried { return b.state(key{}) }

// unmark forgets what was said of a batch.
func unmark(b *Batch) {
	s := stateOf(b)
	clear(s.marks)
	s.marks = s.marks[:0]
}

// newChunk makes an empty chunk, which Recycle takes back.
func newChunk() *Batch {
	if b, ok := keptChunk().(*Batch); ok {
		return b
	}
	b := &Batch{}
	stateOf(b).pooled = true
	return b
}
