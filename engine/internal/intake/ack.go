package intake

import (
	"context"
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/signal"
)

// acker is the one goroutine that calls Ack on a connection.
type acker struct {
	input  engine.Input
	epoch  *books.Epoch
	acked  func(chunks int) // called when the source took some
	lost   func(error)      // told once, when Ack says that the source is gone
	cancel context.CancelFunc
	flush  chan struct{} // closed: send what is there and end
	done   chan struct{}
	err    error // why it ended; read it after done
}

// startAcker starts the acker of an epoch. It ends when Ack fails, when end is called, or when ctx ends.
func startAcker(ctx context.Context, input engine.Input, e *books.Epoch, acked func(int), lost func(error)) *acker {
	ctx, cancel := context.WithCancel(ctx)
	a := &acker{input: input, epoch: e, acked: acked, lost: lost, cancel: cancel, flush: make(chan struct{}), done: make(chan struct{})}
	go a.run(ctx)
	return a
}

func (a *acker) run(ctx context.Context) {
	defer close(a.done)
	var tags []uint64
	for {
		last := false
		select {
		case <-ctx.Done():
			return
		case <-a.flush:
			last = true
		case <-a.epoch.Acks.Wake:
		}
		tags = a.epoch.Acks.Take(tags)
		if len(tags) > 0 && !a.send(ctx, tags) {
			return
		}
		if last {
			return
		}
	}
}

func (a *acker) send(ctx context.Context, tags []uint64) bool {
	if a.err = fault.Guard(func() error { return a.input.Ack(ctx, tags) }); a.err == nil {
		a.epoch.Acked.Store(true)
		signal.Poke(a.epoch.Took)
		a.acked(len(tags))
		return true
	}
	if ctx.Err() == nil {
		a.lost(fmt.Errorf("ack: %w", a.err))
	}
	return false
}

// end stops the acker without sending anything more: its connection is dead.
func (a *acker) end() {
	a.cancel()
	<-a.done
}

// finish sends what is settled and ends. When ctx ends before, the rest is left to be delivered again.
func (a *acker) finish(ctx context.Context) error {
	close(a.flush)
	select {
	case <-a.done:
	case <-ctx.Done():
		a.end()
	}
	a.cancel()
	return a.err
}
