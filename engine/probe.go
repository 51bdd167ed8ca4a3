package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// An input that is lost while nothing can be written is not opened again before something can. What it would bring could only be held, until
// the source takes it back and counts that against it: brokers take messages away that were delivered too often, good as they are, and a
// broker that waits 30 minutes for an ack has done so 20 times in 10 hours. Closed, an outage costs one delivery, however long it is.
//
// Whether something can be written is asked with one message of the lost connection. It comes again from the source, so that is
// one message twice for each time.

// probe is a void message that was kept to ask a branch with.
type probe struct {
	branch    *branch
	message   Message
	partition string
	time      time.Time
}

// probes are those of a connection, at most one a branch.
type probes struct {
	mu  sync.Mutex
	all []*probe
}

// of returns the probe of a branch, nil if there is none.
func (p *probes) of(br *branch) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.all {
		if kept.branch == br {
			return kept
		}
	}
	return nil
}

// keep takes a probe, unless its branch has one.
func (p *probes) keep(kept *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.all, func(has *probe) bool { return has.branch == kept.branch }) {
		p.all = append(p.all, kept)
	}
}

// list returns them all.
func (p *probes) list() []*probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// keepProbe keeps a message of the lost connection while the output fails. It is called before void messages are discarded.
func (br *branch) keepProbe(b *Batch) {
	if !br.attempt.health.fails() {
		return
	}
	for i := range b.Messages {
		m := b.Messages[i]
		if !m.Void() || m.receipt.epoch.probes.of(br) != nil {
			continue
		}
		epoch := m.receipt.epoch
		m.receipt, m.Body = nil, bytes.Clone(m.Body) // what the source gave may be used again
		at := b.Time
		if at.IsZero() {
			at = m.Time.UTC()
		}
		epoch.probes.keep(&probe{br, m, b.Partition, at})
	}
}

// nowhere reports whether nothing can be written, as far as the last writes tell.
func (br *branch) nowhere() bool {
	return br.attempt.health.fails() && (br.fallback == nil || br.fallback.health.fails())
}

// closedBackoff is how long an input stays closed at most: a net for a message that cannot be written although others can.
func closedBackoff() backoff { return backoff{first: time.Hour, most: 8 * time.Hour} }

// worthReading waits, after a source was lost, until what it brings can be written somewhere, in each branch that held some of it. It
// returns false when the pipeline stops before.
func (d *reader) worthReading() bool {
	kept := d.epoch.probes.list()
	if len(kept) == 0 {
		return true // it held nothing that could not be written
	}
	ctx, cancel := context.WithTimeout(d.r.stop, d.closed.delay())
	defer cancel()
	said := false
	for _, p := range kept {
		wait := heldBackoff()
		for p.branch.nowhere() && !p.branch.ask(ctx, p) && ctx.Err() == nil {
			if !said {
				said = true
				d.r.log.Warn("input stays closed until something can be written: sources count how often they deliver a message",
					"plugin", d.step.Name, "output", p.branch.spec.Output.Name)
			}
			_ = wait.wait(ctx) // the loop sees its end
		}
	}
	return d.r.stop.Err() == nil
}

// ask writes the probe, to the output and then the fallback, and reports whether one of them works.
func (br *branch) ask(ctx context.Context, p *probe) bool {
	return br.attempt.ask(ctx, p) || br.fallback != nil && br.fallback.ask(ctx, p)
}

// ask is a write that nothing depends on. An output that says something of the message itself works.
func (a *attempt) ask(ctx context.Context, p *probe) bool {
	b := &Batch{ID: a.r.newID(), Partition: p.partition, Time: p.time, SealedBy: SealedByLost, Messages: []Message{p.message}}
	err := guard(func() error { return a.next.Write(ctx, b) })
	var partial *WriteError
	if IsPermanent(err) || errors.As(err, &partial) || len(b.marks) > 0 {
		err = nil
	}
	a.health.note(a, ctx, err, err == nil)
	return err == nil
}
