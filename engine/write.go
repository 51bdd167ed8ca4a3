package engine

import (
	"errors"
	"time"
)

// work is one of the pipeline's workers: it takes sealed batches and sees each to its end.
func (r *run) work(in <-chan *Batch) {
	for b := range in {
		if len(b.Messages) == 0 {
			b.Recycle() // a sweep that went through all stages
			continue
		}
		r.busy.Add(1)
		r.seal(b)
		r.deliver(b)
		if r.busy.Add(-1) == 0 {
			r.pokeReaders()
		}
	}
}

// seal gives a batch that no stage sealed its name and time. A chunk is a batch where nothing groups.
func (r *run) seal(b *Batch) {
	if b.ID == "" {
		b.ID = r.newID()
		b.SealedBy = SealedByChunk
	}
	if b.Time.IsZero() {
		b.Time = b.Messages[0].Time
	}
	b.Time = b.Time.UTC()
	r.observe(Event{Kind: Sealed, Plugin: r.p.Output.Name, Messages: len(b.Messages), Bytes: b.Bytes(), Cause: b.SealedBy})
}

// deliver writes a batch: to the output, else the fallback, else it waits and starts again. It comes back when the
// batch is settled or in the holder's care, or at the hard end, when the rest of it stays unsettled.
func (r *run) deliver(b *Batch) {
	wait, began := heldBackoff(), time.Now()
	said := false
	for first := true; ; first = false {
		err := r.write(b)
		if err == nil {
			if said && len(b.Messages) > 0 {
				r.log.Info("held batch is written", "plugin", r.p.Output.Name, "batch", b.ID)
			}
			r.delivered(b)
			return
		}
		if r.hard.Err() != nil {
			return
		}
		if first {
			r.observe(Event{Kind: Held, Plugin: r.p.Output.Name, Messages: len(b.Messages), Bytes: b.Bytes(), Err: err})
		}
		if r.ownFault(err, began) && r.holder.take(b, err) {
			return
		}
		if first {
			said = r.sayHeld(b, err)
		}
		if !r.rest(&wait) {
			return
		}
	}
}

// delivered ends the care for a batch that is durable.
func (r *run) delivered(b *Batch) {
	release(b.Messages)
	b.Recycle()
}

// sayHeld writes the line, unless another batch was held within the last minute: an output that fails every other time would fill the log.
func (r *run) sayHeld(b *Batch, err error) bool {
	now := time.Now().UnixNano()
	if last := r.lastHeld.Swap(now); last != 0 && now-last < int64(flapWithin) {
		return false
	}
	r.log.Warn("batch can be written nowhere; it is held and tried again", "plugin", r.p.Output.Name, "batch", b.ID, "messages", len(b.Messages), "error", err)
	return true
}

// How long a worker holds a batch although nothing says that others can be written.
const holdAfter = time.Minute

// ownFault reports whether others may go through although this batch does not: the output answered for single messages, or has
// stored something since this batch was first tried. Else it is an outage, and workers that hold their batches keep it from being
// cut into small ones. After a minute it is tried anyway: all workers may have such a batch.
func (r *run) ownFault(err error, began time.Time) bool {
	var partial *WriteError
	return Futile(err) || StoredSome(err) || errors.As(err, &partial) ||
		r.stored.Load() > began.UnixNano() || time.Since(began) > holdAfter
}

// rest waits before the next try. A worker that waits is not busy: for readers that wait for room it does nothing.
func (r *run) rest(wait *backoff) bool {
	if r.busy.Add(-1) == 0 {
		r.pokeReaders()
	}
	defer r.busy.Add(1)
	return wait.rest(r, nil, nil) == nil
}

// write tries every place once, in order. A nil means that what is left in the batch is durable, or nothing is left.
func (r *run) write(b *Batch) error {
	err := r.tryOutput(b)
	if err == nil || r.bury(b, err) {
		return nil
	}
	if r.fallback == nil || r.hard.Err() != nil {
		return err
	}
	if ferr := r.fallBack(b, err); ferr != nil {
		return &bothError{err, ferr}
	}
	return nil
}

// fallBack writes a batch to the fallback, because of err.
func (r *run) fallBack(b *Batch, err error) error {
	r.fallback.discard(b)
	messages, bytes := len(b.Messages), b.Bytes()
	ferr := r.fallback.Write(r.hard, b)
	if ferr != nil { // a part may be there
		messages, bytes = messages-len(b.Messages), bytes-b.Bytes()
	}
	if messages > 0 {
		r.observe(Event{Kind: FellBack, Plugin: r.p.Fallback.Name, Messages: messages, Bytes: bytes, Err: err})
		if r.recovery != nil {
			poke(r.recovery.kick)
		}
	}
	return ferr
}

// tryOutput writes to the output through its policies.
func (r *run) tryOutput(b *Batch) error {
	b.self = b
	err := guard(func() error { return r.output.Write(r.soft, b) })
	if _, ok := panicked(err); ok { // of a policy: those of the output itself end below it
		r.logPanic(r.p.Output.Name, err)
	}
	return err
}

// bury sends a batch that the output can never store to the dead letter, and reports whether it did. b is empty then.
func (r *run) bury(b *Batch, err error) bool {
	if !IsPermanent(err) || r.dead == nil {
		return false
	}
	dead := &Batch{Partition: b.Partition, Time: b.Time, Messages: append([]Message(nil), b.Messages...)}
	for range dead.Messages {
		dead.Reasons = append(dead.Reasons, err)
	}
	if !r.reject(dead, r.p.Output.Name) {
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
