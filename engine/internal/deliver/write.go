package deliver

import (
	"cmp"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/signal"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// work is one of the pipeline's workers: it takes sealed batches and sees each to its end.
func (br *Branch) work(in <-chan *engine.Batch) {
	for b := range in {
		if len(b.Messages) == 0 {
			b.Recycle() // a sweep that went through all stages
			continue
		}
		br.Busy.Add(1)
		br.seal(b)
		br.deliver(b)
		br.Busy.Add(-1)
	}
}

// seal gives a batch that no stage sealed its name and time. A chunk is a batch where nothing groups.
func (br *Branch) seal(b *engine.Batch) {
	if b.ID == "" {
		b.ID = br.Life.NewID()
		b.SealedBy = cmp.Or(b.SealedBy, engine.SealedByChunk)
	}
	if b.Time.IsZero() {
		b.Time = b.Messages[0].Time
	}
	b.Time = b.Time.UTC()
	br.sayPressure(b)
	br.Life.Observe(engine.Event{Kind: engine.Sealed, Plugin: br.Spec.Output.Name, Messages: len(b.Messages), Bytes: b.Bytes(), Cause: b.SealedBy})
}

// deliver writes a batch: to the output, else the fallback, else it waits and starts again. It comes back when the
// batch is settled or in the holder's care, or at the hard end, when the rest of it stays unsettled.
func (br *Branch) deliver(b *engine.Batch) {
	mark := br.Attempt.Evidence.Mark()
	left := br.write(b, mark)
	for _, p := range left {
		br.keep(p, mark)
	}
	if len(left) == 0 {
		br.delivered(b)
	}
}

// keep sees to what could be written nowhere: the holder takes it, or the worker tries it again itself.
func (br *Branch) keep(p Piece, mark uint64) {
	wait, began, b := tries.HeldBackoff(), time.Now(), p.Batch
	said := false
	for first := true; br.Hard.Err() == nil; first = false {
		if first {
			br.Life.Observe(engine.Event{Kind: engine.Held, Plugin: br.Spec.Output.Name, Messages: len(b.Messages), Bytes: b.Bytes(), Err: p.Err})
		}
		if br.mayGo(p.Err, mark, began) && br.Holder.take(b, mark, p.Err) {
			return
		}
		if first {
			said = br.sayHeld(b, p.Err)
		}
		if !br.rest(&wait) {
			return
		}
		left := br.write(b, mark)
		switch {
		case len(left) == 0:
			if said && len(b.Messages) > 0 {
				br.Life.Log.Info("held batch is written", "plugin", br.Spec.Output.Name, "batch", b.ID)
			}
			br.delivered(b)
			return
		case left[0].Batch != b: // it was cut
			for _, part := range left {
				br.keep(part, mark)
			}
			return
		}
		p = left[0]
	}
}

// delivered ends the care for a batch that is durable.
func (br *Branch) delivered(b *engine.Batch) {
	settle.Release(b.Messages)
	b.Recycle()
}

// sayHeld writes the line, unless another batch was held within the last minute: an output that fails every other time would fill the log.
func (br *Branch) sayHeld(b *engine.Batch, err error) bool {
	now := time.Now()
	if last := br.lastHeld.Swap(&now); last != nil && now.Sub(*last) < flapWithin {
		return false
	}
	br.Life.Log.Warn("batch can be written nowhere; it is held and tried again", "plugin", br.Spec.Output.Name, "batch", b.ID, "messages", len(b.Messages), "error", err)
	return true
}

// How long a worker holds a batch although nothing says that others can be written.
const holdAfter = time.Minute

// mayGo reports whether a batch may leave its worker because others can be written. In an outage workers keep their batches, which
// keeps open batches open and objects large; after a minute one goes anyway, because all workers may have such a batch.
func (br *Branch) mayGo(err error, mark uint64, began time.Time) bool {
	return br.Attempt.Evidence.Against(err, mark) || engine.IsTooLarge(err) || time.Since(began) > holdAfter
}

// rest waits before the next try. A worker that waits is not busy.
func (br *Branch) rest(wait *tries.Backoff) bool {
	br.Busy.Add(-1)
	defer br.Busy.Add(1)
	return wait.Rest(br.Ends) == nil
}

// write tries every place once, in order. It returns what is left: b itself, or parts of it, or nothing when all is durable. Parts that
// are durable are released; b is its caller's to release. mark is that of the evidence, before b was first tried.
func (br *Branch) write(b *engine.Batch, mark uint64) []Piece {
	left := br.Put(b, mark)
	if br.Fallback == nil || br.Hard.Err() != nil {
		return left
	}
	kept := left[:0]
	for _, p := range left {
		ferr := br.FallBack(p.Batch, p.Err)
		switch {
		case ferr != nil:
			kept = append(kept, Piece{p.Batch, &bothError{p.Err, ferr}})
		case p.Batch != b:
			settle.Release(p.Batch.Messages)
		}
	}
	return kept
}

// FallBack writes a batch to the fallback, because of err.
func (br *Branch) FallBack(b *engine.Batch, err error) error {
	br.Fallback.discard(b)
	messages, bytes := len(b.Messages), b.Bytes()
	ferr := br.Fallback.Write(br.Hard, b)
	if ferr != nil { // a part may be there
		messages, bytes = messages-len(b.Messages), bytes-b.Bytes()
	}
	if messages > 0 {
		br.Life.Observe(engine.Event{Kind: engine.FellBack, Plugin: br.Spec.Fallback.Name, Messages: messages, Bytes: bytes, Err: err})
		signal.Poke(br.FellBack)
	}
	return ferr
}

// tryOutput writes to the output through its policies.
func (br *Branch) tryOutput(b *engine.Batch) error {
	settle.StateOf(b).Self = b
	err := fault.Guard(func() error { return br.output.Write(br.Soft, b) })
	if _, ok := fault.Panicked(err); ok { // of a policy: those of the output itself end below it
		br.Life.LogPanic(br.Spec.Output.Name, err)
	}
	return err
}

// bury sends a batch that the output can never store to the dead letter, and reports whether it did. b is empty then. That a message is
// too large alone is believed when others were stored since mark.
func (br *Branch) bury(b *engine.Batch, err error, mark uint64) bool {
	never := engine.IsPermanent(err) || engine.IsTooLarge(err) && len(b.Messages) == 1 && br.Attempt.Evidence.Against(err, mark)
	if !never || br.Burier == nil {
		return false
	}
	dead := &engine.Batch{Partition: b.Partition, Time: b.Time, Messages: append([]engine.Message(nil), b.Messages...)}
	for range dead.Messages {
		dead.Reasons = append(dead.Reasons, err)
	}
	loosen(dead, settle.StateOf(b).Block)
	if !Reject(br.Life, br.Burier, dead, br.Spec.Output.Name) {
		return false
	}
	clear(b.Messages)
	b.Messages = b.Messages[:0]
	return true
}

// bothError says why a batch could be written neither here nor there.
type bothError struct{ output, fallback error }

func (e *bothError) Error() string { return e.output.Error() + "; fallback: " + e.fallback.Error() }

func (e *bothError) Unwrap() []error { return []error{e.output, e.fallback} }
