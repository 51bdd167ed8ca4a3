package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// finished waits until every input has come to its end. Until then this one may have to be read again: what it
// brought is not its source's loss before it is acked.
func (d *Reader) finished(ctx context.Context) error {
	d.r.Observe(engine.Event{Kind: engine.Finished, Plugin: d.Step.Name})
	all := d.r.countFinished(+1)
	select {
	case <-all:
		return nil
	case <-d.r.Stop.Done():
		return nil
	case <-d.epoch.Lost:
		d.r.countFinished(-1)
		return fmt.Errorf("source is lost after its end: %w", context.Cause(ctx))
	}
}

// disconnect ends a connection that is lost. From here on its messages are void, and its acker can reach nobody.
func (d *Reader) disconnect(err error) {
	d.Connected.Store(false)
	d.epoch.Kill()
	if d.unwatch != nil {
		d.unwatch()
	}
	if d.acker != nil {
		d.acker.end()
		d.acker = nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.r.Stop), life.CloseTimeout)
	defer cancel()
	if cerr := fault.Guard(func() error { return d.Step.Input.Close(ctx) }); cerr != nil {
		d.r.Log.Debug("closing a lost input", "plugin", d.Step.Name, "error", cerr)
	}
	if d.r.Stop.Err() != nil {
		return // it could not be opened before the pipeline stopped
	}
	d.r.Observe(engine.Event{Kind: engine.Lost, Plugin: d.Step.Name, Err: err})
	if !d.lost {
		d.lost = true
		if _, ok := fault.Panicked(err); ok {
			d.r.LogPanic(d.Step.Name, err)
		}
		d.r.Log.Warn("input is lost; opening it again until it is back", "plugin", d.Step.Name, "error", err)
	}
}

// voidGone waits until nothing of the lost connection is held: memory then has one window, also across reconnects,
// and what the source delivers again is not written twice by us. It returns false when the pipeline stops before.
func (d *Reader) voidGone() bool {
	for !d.Window.Empty() {
		d.r.purge()
		if !d.r.sweep(engine.SealedByLost, d.r.Stop.Done()) {
			return false
		}
		again := time.NewTimer(time.Second)
		select {
		case <-d.Window.Wake:
		case <-again.C: // a message may have been between two stages
		case <-d.r.Stop.Done():
			again.Stop()
			return false
		}
		again.Stop()
	}
	return true
}

// Close flushes the last acks of a drained pipeline and ends the connection.
func (d *Reader) Close(ctx context.Context) error {
	if d.acker == nil {
		return nil // it was disconnected, and closed, before
	}
	acked := d.acker.finish(ctx)
	if d.unwatch != nil {
		d.unwatch() // an input may well say that it lost what is closed here, and that makes nothing void
	}
	if err := fault.Guard(func() error { return d.Step.Input.Close(ctx) }); err != nil {
		d.r.Log.Warn("input did not close well; what was not acked is delivered again", "plugin", d.Step.Name, "error", err)
	}
	return acked
}

// Unsettled is the number of messages that are read and not settled. Those of a dead connection count when finished says
// that nobody will read them again.
func (d *Reader) Unsettled(finished bool) int64 {
	e := d.live.Load()
	switch {
	case e == nil:
		return 0
	case !e.Dead.Load():
		return e.Unsettled.Load()
	case finished:
		return e.Void.Load()
	}
	return 0
}

// worthReading waits, after a source was lost, until what it brings can be written somewhere, in each branch that held some of it. It
// returns false when the pipeline stops before.
func (d *Reader) worthReading() bool {
	branches := deliver.ProbesOf(d.epoch).Branches()
	if len(branches) == 0 {
		return true // it held nothing that could not be written
	}
	ctx, cancel := context.WithTimeout(d.r.Stop, d.closed.Delay())
	defer cancel()
	said := false
	for _, br := range branches {
		kept, wait := deliver.ProbesOf(d.epoch).Of(br), tries.HeldBackoff()
		for i := 0; br.Nowhere() && !br.Ask(ctx, kept[i%len(kept)]) && ctx.Err() == nil; i++ {
			if !said {
				said = true
				d.r.Log.Warn("input stays closed until something can be written: sources count how often they deliver a message",
					"plugin", d.Step.Name, "output", br.Spec.Output.Name)
			}
			_ = wait.Wait(ctx) // the loop sees its end
		}
	}
	return d.r.Stop.Err() == nil
}
