package intake

import (
	"context"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/signal"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Inputs are those of one life of a pipeline, and what they share.
type Inputs struct {
	*life.Life
	Reading context.Context // of inputs that read on after stop, to their end: soft, or the pipeline is broken
	Acks    context.Context // of the ackers; ends after the hard end, when nothing can be acked any more

	Head    chan *engine.Batch                           // from the readers to the first processor
	Stages  bool                                         // some processor is a Stage
	Bury    func(b *engine.Batch, step string) (ok bool) // hands what an input rejected of a chunk to the dead letter; false at the hard end
	purge   func()                                       // has everything looked at that may wait for long with messages of a connection that died
	Readers []*Reader

	mu       sync.Mutex
	finished int           // inputs at their end
	all      chan struct{} // closed when all are
}

// New makes a reader for each input. purge is their way to let go what is void behind them.
func New(l *life.Life, steps []engine.InputStep, purge func()) *Inputs {
	in := &Inputs{Life: l, Head: make(chan *engine.Batch), all: make(chan struct{}), purge: purge}
	for _, step := range steps {
		d := &Reader{r: in, Step: step, Window: books.NewWindow(books.Amount{Messages: step.Window.Messages, Bytes: step.Window.Bytes}), closed: tries.ClosedBackoff()}
		d.pressure = newPressure(d)
		in.Readers = append(in.Readers, d)
	}
	return in
}

// sweep asks the stages, through the first channel, to pass on what they hold: see Stage. It returns false when done was closed before.
func (r *Inputs) sweep(cause string, done <-chan struct{}) bool {
	if !r.Stages {
		return true
	}
	select {
	case r.Head <- &engine.Batch{SealedBy: cause}:
		return true
	case <-done:
		return false
	}
}

// countFinished counts an input as finished (+1), or as to be read again (-1). The channel is closed when all are finished.
func (r *Inputs) countFinished(n int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished += n
	if r.finished == len(r.Readers) && !signal.IsClosed(r.all) {
		close(r.all)
	}
	return r.all
}
