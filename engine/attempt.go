package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// attempt is the engine's own wrapper around each output, below all policies: it discards what is void before every
// write, releases what became durable, and sends what can never be stored to the dead letter. After an error
// b.Messages is what is left to write.
type attempt struct {
	r        *life
	br       *branch // nil: a dead letter
	role     Role
	name     string
	next     Output
	health   health
	evidence evidence
	inFlight
}

// Write is one try.
func (a *attempt) Write(ctx context.Context, b *Batch) error {
	if a.role == RoleOutput && stateOf(b).self != b {
		return errors.New("a policy passed on another batch than it was given; that is a bug in the policy")
	}
	a.discard(b)
	if len(b.Messages) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	messages, bytes, start := len(b.Messages), b.Bytes(), time.Now()
	again := stateOf(b).tried&a.bit() != 0
	stateOf(b).tried |= a.bit()
	all, before := b.Messages, savedMessages(b.Messages)
	defer before.free()
	a.enter(start)
	err := guard(func() error { return a.next.Write(ctx, b) })
	a.leave(start)
	if _, ok := panicked(err); ok {
		a.r.logPanic(a.name, err)
		err = fmt.Errorf("write: %w", err) // says nothing of the messages, so it is not permanent
	}
	if wrong := a.distrust(b, before, err); wrong != nil {
		copy(all, before.messages)
		b.Messages, err = all, wrong
		unmark(b)
	}
	took := time.Since(start)
	buried, left := a.sort(b, err)
	stored := messages - buried
	if left != nil {
		stored -= len(b.Messages)
	}
	a.r.observe(Event{Kind: Attempt, Plugin: a.name, Messages: messages, Stored: stored, Bytes: bytes, Again: again,
		Err: err, Took: took, Time: b.Time})
	if stored > 0 {
		a.evidence.stored()
	}
	if a.role == RoleDeadLetter && stored > 0 {
		a.r.observe(Event{Kind: DeadLettered, Plugin: a.name, Messages: stored})
	}
	if left == nil || !stateOf(b).guilty { // what is refused for its own sake says nothing of the output
		a.health.note(a, ctx, left, stored > 0)
	}
	return left
}

// discard takes out what is void.
func (a *attempt) discard(b *Batch) {
	if a.role != RoleDeadLetter {
		a.br.keepProbe(b)
	}
	if n, bytes := discardVoid(b); n > 0 {
		a.r.observe(Event{Kind: Voided, Plugin: a.name, Messages: n, Bytes: bytes})
	}
}

// bit stands for the output among those that a batch was tried with.
func (a *attempt) bit() uint8 {
	switch a.role {
	case RoleFallback:
		return 2
	case RoleDeadLetter:
		return 4
	}
	return 1
}

// Close ends the output.
func (a *attempt) Close(ctx context.Context) error {
	return guard(func() error { return a.next.Close(ctx) })
}

// shut closes the output, as o where policies stand around it.
func (a *attempt) shut(ctx context.Context, o Output) {
	if err := guard(func() error { return o.Close(ctx) }); err != nil {
		a.r.log.Warn("output did not close well; what it had confirmed is stored", "plugin", a.name, "error", err)
	}
}

// sort finds out what became of each message of a write. Rejected messages and those that a WriteError calls
// permanent leave for the dead letter, if this is the output and there is one; what is durable is released. left says why
// something is left in the batch, and is nil when nothing needs another try.
func (a *attempt) sort(b *Batch, err error) (buried int, left error) {
	var partial *WriteError
	split := errors.As(err, &partial) && len(partial.Failed) > 0
	if !split && len(stateOf(b).marks) == 0 {
		return 0, err
	}
	durable := split || err == nil // of all messages that no mark and no failure names
	why := make([]error, len(b.Messages))
	if split {
		for _, f := range partial.Failed {
			why[f.Index] = f.Err
		}
	}
	for _, m := range inOrder(stateOf(b).marks) {
		why[m.index] = Permanent(m.why)
	}
	unmark(b)
	return a.part(b, why, durable, err)
}

// part takes the batch apart by what happened to each message: why has a nil for each that did not fail on its own account.
func (a *attempt) part(b *Batch, why []error, durable bool, err error) (buried int, _ error) {
	dead := &Batch{Partition: b.Partition, Time: b.Time}
	stored, left := make([]Message, 0, len(why)), b.Messages[:0:0]
	var reasons []error
	var first error
	for i, m := range b.Messages {
		switch {
		case why[i] == nil && durable:
			stored = append(stored, m)
		case why[i] != nil && IsPermanent(why[i]) && a.buries():
			dead.Messages = append(dead.Messages, m)
			dead.Reasons = append(dead.Reasons, why[i])
		default:
			left = append(left, m)
			if b.Reasons != nil {
				reasons = append(reasons, b.Reasons[i])
			}
			if first == nil {
				first = why[i]
			}
		}
	}
	if len(stored) > 0 && len(left) > 0 && b.ID != "" {
		b.ID = a.r.newID() // a part of it is stored under the old name, where it must not be overwritten
	}
	release(stored)
	b.Messages, b.Reasons = left, reasons
	buried = len(dead.Messages) // the batch is another goroutine's once it is sent
	if buried > 0 && !reject(a.r, a.br.burier, dead, a.name) {
		return 0, context.Cause(a.r.hard)
	}
	switch {
	case len(left) == 0:
		return buried, nil
	case first != nil && durable:
		err = temporary(first)
	}
	if len(stored) > 0 {
		err = storedPart(err)
	}
	return buried, err
}

// buries reports whether what can never be stored here goes to the dead letter. A fallback or a dead letter keeps it instead: there is
// no third place.
func (a *attempt) buries() bool { return a.role == RoleOutput && a.br.burier != nil }

// temporary takes the mark of Permanent off an error, for messages that have no other place to go.
func temporary(err error) error {
	if IsPermanent(err) {
		return &homelessError{cause: err.Error()}
	}
	return err
}
