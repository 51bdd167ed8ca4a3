// Package pace is a stage: it lets a chunk pass now and then.
package pace

import (
	"context"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Plugin is the processor "pace".
var Plugin = engine.NewStage("pace", "Lets a chunk pass now and then.", func() Config { return Config{Every: time.Second} }, New)

// Config is its configuration.
type Config struct {
	Every time.Duration `hcl:"every,optional" doc:"How long it waits between two chunks."`
}

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Stage, error) { return stage{c}, nil }

type stage struct{ Config }

func (s stage) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	for b := range in { // a sweep passes as well
		select {
		case <-time.After(s.Every):
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
