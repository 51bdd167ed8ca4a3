// Package deadline is a policy: it gives a write so much time and no more.
package deadline

import (
	"context"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Plugin is the processor "deadline".
var Plugin = engine.NewPolicy("deadline", "Gives a write so much time and no more.", func() Config { return Config{After: time.Minute} }, New)

// Config is its configuration.
type Config struct {
	After time.Duration `hcl:"after,optional" doc:"How long a write may take."`
}

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Policy, error) { return policy{c}, nil }

type policy struct{ Config }

func (p policy) Wrap(next engine.Output) engine.Output { return output{next, p.After} }

type output struct {
	engine.Output
	after time.Duration
}

func (o output) Write(ctx context.Context, b *engine.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, o.after)
	defer cancel()
	return o.Output.Write(ctx, b)
}
