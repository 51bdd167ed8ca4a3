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
// Whether something can be written is asked with messages of the lost connection, one at a time and a few in turn: a message that cannot be
// written itself must not pass for an outage. The one that is written comes again from the source, so that is one message twice for each time.

// probe is a void message that was kept to ask a branch with.
type probe struct {
	branch    *branch
	message   Message
	partition string
	time      time.Time
}

// Of a connection so many probes are kept for a branch, and so many of a batch, so that they are of several batches where there are. Beyond the
// first they are kept only while all of them have no more bytes than this: nobody counts them.
const (
	probesMost      = 8
	probesOfBatch   = 2
	probesBytesMost = 1 << 20
)

// probes are those of a connection.
type probes struct {
	mu    sync.Mutex
	all   []*probe
	bytes int // in their bodies
}

// withProbes has probes kept of a connection.
func withProbes(e *epoch) { e.kept = &probes{} }

// probesOf are those of a connection, nil where none are kept: what comes home from a fallback is in no broker's count.
func probesOf(e *epoch) *probes {
	p, _ := e.kept.(*probes)
	return p
}

// of returns the probes of a branch.
func (p *probes) of(br *branch) (own []*probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.all {
		if kept.branch == br {
			own = append(own, kept)
		}
	}
	return own
}

// wants reports whether a probe of a branch with so many bytes would be kept.
func (p *probes) wants(br *branch, size int) bool {
	has := len(p.of(br))
	p.mu.Lock()
	defer p.mu.Unlock()
	return has == 0 || has < probesMost && p.bytes+size <= probesBytesMost
}

// keep takes a probe.
func (p *probes) keep(kept *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, kept)
	p.bytes += len(kept.message.Body)
}

// branches are those that have probes.
func (p *probes) branches() (all []*branch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.all {
		if !slices.Contains(all, kept.branch) {
			all = append(all, kept.branch)
		}
	}
	return all
}

// keepProbe keeps messages of the lost connection while the output fails. It is called before void messages are discarded.
func (br *branch) keepProbe(b *Batch) {
	if !br.attempt.health.fails() {
		return
	}
	kept := 0
	for i := range b.Messages {
		m := b.Messages[i]
		if kept == probesOfBatch {
			return
		}
		if !m.Void() {
			continue
		}
		probes := probesOf(receiptOf(&m).epoch)
		if probes == nil || !probes.wants(br, len(m.Body)) {
			continue
		}
		kept++
		tie(&m, nil)
		m.Body = bytes.Clone(m.Body) // what the source gave may be used again
		at := b.Time
		if at.IsZero() {
			at = m.Time.UTC()
		}
		probes.keep(&probe{br, m, b.Partition, at})
	}
}

// nowhere reports whether nothing can be written, as far as the last writes tell.
func (br *branch) nowhere() bool {
	return br.attempt.health.fails() && (br.fallback == nil || br.fallback.health.fails())
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
	if IsPermanent(err) || errors.As(err, &partial) || len(stateOf(b).marks) > 0 {
		err = nil
	}
	a.health.note(a, ctx, err, err == nil)
	return err == nil
}
