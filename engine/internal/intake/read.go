package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Reader is the goroutine of one input: it opens the source, reads chunks into the first channel while there is room in the
// window, and opens again when the source is lost.
type Reader struct {
	r        *Inputs
	Step     engine.InputStep
	Window   *books.Window
	pressure *pressure                   // what it asks of the stages
	live     atomic.Pointer[books.Epoch] // of the latest connection, for whoever counts what is left
	epoch    *books.Epoch                // the same, for this goroutine
	acker    *acker                      // of the open connection; nil when there is none
	unwatch  func()                      // ends the watcher of the open connection; nil when there is none
	opened   bool                        // at least once
	Short    error                       // why not everything of a finished source was read
	closed   tries.Backoff               // how long it stays closed at most while nothing can be written
	lost     bool                        // for the log: one line when the source is lost and one when it is back

	Connected atomic.Bool // for whoever looks from outside
}

// Read runs until the pipeline stops or all inputs are finished. It leaves the last connection open, with its acker, so
// that what is on its way can still be acked.
//
// The back-off begins anew after a connection that brought something to its end. One that only opens and dies does not: brokers
// count each delivery against the message, and take good ones away when there were too many.
func (d *Reader) Read() {
	wait := tries.OpenBackoff()
	for d.r.Stop.Err() == nil {
		began := time.Now()
		opened, err := d.connect()
		if d.epoch.Acked.Load() || opened && time.Since(began) > tries.SteadyAfter {
			wait.Reset()
		}
		if d.epoch.Acked.Load() {
			d.closed.Reset()
		}
		if err == nil {
			return
		}
		if d.r.Stop.Err() != nil && opened {
			return // the connection lives on for the acks of the drain
		}
		d.disconnect(err)
		if !d.voidGone() || !d.worthReading() || wait.Wait(d.r.Stop) != nil {
			return
		}
	}
}

// connect is one life of a connection. A nil error means that there is nothing more to read, for good.
func (d *Reader) connect() (opened bool, err error) {
	d.epoch = books.NewEpoch(d.Step.Name, d.Window, d.settled)
	deliver.WithProbes(d.epoch)
	d.live.Store(d.epoch)
	if err := fault.Guard(func() error { return d.Step.Input.Open(d.r.Stop) }); err != nil {
		return false, err
	}
	d.Connected.Store(true)
	d.r.Observe(engine.Event{Kind: engine.Opened, Plugin: d.Step.Name})
	switch {
	case d.lost:
		d.lost = false
		d.r.Log.Info("input is back", "plugin", d.Step.Name)
	case !d.opened:
		d.r.Log.Info("input is open", "plugin", d.Step.Name)
	}
	d.opened = true
	until, join := d.stopper()
	defer join()
	ctx, cancel := context.WithCancelCause(until)
	defer cancel(nil)
	epoch := d.epoch
	lost := func(err error) {
		cancel(err) // first, so that whoever sees the kill finds its cause
		epoch.Kill()
	}
	d.acker = startAcker(d.r.Acks, d.Step.Input, epoch, d.tookAcks, lost)
	if err := d.watch(lost); err != nil {
		return true, err
	}
	endPresser := d.startPresser(ctx)
	err = d.readAll(ctx)
	endPresser()
	if ended(err) {
		d.Short = nil
		if err != io.EOF {
			d.Short = fmt.Errorf("%s: %w", d.Step.Name, err)
		}
		err = d.finished(ctx)
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause // the ack's error says more than the read that it ended
	}
	return true, err
}

// settled tells of a chunk that is settled.
func (d *Reader) settled(r *books.Receipt) {
	d.r.Observe(engine.Event{Kind: engine.Settled, Plugin: d.Step.Name, Messages: r.Messages, Bytes: r.Bodies, Took: time.Since(r.Since)})
}

// tookAcks tells that the source took the acks of so many chunks.
func (d *Reader) tookAcks(chunks int) {
	d.r.Observe(engine.Event{Kind: engine.Acked, Plugin: d.Step.Name, Messages: chunks})
}

// watch starts the watcher of the connection, if the input is one.
func (d *Reader) watch(lost func(error)) error {
	w, ok := d.Step.Input.(engine.Watcher)
	if !ok {
		return nil
	}
	var news <-chan error
	if err := fault.Guard(func() error { news = w.Lost(); return nil }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(d.r.Acks)
	epoch, ended := d.epoch, make(chan struct{})
	go func() {
		defer close(ended)
		epoch.Watch(ctx, news, lost)
	}()
	d.unwatch = func() {
		cancel()
		<-ended
		d.unwatch = nil
	}
	return nil
}

// stopper returns the context that ends reading. That is stop; but an input that can be stopped by itself is told so, and
// reads on to its end for as long as there are attempts to write. join waits for the telling.
func (d *Reader) stopper() (until context.Context, join func()) {
	s, ok := d.Step.Input.(engine.Stopper)
	if !ok {
		return d.r.Stop, func() {}
	}
	told := make(chan struct{})
	forget := context.AfterFunc(d.r.Stop, func() {
		defer close(told)
		if err := fault.Guard(func() error { s.Stop(); return nil }); err != nil {
			d.r.LogPanic(d.Step.Name, err)
		}
	})
	return d.r.Reading, func() {
		if !forget() {
			<-told
		}
	}
}

// readAll reads until there is an error; the end is one.
func (d *Reader) readAll(ctx context.Context) error {
	for {
		if err := d.gate(ctx); err != nil {
			return err
		}
		b := settle.NewChunk()
		err := fault.Guard(func() error { return d.Step.Input.Read(ctx, b) })
		if len(b.Messages) > 0 {
			r := settle.Admit(d.epoch, b, time.Now())
			d.r.Observe(engine.Event{Kind: engine.Received, Plugin: d.Step.Name, Messages: r.Messages, Bytes: r.Bodies})
			if !d.handOn(b) {
				return context.Cause(d.r.Hard)
			}
		} else if err == nil {
			err = errors.New("read gave no message and no error")
		}
		if err != nil {
			return err
		}
	}
}

// handOn sends a chunk to the processors, but for what the input rejected of it.
func (d *Reader) handOn(b *engine.Batch) bool {
	if len(settle.StateOf(b).Marks) > 0 {
		if !d.r.Bury(b, d.Step.Name) {
			return false
		}
		if len(b.Messages) == 0 {
			b.Recycle()
			return true
		}
	}
	return d.r.Send(d.r.Head, b)
}

// gate waits until the window has room. Where stages hold groups, what they hold of the oldest chunks presses: see pressure.go.
func (d *Reader) gate(ctx context.Context) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if d.Window.Room() {
			return nil
		}
		again := time.NewTimer(d.pressure.ask(ctx.Done(), func(w *books.Window) { w.PressOldest(pressParts) }))
		select {
		case <-d.Window.Wake:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// ended reports whether a Read said that its source is finished. Only io.EOF itself says so: a connection that the other side
// closed often is an error that wraps it.
func ended(err error) bool {
	var short *engine.ShortError
	return err == io.EOF || errors.As(err, &short)
}
