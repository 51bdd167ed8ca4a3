// Package batch is the processor that groups messages into batches and seals them.
package batch

import (
	"context"
	"log/slog"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Groups messages into batches, each of one partition, and seals them by count, bytes and age.

A sealed batch has an id, a partition and a time, which never change again, so that an output writes it to the same place
however often it has to try. Its time is that of its first message. Within a partition messages keep their order.

A message without a field of partition_by, or with null, a list, an object or an empty text in it, is in the partition
"unknown"; so is every message that is not JSON. Numbers, true and false count as written; of a text the first 128 bytes
count. Where a message has a field twice, the first counts. A field name with dots stands for nested objects as well as for
a key that has the dots in its name.

A partition field with many values makes many small batches: every value has batches of its own, and max_partitions,
open_messages and open_bytes seal batches early to bound the memory. When most are sealed so, a warning says which limit it is.

The date and hour of a batch's time are those of its first message. With @date in partition_by they are those of all of them.`

// Plugin is the processor "batch".
var Plugin = engine.NewStage("batch", doc, Defaults, New)

// New makes the processor.
func New(c Config, env engine.Env) (engine.Stage, error) {
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &processor{Config: c, log: log, newID: env.NewID}, nil
}

type processor struct {
	Config
	log   *slog.Logger
	newID func() string
	open  open // of the present Run, for who looks from outside
}

// Run groups what comes from in until it is closed.
func (p *processor) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	r := &run{processor: p, partitions: newPartitioner(p.Config), out: out, done: ctx.Done()}
	r.groups.byKey = make(map[string]*group)
	r.maxMessages, r.maxBytes = p.limits()

	// One timer for all groups. It is set for the oldest and not touched when that is sealed before it is due: then it
	// fires too early, finds nothing, and is set again.
	timer := time.NewTimer(p.Age)
	defer timer.Stop()
	defer p.open.note(&groups{})
	for armed := true; ; {
		if !armed && r.groups.oldest != nil {
			timer.Reset(time.Until(r.groups.oldest.due))
			armed = true
		}
		ok := true
		select {
		case chunk, more := <-in:
			if !more {
				ok = r.sealWhile(engine.SealedByDrain, func(*group) bool { return true })
				return cause(ctx, ok)
			}
			ok = r.take(chunk)
		case <-timer.C:
			armed = false
			now := time.Now()
			ok = r.sealWhile(engine.SealedByAge, func(g *group) bool { return !g.due.After(now) })
		case <-ctx.Done():
			ok = false
		}
		if !ok {
			return cause(ctx, ok)
		}
		p.open.note(&r.groups)
	}
}

// cause is the error of a Run that could (ok) or could not do all its work.
func cause(ctx context.Context, ok bool) error {
	if ok {
		return nil
	}
	return context.Cause(ctx)
}

// run is one call of Run. Its methods return false when the pipeline must end at once.
type run struct {
	*processor
	partitions  *partitioner
	groups      groups
	maxMessages int
	maxBytes    int64
	out         chan<- *engine.Batch
	done        <-chan struct{}
	early       early
}

// take puts the messages of a chunk into their groups.
func (r *run) take(chunk *engine.Batch) bool {
	if len(chunk.Messages) == 0 {
		return r.sweep(chunk)
	}
	now := time.Now()
	for i := range chunk.Messages {
		if !r.add(&chunk.Messages[i], now) {
			return false
		}
	}
	chunk.Recycle()
	return true
}

func (r *run) add(m *engine.Message, now time.Time) bool {
	if m.Time.IsZero() {
		m.Time = now
	}
	key, size := r.partitions.of(m), int64(len(m.Body))
	g := r.groups.byKey[string(key)]
	if g != nil && g.bytes+size > int64(r.Bytes) {
		if !r.seal(g, engine.SealedByBytes) {
			return false
		}
		g = nil
	}
	if g == nil {
		if len(r.groups.byKey) >= r.MaxPartitions && !r.sealEarly(r.groups.oldest, "max_partitions") {
			return false
		}
		g = &group{key: string(key), due: now.Add(r.Age)}
		g.partition = r.partitions.text(g.key)
		r.groups.open(g)
	}
	g.add(*m, r.Count)
	r.groups.messages++
	r.groups.bytes += size
	switch {
	case len(g.messages) >= r.Count:
		return r.seal(g, engine.SealedByCount)
	case g.bytes >= int64(r.Bytes):
		return r.seal(g, engine.SealedByBytes)
	}
	return r.keepLimits()
}

// keepLimits seals the fullest group for as long as too much is open.
func (r *run) keepLimits() bool {
	for r.groups.messages > r.maxMessages || r.groups.bytes > r.maxBytes {
		limit := "open_bytes"
		if r.groups.messages > r.maxMessages {
			limit = "open_messages"
		}
		if !r.sealEarly(r.groups.fullest(limit == "open_bytes"), limit) {
			return false
		}
	}
	return true
}

// sweep passes on what the engine asks for (see engine.Stage), and then the sweep itself, for the stages behind this one.
func (r *run) sweep(request *engine.Batch) bool {
	asked := (*engine.Message).Void
	if request.SealedBy == engine.SealedByPressure {
		asked = (*engine.Message).Pressing
	}
	for g := r.groups.oldest; g != nil; {
		next := g.newer
		if g.has(asked) && !r.seal(g, request.SealedBy) {
			return false
		}
		g = next
	}
	return r.send(request)
}

// sealWhile seals the oldest groups for as long as they want it.
func (r *run) sealWhile(why string, want func(*group) bool) bool {
	for g := r.groups.oldest; g != nil && want(g); g = r.groups.oldest {
		if !r.seal(g, why) {
			return false
		}
	}
	return true
}

// seal ends a group and sends it on. It waits while the workers are busy: nothing is read meanwhile, which is what
// slows the input down.
func (r *run) seal(g *group, why string) bool {
	r.groups.remove(g)
	r.early.sealed(len(g.messages))
	if limit := r.early.due(); limit != "" {
		r.warn(limit)
	}
	return r.send(&engine.Batch{
		ID:        r.newID(),
		Partition: g.partition,
		Time:      g.messages[0].Time.UTC(),
		SealedBy:  why,
		Messages:  g.messages,
	})
}

func (r *run) send(b *engine.Batch) bool {
	select {
	case r.out <- b:
		return true
	case <-r.done:
		return false
	}
}
