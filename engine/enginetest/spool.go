package enginetest

import (
	"context"
	"errors"
	"io"

	"github.com/logpipe/logpipe/engine"
)

// Spool is a Store that gives back what it keeps: a fallback.
type Spool struct {
	*Store
	// FailRead, when not nil, may make the recovery's Read fail.
	FailRead func() error
}

// NewSpool returns an empty one.
func NewSpool(l *Ledger) *Spool { return &Spool{Store: NewStore(l, "fallback")} }

// Recovery implements engine.Recoverer.
func (s *Spool) Recovery() engine.Input { return &recovery{spool: s} }

type recovery struct {
	spool *Spool
	out   map[uint64]string // tag → batch id, of what was read and not acked
	tag   uint64
	open  bool
}

func (r *recovery) Open(context.Context) error {
	r.out, r.tag, r.open = map[uint64]string{}, 0, true
	return nil
}

func (r *recovery) Read(ctx context.Context, b *engine.Batch) error {
	if !r.open {
		return errors.New("read of a closed recovery")
	}
	if r.spool.FailRead != nil {
		if err := r.spool.FailRead(); err != nil {
			return err
		}
	}
	r.spool.mu.Lock()
	defer r.spool.mu.Unlock()
	taken := map[string]bool{}
	for _, id := range r.out {
		taken[id] = true
	}
	for _, id := range r.spool.order {
		o := r.spool.objects[id]
		if o == nil || taken[id] {
			continue
		}
		r.tag++
		r.out[r.tag] = id
		b.ID, b.Partition, b.Time, b.Tag = o.ID, o.Partition, o.Time, r.tag
		for _, body := range o.Bodies {
			b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: o.Time})
		}
		return nil
	}
	return io.EOF
}

func (r *recovery) Ack(_ context.Context, tags []uint64) error {
	r.spool.mu.Lock()
	defer r.spool.mu.Unlock()
	for _, tag := range tags {
		id, ok := r.out[tag]
		if !ok {
			r.spool.ledger.Violation("the fallback got an ack for the unknown tag %d", tag)
			continue
		}
		for _, body := range r.spool.objects[id].Bodies {
			r.spool.ledger.Gone(body, r.spool.Place)
		}
		delete(r.out, tag)
		delete(r.spool.objects, id)
	}
	return nil
}

func (r *recovery) Close(context.Context) error {
	r.open, r.out = false, nil
	return nil
}
