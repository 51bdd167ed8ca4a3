package process

import (
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
)

// runStage runs a Stage between two channels. This goroutine is the only sender on out, so it may close it once Run has
// returned. A stage that fails holds messages nobody can name: the pipeline fails, and they stay unsettled.
func runStage(r *life.Life, name string, s engine.Stage, in <-chan *engine.Batch, out chan<- *engine.Batch) {
	err := fault.Guard(func() error { return s.Run(r.Hard, in, out) })
	close(out)
	if _, ok := fault.Panicked(err); ok {
		r.LogPanic(name, err)
	}
	if err != nil && r.Hard.Err() == nil {
		r.Fail(fmt.Errorf("%s: %w", name, err))
	}
	if err == nil && r.Hard.Err() == nil && !closed(in) {
		r.Fail(fmt.Errorf("%s ended before its input did", name))
	}
	for range in { // so that nobody waits to send; what comes is unsettled and will be delivered again
	}
}

// closed reports whether a channel is closed and has nothing more.
func closed(in <-chan *engine.Batch) bool {
	select {
	case _, ok := <-in:
		return !ok
	default:
		return false
	}
}
