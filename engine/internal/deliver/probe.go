package deliver

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/settle"
)

// An input that is lost while nothing can be written is not opened again before something can. What it would bring could only be held, until
// the source takes it back and counts that against it: brokers take messages away that were delivered too often, good as they are, and a
// broker that waits 30 minutes for an ack has done so 20 times in 10 hours. Closed, an outage costs one delivery, however long it is.
//
// Whether something can be written is asked with messages of the lost connection, one at a time and a few in turn: a message that cannot be
// written itself must not pass for an outage. The one that is written comes again from the source, so that is one message twice for each time.

// probe is a void message that was kept to ask a branch with.
type probe struct {
	branch    *Branch
	message   engine.Message
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

// askedFor is how long one of them may take. It goes past the policies, so nothing else ends a write of an output that has no timeout of its own and hangs: the input would stay
// closed although everything is well again. One message takes no output that works as long.
const askedFor = time.Minute

// Probes are those of a connection.
type Probes struct {
	mu    sync.Mutex
	all   []*probe
	bytes int // in their bodies
}

// WithProbes has probes kept of a connection.
func WithProbes(e *books.Epoch) { e.Kept = &Probes{} }

// ProbesOf are those of a connection, nil where none are kept: what comes home from a fallback is in no broker's count.
func ProbesOf(e *books.Epoch) *Probes {
	p, _ := e.Kept.(*Probes)
	return p
}

// Of returns the probes of a branch.
func (p *Probes) Of(br *Branch) (own []*probe) {
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
func (p *Probes) wants(br *Branch, size int) bool {
	has := len(p.Of(br))
	p.mu.Lock()
	defer p.mu.Unlock()
	return has == 0 || has < probesMost && p.bytes+size <= probesBytesMost
}

// keep takes a probe.
func (p *Probes) keep(kept *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, kept)
	p.bytes += len(kept.message.Body)
}

// Branches are those that have probes.
func (p *Probes) Branches() (all []*Branch) {
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
func (br *Branch) keepProbe(b *engine.Batch) {
	if !br.Attempt.Health.fails() {
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
		probes := ProbesOf(settle.ReceiptOf(&m).Epoch)
		if probes == nil || !probes.wants(br, len(m.Body)) {
			continue
		}
		kept++
		settle.Tie(&m, nil)
		m.Body = bytes.Clone(m.Body) // what the source gave may be used again
		at := b.Time
		if at.IsZero() {
			at = m.Time.UTC()
		}
		probes.keep(&probe{br, m, b.Partition, at})
	}
}

// Nowhere reports whether nothing can be written, as far as the last writes tell.
func (br *Branch) Nowhere() bool {
	return br.Attempt.Health.fails() && (br.Fallback == nil || br.Fallback.Health.fails())
}

// Ask writes the probe, to the output and then the fallback, and reports whether one of them works.
func (br *Branch) Ask(ctx context.Context, p *probe) bool {
	return br.Attempt.ask(ctx, p) || br.Fallback != nil && br.Fallback.ask(ctx, p)
}

// ask is a write that nothing depends on. An output that says something of the message itself works.
func (a *Attempt) ask(ctx context.Context, p *probe) bool {
	ctx, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	b := &engine.Batch{ID: a.r.NewID(), Partition: p.partition, Time: p.time, SealedBy: engine.SealedByLost, Messages: []engine.Message{p.message}}
	err := fault.Guard(func() error { return a.Next.Write(ctx, b) })
	var partial *engine.WriteError
	if engine.IsPermanent(err) || errors.As(err, &partial) || len(settle.StateOf(b).Marks) > 0 {
		err = nil
	}
	a.Health.note(a, ctx, err, err == nil)
	return err == nil
}
