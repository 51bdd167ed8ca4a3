// Package retry is the processor that tries the output behind it again.
package retry

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/internal/sleep"
)

const doc = `Tries the output again when it fails, before the fallback is used. It stands directly before the output.

Between the attempts of a batch it waits a random time (full jitter) up to a bound that doubles. Its patience belongs to the
outage and not to each batch: once one batch has spent its attempts, and no other was written meanwhile, the output counts as
down. From then on one batch at a time is tried, once, to see whether the output is well again; all others fall through at
once, to the fallback or back to where they are held. The first batch that is written ends the outage.

An error that no retry can mend falls through at once and says nothing about the output. Without a fallback nothing is lost
either: the pipeline holds what falls through and tries again.`

// Plugin is the processor "retry".
var Plugin = engine.NewPolicy("retry", doc, Defaults, New)

// New makes the processor.
func New(c Config, env engine.Env) (engine.Policy, error) { return &policy{c, env.Log}, nil }

type policy struct {
	Config
	log *slog.Logger
}

// Wrap returns an output that tries next again.
func (p *policy) Wrap(next engine.Output) engine.Output {
	return &output{Config: p.Config, next: next, outage: outage{log: p.log}}
}

type output struct {
	Config
	next   engine.Output
	outage outage
}

// Write tries b until it is written, until its attempts are spent, or until ctx ends.
func (o *output) Write(ctx context.Context, b *engine.Batch) error {
	since := o.outage.mark()
	for n := 1; ; n++ {
		probe, err := o.outage.enter()
		if err != nil {
			return err
		}
		if probe {
			return o.probe(ctx, b)
		}
		err = o.try(ctx, b)
		switch {
		case err == nil, engine.Futile(err):
			return err
		case ctx.Err() != nil:
			return ended(ctx, n, err)
		case n == o.Attempts:
			err = fmt.Errorf("gave up after %d attempts: %w", n, err)
			o.outage.spent(since, err)
			return err
		case o.outage.on(): // another batch has spent its attempts meanwhile
			return err
		}
		if sleep.For(ctx, rand.N(o.longest(n))) != nil {
			return ended(ctx, n, err)
		}
	}
}

// probe is the one attempt of one batch during an outage.
func (o *output) probe(ctx context.Context, b *engine.Batch) error {
	defer o.outage.leave() // also after a panic, or nobody would ever probe again
	err := o.try(ctx, b)
	if err != nil && ctx.Err() == nil && !engine.Futile(err) {
		o.outage.failed(err)
	}
	return err
}

// try is one attempt. A batch that nothing is left of was perhaps never written, so it is no sign that the output is well; one that was
// stored in part is.
func (o *output) try(ctx context.Context, b *engine.Batch) error {
	err := o.next.Write(ctx, b)
	if err == nil && len(b.Messages) > 0 || engine.StoredSome(err) {
		o.outage.over()
	}
	return err
}

// ended is the error of a batch whose context ended after n attempts.
func ended(ctx context.Context, n int, last error) error {
	return fmt.Errorf("stopped after %d attempts (%w): %w", n, context.Cause(ctx), last)
}

// Close closes the output.
func (o *output) Close(ctx context.Context) error { return o.next.Close(ctx) }
