package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// reader is the goroutine of one input: it opens the source, reads chunks into the first channel while there is room in the
// window, and opens again when the source is lost.
type reader struct {
	r        *inputs
	step     InputStep
	window   *window
	pressure *pressure             // what it asks of the stages
	live     atomic.Pointer[epoch] // of the latest connection, for whoever counts what is left
	epoch    *epoch                // the same, for this goroutine
	acker    *acker                // of the open connection; nil when there is none
	unwatch  func()                // ends the watcher of the open connection; nil when there is none
	opened   bool                  // at least once
	short    error                 // why not everything of a finished source was read
	closed   backoff               // how long it stays closed at most while nothing can be written
	lost     bool                  // for the log: one line when the source is lost and one when it is back

	connected atomic.Bool // for whoever looks from outside
}

// read runs until the pipeline stops or all inputs are finished. It leaves the last connection open, with its acker, so
// that what is on its way can still be acked.
//
// The back-off begins anew after a connection that brought something to its end. One that only opens and dies does not: brokers
// count each delivery against the message, and take good ones away when there were too many.
func (d *reader) read() {
	wait := openBackoff()
	for d.r.stop.Err() == nil {
		began := time.Now()
		opened, err := d.connect()
		if d.epoch.acked.Load() || opened && time.Since(began) > steadyAfter {
			wait.reset()
		}
		if d.epoch.acked.Load() {
			d.closed.reset()
		}
		if err == nil {
			return
		}
		if d.r.stop.Err() != nil && opened {
			return // the connection lives on for the acks of the drain
		}
		d.disconnect(err)
		if !d.voidGone() || !d.worthReading() || wait.wait(d.r.stop) != nil {
			return
		}
	}
}

// connect is one life of a connection. A nil error means that there is nothing more to read, for good.
func (d *reader) connect() (opened bool, err error) {
	d.epoch = newEpoch(d.step.Name, d.window, d.settled)
	withProbes(d.epoch)
	d.live.Store(d.epoch)
	if err := guard(func() error { return d.step.Input.Open(d.r.stop) }); err != nil {
		return false, err
	}
	d.connected.Store(true)
	d.r.observe(Event{Kind: Opened, Plugin: d.step.Name})
	switch {
	case d.lost:
		d.lost = false
		d.r.log.Info("input is back", "plugin", d.step.Name)
	case !d.opened:
		d.r.log.Info("input is open", "plugin", d.step.Name)
	}
	d.opened = true
	until, join := d.stopper()
	defer join()
	ctx, cancel := context.WithCancelCause(until)
	defer cancel(nil)
	epoch := d.epoch
	lost := func(err error) {
		cancel(err) // first, so that whoever sees the kill finds its cause
		epoch.kill()
	}
	d.acker = startAcker(d.r.acks, d.step.Input, epoch, d.tookAcks, lost)
	if err := d.watch(lost); err != nil {
		return true, err
	}
	endPresser := d.startPresser(ctx)
	err = d.readAll(ctx)
	endPresser()
	if ended(err) {
		d.short = nil
		if err != io.EOF {
			d.short = fmt.Errorf("%s: %w", d.step.Name, err)
		}
		err = d.finished(ctx)
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause // the ack's error says more than the read that it ended
	}
	return true, err
}

// settled tells of a chunk that is settled.
func (d *reader) settled(r *receipt) {
	d.r.observe(Event{Kind: Settled, Plugin: d.step.Name, Messages: r.messages, Bytes: r.bytes, Took: time.Since(r.since)})
}

// tookAcks tells that the source took the acks of so many chunks.
func (d *reader) tookAcks(chunks int) {
	d.r.observe(Event{Kind: Acked, Plugin: d.step.Name, Messages: chunks})
}

// watch starts the watcher of the connection, if the input is one.
func (d *reader) watch(lost func(error)) error {
	w, ok := d.step.Input.(Watcher)
	if !ok {
		return nil
	}
	var news <-chan error
	if err := guard(func() error { news = w.Lost(); return nil }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(d.r.acks)
	epoch, ended := d.epoch, make(chan struct{})
	go func() {
		defer close(ended)
		epoch.watch(ctx, news, lost)
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
func (d *reader) stopper() (until context.Context, join func()) {
	s, ok := d.step.Input.(Stopper)
	if !ok {
		return d.r.stop, func() {}
	}
	told := make(chan struct{})
	forget := context.AfterFunc(d.r.stop, func() {
		defer close(told)
		if err := guard(func() error { s.Stop(); return nil }); err != nil {
			d.r.logPanic(d.step.Name, err)
		}
	})
	return d.r.reading, func() {
		if !forget() {
			<-told
		}
	}
}

// readAll reads until there is an error; the end is one.
func (d *reader) readAll(ctx context.Context) error {
	for {
		if err := d.gate(ctx); err != nil {
			return err
		}
		b := newChunk()
		err := guard(func() error { return d.step.Input.Read(ctx, b) })
		if len(b.Messages) > 0 {
			r := admit(d.epoch, b, time.Now())
			d.r.observe(Event{Kind: Received, Plugin: d.step.Name, Messages: r.messages, Bytes: r.bytes})
			if !d.r.send(d.r.head, b) {
				return context.Cause(d.r.hard)
			}
		} else if err == nil {
			err = errors.New("read gave no message and no error")
		}
		if err != nil {
			return err
		}
	}
}

// gate waits until the window has room. Where stages hold groups, what they hold of the oldest chunks presses: see pressure.go.
func (d *reader) gate(ctx context.Context) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if d.window.room() {
			return nil
		}
		again := time.NewTimer(d.pressure.ask(ctx.Done(), func(w *window) { w.pressOldest(pressParts) }))
		select {
		case <-d.window.wake:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// ended reports whether a Read said that its source is finished. Only io.EOF itself says so: a connection that the other side
// closed often is an error that wraps it.
func ended(err error) bool {
	var short *ShortError
	return err == io.EOF || errors.As(err, &short)
}
