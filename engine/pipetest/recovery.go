package pipetest

import (
	"context"
	"io"
	"slices"

	"github.com/logpipe/logpipe/engine"
)

// fallback is a store that gives back what it took, as the real one would.
type fallback struct{ *store }

// Recovery is the way home.
func (f fallback) Recovery() engine.Input { return &recovery{f.store} }

type recovery struct{ s *store }

// Open begins with the oldest.
func (r *recovery) Open(context.Context) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.read = 0
	return nil
}

// Read gives the next batch.
func (r *recovery) Read(_ context.Context, b *engine.Batch) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.read == len(r.s.batches) {
		return io.EOF
	}
	kept := r.s.batches[r.s.read]
	r.s.read++
	b.ID, b.Partition, b.Time, b.SealedBy, b.Tag = kept.ID, kept.Partition, kept.Time, kept.SealedBy, kept.tag
	b.Messages = append(b.Messages, kept.original...)
	return nil
}

// Ack forgets what is home.
func (r *recovery) Ack(_ context.Context, tags []uint64) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	had := len(r.s.batches)
	r.s.batches = slices.DeleteFunc(r.s.batches, func(b Batch) bool { return slices.Contains(tags, b.tag) })
	r.s.read -= had - len(r.s.batches)
	return nil
}

// Close keeps what was read and not acked.
func (r *recovery) Close(context.Context) error { return nil }
