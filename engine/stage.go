package engine

import "fmt"

// runStage runs a Stage between two channels. This goroutine is the only sender on out, so it may close it once Run has
// returned. A stage that fails holds messages nobody can name: the pipeline fails, and they stay unsettled.
func runStage(r *life, name string, s Stage, in <-chan *Batch, out chan<- *Batch) {
	err := guard(func() error { return s.Run(r.hard, in, out) })
	close(out)
	if _, ok := panicked(err); ok {
		r.logPanic(name, err)
	}
	if err != nil && r.hard.Err() == nil {
		r.fail(fmt.Errorf("%s: %w", name, err))
	}
	if err == nil && r.hard.Err() == nil && !closed(in) {
		r.fail(fmt.Errorf("%s ended before its input did", name))
	}
	for range in { // so that nobody waits to send; what comes is unsettled and will be delivered again
	}
}

// closed reports whether a channel is closed and has nothing more.
func closed(in <-chan *Batch) bool {
	select {
	case _, ok := <-in:
		return !ok
	default:
		return false
	}
}
