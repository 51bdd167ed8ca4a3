package engine

import (
	"context"
	"fmt"
	"time"
)

// finished waits until every input has come to its end. Until then this one may have to be read again: what it
// brought is not its source's loss before it is acked.
func (d *reader) finished(ctx context.Context) error {
	d.r.observe(Event{Kind: Finished, Plugin: d.step.Name})
	all := d.r.countFinished(+1)
	select {
	case <-all:
		return nil
	case <-d.r.stop.Done():
		return nil
	case <-d.epoch.lost:
		d.r.countFinished(-1)
		return fmt.Errorf("source is lost after its end: %w", context.Cause(ctx))
	}
}

// disconnect ends a connection that is lost. From here on its messages are void, and its acker can reach nobody.
func (d *reader) disconnect(err error) {
	d.connected.Store(false)
	d.epoch.kill()
	if d.unwatch != nil {
		d.unwatch()
	}
	if d.acker != nil {
		d.acker.end()
		d.acker = nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.r.stop), closeTimeout)
	defer cancel()
	if cerr := guard(func() error { return d.step.Input.Close(ctx) }); cerr != nil {
		d.r.log.Debug("closing a lost input", "plugin", d.step.Name, "error", cerr)
	}
	if d.r.stop.Err() != nil {
		return // it could not be opened before the pipeline stopped
	}
	d.r.observe(Event{Kind: Lost, Plugin: d.step.Name, Err: err})
	if !d.lost {
		d.lost = true
		if _, ok := panicked(err); ok {
			d.r.logPanic(d.step.Name, err)
		}
		d.r.log.Warn("input is lost; opening it again until it is back", "plugin", d.step.Name, "error", err)
	}
}

// voidGone waits until nothing of the lost connection is held: memory then has one window, also across reconnects,
// and what the source delivers again is not written twice by us. It returns false when the pipeline stops before.
func (d *reader) voidGone() bool {
	for !d.window.empty() {
		d.r.purge()
		if !d.r.sweep(SealedByLost, d.r.stop.Done()) {
			return false
		}
		again := time.NewTimer(time.Second)
		select {
		case <-d.window.wake:
		case <-again.C: // a message may have been between two stages
		case <-d.r.stop.Done():
			again.Stop()
			return false
		}
		again.Stop()
	}
	return true
}

// close flushes the last acks of a drained pipeline and ends the connection.
func (d *reader) close(ctx context.Context) error {
	if d.acker == nil {
		return nil // it was disconnected, and closed, before
	}
	acked := d.acker.finish(ctx)
	if d.unwatch != nil {
		d.unwatch() // an input may well say that it lost what is closed here, and that makes nothing void
	}
	if err := guard(func() error { return d.step.Input.Close(ctx) }); err != nil {
		d.r.log.Warn("input did not close well; what was not acked is delivered again", "plugin", d.step.Name, "error", err)
	}
	return acked
}

// unsettled is the number of messages that are read and not settled. Those of a dead connection count when finished says
// that nobody will read them again.
func (d *reader) unsettled(finished bool) int64 {
	e := d.live.Load()
	switch {
	case e == nil:
		return 0
	case !e.dead.Load():
		return e.unsettled.Load()
	case finished:
		return e.void.Load()
	}
	return 0
}

// worthReading waits, after a source was lost, until what it brings can be written somewhere, in each branch that held some of it. It
// returns false when the pipeline stops before.
func (d *reader) worthReading() bool {
	branches := probesOf(d.epoch).branches()
	if len(branches) == 0 {
		return true // it held nothing that could not be written
	}
	ctx, cancel := context.WithTimeout(d.r.stop, d.closed.delay())
	defer cancel()
	said := false
	for _, br := range branches {
		kept, wait := probesOf(d.epoch).of(br), heldBackoff()
		for i := 0; br.nowhere() && !br.ask(ctx, kept[i%len(kept)]) && ctx.Err() == nil; i++ {
			if !said {
				said = true
				d.r.log.Warn("input stays closed until something can be written: sources count how often they deliver a message",
					"plugin", d.step.Name, "output", br.spec.Output.Name)
			}
			_ = wait.wait(ctx) // the loop sees its end
		}
	}
	return d.r.stop.Err() == nil
}
