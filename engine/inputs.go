package engine

import (
	"context"
	"sync"
)

// inputs are those of one life of a pipeline, and what they share.
type inputs struct {
	*life
	reading context.Context // of inputs that read on after stop, to their end: soft, or the pipeline is broken
	acks    context.Context // of the ackers; ends after the hard end, when nothing can be acked any more

	head    chan *Batch // from the readers to the first processor
	stages  bool        // some processor is a Stage
	purge   func()      // has everything looked at that may wait for long with messages of a connection that died
	readers []*reader

	mu       sync.Mutex
	finished int           // inputs at their end
	all      chan struct{} // closed when all are
}

// newInputs makes a reader for each input. purge is their way to let go what is void behind them.
func newInputs(l *life, steps []InputStep, purge func()) *inputs {
	in := &inputs{life: l, head: make(chan *Batch), all: make(chan struct{}), purge: purge}
	for _, step := range steps {
		d := &reader{r: in, step: step, window: newWindow(amount{step.Window.Messages, step.Window.Bytes}), closed: closedBackoff()}
		d.pressure = newPressure(d)
		in.readers = append(in.readers, d)
	}
	return in
}

// sweep asks the stages, through the first channel, to pass on what they hold: see Stage. It returns false when done was closed before.
func (r *inputs) sweep(cause string, done <-chan struct{}) bool {
	if !r.stages {
		return true
	}
	select {
	case r.head <- &Batch{SealedBy: cause}:
		return true
	case <-done:
		return false
	}
}

// countFinished counts an input as finished (+1), or as to be read again (-1). The channel is closed when all are finished.
func (r *inputs) countFinished(n int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished += n
	if r.finished == len(r.readers) && !isClosed(r.all) {
		close(r.all)
	}
	return r.all
}
