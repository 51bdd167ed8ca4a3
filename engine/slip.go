package engine

import (
	"slices"
	"sync"
)

// key opens what messages and batches carry for the engine. Packages outside of it cannot make one.
type key struct{ _ byte }

// messageState is what a message carries: it ties it to the chunk that it came in.
type messageState struct {
	receipt *receipt // nil where a plugin made the message
}

// batchState is what a batch B of messages M carries.
type batchState[M, B any] struct {
	marks  []mark[M] // what was said of its messages and is not carried out yet
	self   *B        // the batch itself, once it is given to the output: a copy is found out by it
	guilty bool      // it was refused while others were stored; set by who tries it again
	tried  uint8     // where it was tried to be written, a bit for each role
	pooled bool      // a chunk of the engine's making, which is given back
}

// mark is what a processor said of one message; the engine carries it out after the call.
type mark[M any] struct {
	index int
	why   error // not nil: rejected
	msg   M     // rejected: the message as it stood then
	parts []M   // split; neither why nor parts: dropped
}

// inOrder sorts the marks by message and keeps the first of each.
func inOrder[M any](marks []mark[M]) []mark[M] {
	slices.SortStableFunc(marks, func(a, b mark[M]) int { return a.index - b.index })
	return slices.CompactFunc(marks, func(a, b mark[M]) bool { return a.index == b.index })
}

// chunks keeps those that were given back, with the room of their slices.
var chunks sync.Pool

// keepChunk takes back a chunk that was emptied.
func keepChunk(chunk any) { chunks.Put(chunk) }

// keptChunk returns one that was given back, nil when there is none.
func keptChunk() any { return chunks.Get() }
