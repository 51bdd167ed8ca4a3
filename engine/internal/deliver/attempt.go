package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Attempt is the engine's own wrapper around each output, below all policies: it discards what is void before every
// write, releases what became durable, and sends what can never be stored to the dead letter. After an error
// b.Messages is what is left to write.
type Attempt struct {
	r        *life.Life
	br       *Branch // nil: a dead letter
	Role     engine.Role
	Name     string
	Next     engine.Output
	Health   Health
	Evidence tries.Evidence
	InFlight
}

// Write is one try.
func (a *Attempt) Write(ctx context.Context, b *engine.Batch) error {
	if a.Role == engine.RoleOutput && settle.StateOf(b).Self != b {
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
	again := settle.StateOf(b).Tried&a.bit() != 0
	settle.StateOf(b).Tried |= a.bit()
	all, before := b.Messages, savedMessages(b.Messages)
	defer before.free()
	a.enter(start)
	err := fault.Guard(func() error { return a.Next.Write(ctx, b) })
	a.leave(start)
	if _, ok := fault.Panicked(err); ok {
		a.r.LogPanic(a.Name, err)
		err = fmt.Errorf("write: %w", err) // says nothing of the messages, so it is not permanent
	}
	if wrong := a.distrust(b, before, err); wrong != nil {
		copy(all, before.messages)
		b.Messages, err = all, wrong
		settle.Unmark(b)
	}
	took := time.Since(start)
	buried, left := a.sort(b, err)
	stored := messages - buried
	if left != nil {
		stored -= len(b.Messages)
	}
	a.r.Observe(engine.Event{Kind: engine.Attempt, Plugin: a.Name, Messages: messages, Stored: stored, Bytes: bytes, Again: again,
		Err: err, Took: took, Time: b.Time})
	if stored > 0 {
		a.Evidence.Stored()
	}
	if a.Role == engine.RoleDeadLetter && stored > 0 {
		a.r.Observe(engine.Event{Kind: engine.DeadLettered, Plugin: a.Name, Messages: stored})
	}
	if left == nil || !settle.StateOf(b).Guilty { // what is refused for its own sake says nothing of the output
		a.Health.note(a, ctx, left, stored > 0)
	}
	return left
}

// discard takes out what is void.
func (a *Attempt) discard(b *engine.Batch) {
	if a.Role != engine.RoleDeadLetter {
		a.br.keepProbe(b)
	}
	if n, bytes := settle.DiscardVoid(b); n > 0 {
		a.r.Observe(engine.Event{Kind: engine.Voided, Plugin: a.Name, Messages: n, Bytes: bytes})
	}
}

// bit stands for the output among those that a batch was tried with.
func (a *Attempt) bit() uint8 {
	switch a.Role {
	case engine.RoleFallback:
		return 2
	case engine.RoleDeadLetter:
		return 4
	}
	return 1
}

// Close ends the output.
func (a *Attempt) Close(ctx context.Context) error {
	return fault.Guard(func() error { return a.Next.Close(ctx) })
}

// Shut closes the output, as o where policies stand around it.
func (a *Attempt) Shut(ctx context.Context, o engine.Output) {
	if err := fault.Guard(func() error { return o.Close(ctx) }); err != nil {
		a.r.Log.Warn("output did not close well; what it had confirmed is stored", "plugin", a.Name, "error", err)
	}
}

// sort finds out what became of each message of a write. Rejected messages and those that a WriteError calls
// permanent leave for the dead letter, if this is the output and there is one; what is durable is released. left says why
// something is left in the batch, and is nil when nothing needs another try.
func (a *Attempt) sort(b *engine.Batch, err error) (buried int, left error) {
	var partial *engine.WriteError
	split := errors.As(err, &partial) && len(partial.Failed) > 0
	if !split && len(settle.StateOf(b).Marks) == 0 {
		return 0, err
	}
	durable := split || err == nil // of all messages that no mark and no failure names
	why := make([]error, len(b.Messages))
	if split {
		for _, f := range partial.Failed {
			why[f.Index] = f.Err
		}
	}
	for _, m := range books.InOrder(settle.StateOf(b).Marks) {
		why[m.Index] = engine.Permanent(m.Why)
	}
	settle.Unmark(b)
	return a.part(b, why, durable, err)
}

// part takes the batch apart by what happened to each message: why has a nil for each that did not fail on its own account.
func (a *Attempt) part(b *engine.Batch, why []error, durable bool, err error) (buried int, _ error) {
	dead := &engine.Batch{Partition: b.Partition, Time: b.Time}
	stored, left := make([]engine.Message, 0, len(why)), b.Messages[:0:0]
	var reasons []error
	var first error
	for i, m := range b.Messages {
		switch {
		case why[i] == nil && durable:
			stored = append(stored, m)
		case why[i] != nil && engine.IsPermanent(why[i]) && a.buries():
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
		b.ID = a.r.NewID() // a part of it is stored under the old name, where it must not be overwritten
	}
	loosen(dead, settle.StateOf(b).Block)
	settle.Release(stored)
	b.Messages, b.Reasons = left, reasons
	buried = len(dead.Messages) // the batch is another goroutine's once it is sent
	if buried > 0 && !Reject(a.r, a.br.Burier, dead, a.Name) {
		return 0, context.Cause(a.r.Hard)
	}
	switch {
	case len(left) == 0:
		return buried, nil
	case first != nil && durable:
		err = temporary(first)
	}
	if len(stored) > 0 {
		err = fault.StoredPart(err)
	}
	return buried, err
}

// loosen lets dead letters keep no more than themselves of a batch that came home. They may wait for long, and its bodies are often one allocation, which no window counts. Where they are most
// of it, copies would only be more.
func loosen(dead *engine.Batch, block int64) {
	if 2*dead.Bytes() > block {
		return
	}
	for i := range dead.Messages {
		dead.Messages[i].Body = bytes.Clone(dead.Messages[i].Body)
	}
}

// buries reports whether what can never be stored here goes to the dead letter. A fallback or a dead letter keeps it instead: there is
// no third place.
func (a *Attempt) buries() bool { return a.Role == engine.RoleOutput && a.br.Burier != nil }

// temporary takes the mark of Permanent off an error, for messages that have no other place to go.
func temporary(err error) error {
	if engine.IsPermanent(err) {
		return &fault.HomelessError{Cause: err.Error()}
	}
	return err
}
