package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/tries"
	"github.com/logpipe/logpipe/internal/sleep"
)

// Spec is a pipeline that Supervise keeps running.
type Spec struct {
	Name string // for the log and errors
	// Build makes the pipeline with new instances of its plugins, each time it is started. It is called from one goroutine at a time.
	Build func() (*Pipeline, error)
	Log   *slog.Logger // nil: nothing is logged
	// Observer is told of the pipeline's life: Started, Failed, Ended. Build gives it to the pipeline for the rest.
	Observer engine.Observer
}

// Supervise runs all pipelines and returns when every one has ended: because its inputs are finished, or because ctx ended and it drained.
// A pipeline that fails is built and started again after a back-off; the others go on. What comes back joins the *LeftError of
// pipelines that ended with something left, and is nil when nothing is.
func Supervise(ctx context.Context, specs []Spec) error {
	var wg sync.WaitGroup
	errs := make([]error, len(specs))
	for i, spec := range specs {
		wg.Go(func() { errs[i] = spec.keepRunning(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s Spec) keepRunning(ctx context.Context) error {
	wait := tries.Backoff{First: time.Second, Most: time.Minute}
	said := "" // the log has one line for each trouble, not for each start
	for {
		started := time.Now()
		err := s.runOnce(ctx)
		var left *LeftError
		if err == nil || errors.As(err, &left) || ctx.Err() != nil {
			s.observe(engine.Event{Kind: engine.Ended, Err: err})
			return err
		}
		if time.Since(started) > tries.SteadyAfter {
			wait.Reset()
			said = ""
		}
		pause := wait.Delay()
		if s.Log != nil && said != err.Error() {
			said = err.Error()
			s.Log.Error("pipeline failed; starting it again until it runs", "pipeline", s.Name, "error", err, "in", pause.Round(time.Millisecond))
		}
		s.observe(engine.Event{Kind: engine.Failed, Err: err, Took: pause})
		if sleep.For(ctx, pause) != nil {
			s.observe(engine.Event{Kind: engine.Ended, Err: err})
			return err
		}
	}
}

func (s Spec) observe(e engine.Event) {
	if s.Observer != nil {
		e.Pipeline = s.Name
		s.Observer.Observe(e)
	}
}

func (s Spec) runOnce(ctx context.Context) error {
	var p *Pipeline
	err := fault.Guard(func() (err error) { p, err = s.Build(); return err })
	if err != nil {
		return fmt.Errorf("build pipeline %q: %w", s.Name, err)
	}
	s.observe(engine.Event{Kind: engine.Started})
	return p.Run(ctx)
}
