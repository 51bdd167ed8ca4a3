// Package breaker is a policy that asks an output that is down seldom.
package breaker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Leaves an output alone for a while after so many failures in a row, as a fuse does.

Meanwhile every batch fails at once, and goes to the fallback or is held. When the pause is over, one batch is tried; the others fail
until it has come back. Stand it before retry, so that it counts what retry gave up.`

// Plugin is the processor "breaker".
var Plugin = engine.NewPolicy("breaker", doc, func() Config { return Config{Failures: 5, Pause: 30 * time.Second} }, New)

// Config is the configuration of the processor.
type Config struct {
	Failures int           `hcl:"failures,optional" doc:"After how many failures in a row the output is left alone."`
	Pause    time.Duration `hcl:"pause,optional" doc:"For how long."`
}

// Validate finds a number that would leave the output alone for ever.
func (c Config) Validate() error {
	if c.Failures < 1 {
		return engine.AttrErrorf("failures", "must be at least 1, not %d", c.Failures)
	}
	return nil
}

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Policy, error) { return policy{c}, nil }

type policy struct{ Config }

// Wrap puts a breaker in front of next.
func (p policy) Wrap(next engine.Output) engine.Output { return &output{Config: p.Config, next: next} }

// output is written to by several workers at once.
type output struct {
	Config
	next engine.Output

	mu      sync.Mutex
	failed  int       // in a row
	until   time.Time // the output is left alone
	probing bool      // one batch is tried after a pause
	last    error
}

// Write passes b on, the batch itself and no copy: the engine takes out of it what is settled.
func (o *output) Write(ctx context.Context, b *engine.Batch) error {
	if err := o.enter(); err != nil {
		return err
	}
	var err error
	returned := false
	defer func() { o.leave(ctx, err, returned) }() // also after a panic, or nobody would ever probe again
	err = o.next.Write(ctx, b)
	returned = true
	return err
}

// enter says no while the output is left alone.
func (o *output) enter() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed < o.Failures {
		return nil
	}
	if o.probing || time.Now().Before(o.until) {
		return fmt.Errorf("left alone after %d failures: %w", o.failed, o.last)
	}
	o.probing = true
	return nil
}

// leave counts. What is the messages' own affair, and what we ended ourselves, says nothing of the output.
func (o *output) leave(ctx context.Context, err error, returned bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.probing = false
	switch {
	case returned && (err == nil || engine.StoredSome(err)):
		o.failed = 0
	case !returned, engine.Futile(err), ctx.Err() != nil:
	default:
		o.failed++
		o.last = err
		o.until = time.Now().Add(o.Pause)
	}
}

// Close closes the output.
func (o *output) Close(ctx context.Context) error { return o.next.Close(ctx) }
