package enginetest

import (
	"context"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Group is a plain Stage that batches by count, age and a key of the body, for tests that must not depend on a plugin.
type Group struct {
	Count int                      // messages in a batch; at least 1
	Age   time.Duration            // how long a batch may stay open
	Key   func(body []byte) string // nil: one group
	NewID func() string            // nil: engine.NewID
}

type group struct {
	batch *engine.Batch
	due   time.Time
}

// Run implements engine.Stage.
func (g Group) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	var open []*group // oldest first
	seal := func(o *group, by string) error {
		for i := range open {
			if open[i] == o {
				open = append(open[:i], open[i+1:]...)
				break
			}
		}
		o.batch.SealedBy = by
		select {
		case out <- o.batch:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		var due <-chan time.Time
		if len(open) > 0 {
			due = time.After(time.Until(open[0].due))
		}
		select {
		case b, ok := <-in:
			switch {
			case !ok:
				for len(open) > 0 {
					if err := seal(open[0], engine.SealedByDrain); err != nil {
						return err
					}
				}
				return nil
			case len(b.Messages) == 0:
				if err := g.sweep(open, b.SealedBy, seal); err != nil {
					return err
				}
				select {
				case out <- b:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			default:
				if err := g.add(&open, b, seal); err != nil {
					return err
				}
			}
		case <-due:
			if err := seal(open[0], engine.SealedByAge); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (g Group) add(open *[]*group, b *engine.Batch, seal func(*group, string) error) error {
	for _, m := range b.Messages {
		key := ""
		if g.Key != nil {
			key = g.Key(m.Body)
		}
		var to *group
		for _, o := range *open {
			if o.batch.Partition == key {
				to = o
			}
		}
		if to == nil {
			newID := g.NewID
			if newID == nil {
				newID = engine.NewID
			}
			to = &group{batch: &engine.Batch{ID: newID(), Partition: key, Time: m.Time}, due: time.Now().Add(g.Age)}
			*open = append(*open, to)
		}
		to.batch.Messages = append(to.batch.Messages, m)
		if len(to.batch.Messages) >= g.Count {
			if err := seal(to, engine.SealedByCount); err != nil {
				return err
			}
		}
	}
	b.Recycle()
	return nil
}

func (g Group) sweep(open []*group, cause string, seal func(*group, string) error) error {
	asked := (*engine.Message).Void
	if cause == engine.SealedByPressure {
		asked = (*engine.Message).Pressing
	}
	for _, o := range append([]*group(nil), open...) {
		for i := range o.batch.Messages {
			if asked(&o.batch.Messages[i]) {
				if err := seal(o, cause); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}
