package deliver

import (
	"slices"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/settle"
)

// mostInVain bounds how many parts of a batch are tried while none is stored: a server that takes nothing is asked no more.
const mostInVain = 64

// Piece is what is left of a batch that was written, and why.
type Piece struct {
	Batch *engine.Batch
	Err   error
}

// Put writes a batch to the output, as a whole or in the parts that the output takes, and sends to the dead letter what can never be
// stored. It returns what is left: the batch itself, or parts of it. What is stored in parts is released; a batch that is stored as a
// whole is its caller's to release. mark is that of the evidence, before the batch was first tried.
func (br *Branch) Put(b *engine.Batch, mark uint64) []Piece {
	tries := 0
	left := br.parts(b, mark, &tries)
	return slices.DeleteFunc(left, func(p Piece) bool { return br.bury(p.Batch, p.Err, mark) }) // others were stored behind some
}

func (br *Branch) parts(b *engine.Batch, mark uint64, tries *int) (left []Piece) {
	*tries++
	err := br.tryOutput(b)
	switch {
	case err == nil || br.bury(b, err, mark):
		return nil
	case !cuts(b, err):
		return []Piece{{b, err}}
	}
	if br.saidCut.CompareAndSwap(false, true) {
		br.Life.Log.Warn("the output takes no batch of this size; it is written in parts, and so are others", "plugin", br.Spec.Output.Name,
			"batch", b.ID, "messages", len(b.Messages), "error", err)
	}
	first, second := halves(b)
	for _, half := range []*engine.Batch{first, second} {
		if n := len(left); n > 0 && br.inVain(left[n-1].Err, mark, *tries) {
			left = append(left, Piece{half, left[n-1].Err})
			continue
		}
		rest := br.parts(half, mark, tries)
		if left = append(left, rest...); len(rest) == 0 {
			settle.Release(half.Messages)
		}
	}
	return left
}

// inVain reports whether the other parts of a batch need not be tried after one that failed.
func (br *Branch) inVain(err error, mark uint64, tries int) bool {
	return !br.Attempt.Evidence.Against(err, mark) && (!engine.IsTooLarge(err) || tries >= mostInVain)
}

// cuts reports whether err says that b is to be written in parts.
func cuts(b *engine.Batch, err error) bool { return len(b.Messages) > 1 && engine.IsTooLarge(err) }

// halves takes a batch apart into two parts with names of their own. These are made of its name alone: a batch that comes home again after a
// crash is cut into the same ones, so that what is stored already is written over itself and not beside itself. For the same reason
// nothing is learnt from an answer about the next batch. b is empty then.
func halves(b *engine.Batch) (first, second *engine.Batch) {
	half := len(b.Messages) / 2
	part := func(from, to int, end string) *engine.Batch {
		p := &engine.Batch{ID: b.ID + end, Partition: b.Partition, Time: b.Time, SealedBy: b.SealedBy}
		settle.StateOf(p).Tried, settle.StateOf(p).Guilty = settle.StateOf(b).Tried, settle.StateOf(b).Guilty
		settle.StateOf(p).Block = settle.StateOf(b).Block
		p.Messages = slices.Clone(b.Messages[from:to])
		if b.Reasons != nil {
			p.Reasons = slices.Clone(b.Reasons[from:to])
		}
		return p
	}
	first, second = part(0, half, "-1"), part(half, len(b.Messages), "-2")
	clear(b.Messages)
	b.Messages, b.Reasons = nil, nil
	return first, second
}
