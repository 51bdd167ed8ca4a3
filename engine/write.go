package engine

import (
	"cmp"
	"time"
)

// work is one of the pipeline's workers: it takes sealed batches and sees each to its end.
func (br *branch) work(in <-chan *Batch) {
	for b := range in {
		if len(b.Messages) == 0 {
			b.Recycle() // a sweep that went through all stages
			continue
		}
		br.busy.Add(1)
		br.seal(b)
		br.deliver(b)
		br.busy.Add(-1)
	}
}

// seal gives a batch that no stage sealed its name and time. A chunk is a batch where nothing groups.
func (br *branch) seal(b *Batch) {
	if b.ID == "" {
		b.ID = br.r.newID()
		b.SealedBy = cmp.Or(b.SealedBy, SealedByChunk)
	}
	if b.Time.IsZero() {
		b.Time = b.Messages[0].Time
	}
	b.Time = b.Time.UTC()
	br.sayPressure(b)
	br.r.observe(Event{Kind: Sealed, Plugin: br.spec.Output.Name, Messages: len(b.Messages), Bytes: b.Bytes(), Cause: b.SealedBy})
}

// deliver writes a batch: to the output, else the fallback, else it waits and starts again. It comes back when the
// batch is settled or in the holder's care, or at the hard end, when the rest of it stays unsettled.
func (br *branch) deliver(b *Batch) {
	mark := br.attempt.evidence.mark()
	left := br.write(b, mark)
	for _, p := range left {
		br.keep(p, mark)
	}
	if len(left) == 0 {
		br.delivered(b)
	}
}

// keep sees to what could be written nowhere: the holder takes it, or the worker tries it again itself.
func (br *branch) keep(p piece, mark uint64) {
	wait, began, b := heldBackoff(), time.Now(), p.b
	said := false
	for first := true; br.hard.Err() == nil; first = false {
		if first {
			br.r.observe(Event{Kind: Held, Plugin: br.spec.Output.Name, Messages: len(b.Messages), Bytes: b.Bytes(), Err: p.err})
		}
		if br.mayGo(p.err, mark, began) && br.holder.take(b, mark, p.err) {
			return
		}
		if first {
			said = br.sayHeld(b, p.err)
		}
		if !br.rest(&wait) {
			return
		}
		left := br.write(b, mark)
		switch {
		case len(left) == 0:
			if said && len(b.Messages) > 0 {
				br.r.log.Info("held batch is written", "plugin", br.spec.Output.Name, "batch", b.ID)
			}
			br.delivered(b)
			return
		case left[0].b != b: // it was cut
			for _, part := range left {
				br.keep(part, mark)
			}
			return
		}
		p = left[0]
	}
}

// delivered ends the care for a batch that is durable.
func (br *branch) delivered(b *Batch) {
	release(b.Messages)
	b.Recycle()
}

// sayHeld writes the line, unless another batch was held within the last minute: an output that fails every other time would fill the log.
func (br *branch) sayHeld(b *Batch, err error) bool {
	now := time.Now()
	if last := br.lastHeld.Swap(&now); last != nil && now.Sub(*last) < flapWithin {
		return false
	}
	br.r.log.Warn("batch can be written nowhere; it is held and tried again", "plugin", br.spec.Output.Name, "batch", b.ID, "messages", len(b.Messages), "error", err)
	return true
}

// How long a worker holds a batch although nothing says that others can be written.
const holdAfter = time.Minute

// mayGo reports whether a batch may leave its worker because others can be written. In an outage workers keep their batches, which
// keeps open batches open and objects large; after a minute one goes anyway, because all workers may have such a batch.
func (br *branch) mayGo(err error, mark uint64, began time.Time) bool {
	return br.attempt.evidence.against(err, mark) || IsTooLarge(err) || time.Since(began) > holdAfter
}

// rest waits before the next try. A worker that waits is not busy.
func (br *branch) rest(wait *backoff) bool {
	br.busy.Add(-1)
	defer br.busy.Add(1)
	return wait.rest(br.ends) == nil
}

// write tries every place once, in order. It returns what is left: b itself, or parts of it, or nothing when all is durable. Parts that
// are durable are released; b is its caller's to release. mark is that of the evidence, before b was first tried.
func (br *branch) write(b *Batch, mark uint64) []piece {
	left := br.put(b, mark)
	if br.fallback == nil || br.hard.Err() != nil {
		return left
	}
	kept := left[:0]
	for _, p := range left {
		ferr := br.fallBack(p.b, p.err)
		switch {
		case ferr != nil:
			kept = append(kept, piece{p.b, &bothError{p.err, ferr}})
		case p.b != b:
			release(p.b.Messages)
		}
	}
	return kept
}

// fallBack writes a batch to the fallback, because of err.
func (br *branch) fallBack(b *Batch, err error) error {
	br.fallback.discard(b)
	messages, bytes := len(b.Messages), b.Bytes()
	ferr := br.fallback.Write(br.hard, b)
	if ferr != nil { // a part may be there
		messages, bytes = messages-len(b.Messages), bytes-b.Bytes()
	}
	if messages > 0 {
		br.r.observe(Event{Kind: FellBack, Plugin: br.spec.Fallback.Name, Messages: messages, Bytes: bytes, Err: err})
		poke(br.fellBack)
	}
	return ferr
}

// tryOutput writes to the output through its policies.
func (br *branch) tryOutput(b *Batch) error {
	stateOf(b).self = b
	err := guard(func() error { return br.output.Write(br.soft, b) })
	if _, ok := panicked(err); ok { // of a policy: those of the output itself end below it
		br.r.logPanic(br.spec.Output.Name, err)
	}
	return err
}

// bury sends a batch that the output can never store to the dead letter, and reports whether it did. b is empty then. That a message is
// too large alone is believed when others were stored since mark.
func (br *branch) bury(b *Batch, err error, mark uint64) bool {
	never := IsPermanent(err) || IsTooLarge(err) && len(b.Messages) == 1 && br.attempt.evidence.against(err, mark)
	if !never || br.burier == nil {
		return false
	}
	dead := &Batch{Partition: b.Partition, Time: b.Time, Messages: append([]Message(nil), b.Messages...)}
	for range dead.Messages {
		dead.Reasons = append(dead.Reasons, err)
	}
	if !reject(br.r, br.burier, dead, br.spec.Output.Name) {
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
