package books

import (
	"slices"
	"sync"
)

// Key opens what messages and batches carry for the engine. Packages outside of it cannot make one.
type Key struct{ _ byte }

// MessageState is what a message carries: it ties it to the chunk that it came in.
type MessageState struct {
	Receipt *Receipt // nil where a plugin made the message
}

// BatchState is what a batch B of messages M carries.
type BatchState[M, B any] struct {
	Marks  []Mark[M] // what was said of its messages and is not carried out yet
	Self   *B        // the batch itself, once it is given to the output: a copy is found out by it
	Guilty bool      // it was refused while others were stored; set by who tries it again
	Tried  uint8     // where it was tried to be written, a bit for each role
	Block  int64     // bytes of the batch that it came home in, whose bodies may share one allocation; 0 where it did not come home
	Pooled bool      // a chunk of the engine's making, which is given back
}

// Mark is what a processor said of one message; the engine carries it out after the call.
type Mark[M any] struct {
	Index int
	Why   error // not nil: rejected
	Msg   M     // rejected: the message as it stood then
	Parts []M   // split; neither why nor parts: dropped
}

// InOrder sorts the marks by message and keeps the first of each.
func InOrder[M any](marks []Mark[M]) []Mark[M] {
	slices.SortStableFunc(marks, func(a, b Mark[M]) int { return a.Index - b.Index })
	return slices.CompactFunc(marks, func(a, b Mark[M]) bool { return a.Index == b.Index })
}

// chunks keeps those that were given back, with the room of their slices.
var chunks sync.Pool

// KeepChunk takes back a chunk that was emptied.
func KeepChunk(chunk any) { chunks.Put(chunk) }

// KeptChunk returns one that was given back, nil when there is none.
func KeptChunk() any { return chunks.Get() }
