package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/process"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// The causes that the contexts of a drain end with, as they show in errors.
var (
	errSoft = errors.New("output attempts end: half of drain_timeout is over")
	errHard = errors.New("drain_timeout is over")
)

// contexts makes the three contexts of a pipeline. stop ends reading, with ctx or when the pipeline fails; soft ends the attempts to
// write to the output, so that there is time for the fallback; hard ends everything. Without a fallback soft is hard.
func (r *run) contexts(ctx context.Context) (end func()) {
	stop, cancelStop := context.WithCancelCause(ctx)
	hard, cancelHard := context.WithCancelCause(context.WithoutCancel(ctx))
	acks, cancelAcks := context.WithCancel(context.WithoutCancel(ctx))
	soft, cancelSoft := context.WithCancelCause(hard)
	if !slices.ContainsFunc(r.branches, func(b *deliver.Branch) bool { return b.Fallback != nil }) {
		soft = hard
	}
	reading, cancelReading := context.WithCancelCause(soft)
	r.Ends, r.inputs.Reading, r.inputs.Acks = tries.Ends{Stop: stop, Soft: soft, Hard: hard}, reading, acks
	for _, b := range r.branches {
		if b.Ends = r.Ends; b.Fallback == nil {
			b.Soft = hard
		}
	}
	r.Fail = func(err error) {
		r.mu.Lock()
		if r.failure == nil {
			r.failure = err
		}
		r.mu.Unlock()
		cancelReading(err) // what it reads could not get through
		cancelStop(err)
	}
	forget := context.AfterFunc(stop, func() {
		r.Observe(engine.Event{Kind: engine.Draining})
		d := r.p.DrainTimeout
		softly := time.AfterFunc(d/2, func() { cancelSoft(errSoft) })
		defer softly.Stop()
		hardly := time.NewTimer(d)
		defer hardly.Stop()
		select {
		case <-hardly.C:
			cancelHard(errHard)
		case <-hard.Done():
		}
	})
	return func() {
		forget()
		cancelStop(nil)
		cancelReading(nil)
		cancelSoft(nil)
		cancelHard(nil)
		cancelAcks()
	}
}

// check asks the plugins in the background whether their other side is well. The answer is for the log.
func (r *run) check() {
	ctx, cancel := context.WithCancel(r.Stop)
	var checks sync.WaitGroup
	r.endChecks = func() { // a plugin is closed beside nothing, but not later for one that hears no context
		cancel()
		done := make(chan struct{})
		go func() { checks.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(life.CloseTimeout):
		}
	}
	ask := func(name string, plugin any) {
		c, ok := plugin.(engine.Checker)
		if !ok {
			return
		}
		checks.Go(func() {
			err := fault.Guard(func() error { return c.Check(ctx) })
			if err != nil && ctx.Err() == nil {
				r.Log.Warn("check at start: this will be tried again when there is something to do", "plugin", name, "error", err)
			}
		})
	}
	for _, step := range r.p.Inputs {
		ask(step.Name, step.Input)
	}
	for _, a := range r.attempts() {
		ask(a.Name, a.Next)
	}
}

// move starts every goroutine of the pipeline and joins them in the order of the data's way: a channel is closed only when
// all of its senders have ended. Between two processors that is the one processor that sends.
func (r *run) move() error {
	var readers, processors, workers, buriers sync.WaitGroup
	if len(r.p.Branches) > 0 {
		r.startFork(&processors)
	}
	for _, b := range r.branches {
		b.Start(process.Start(r.Life, &processors, b.Spec.Processors, b.In, b.Burier), &workers)
		if c := r.recovery[b]; c != nil {
			go c.Run()
		}
	}
	for _, d := range r.inputs.Readers {
		readers.Go(d.Read)
	}
	for _, d := range r.buriers {
		buriers.Go(d.Run)
	}
	readers.Wait()
	close(r.inputs.Head)
	processors.Wait()
	workers.Wait()
	left := r.finish()
	for _, d := range r.buriers {
		close(d.Dead)
	}
	buriers.Wait()
	return errors.Join(left, r.close())
}

// finish waits for what goes on when the workers have ended: what is held, and what comes home. Its error says what was not read, or is not home.
func (r *run) finish() (left error) {
	for _, d := range r.inputs.Readers {
		left = errors.Join(left, d.Short)
	}
	for _, b := range r.branches {
		close(b.Holder.Last)
	}
	for _, b := range r.branches { // the last batches of each may fall back
		<-b.Holder.Done
		if c := r.recovery[b]; c != nil {
			close(c.Last)
		}
	}
	for _, b := range r.branches {
		c := r.recovery[b]
		if c == nil {
			continue
		}
		<-c.Done
		if r.Stop.Err() == nil { // else it was told to end: what is in the fallback is safe there
			left = errors.Join(left, c.Left)
		}
	}
	return left
}

// close ends the plugins: the ackers send what is settled and the inputs close, then the outputs. Both have time of their own.
func (r *run) close() error {
	close(r.closing)
	r.endChecks()
	unacked := r.closeInputs()
	r.closeOutputs()
	if r.Stop.Err() != nil {
		return nil // the source will see to what is unacked
	}
	return unacked
}

// closeInputs closes all inputs side by side: each has all of the time, however many there are.
func (r *run) closeInputs() (unacked error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Hard), life.CloseTimeout)
	defer cancel()
	errs := make([]error, len(r.inputs.Readers))
	var all sync.WaitGroup
	for i, d := range r.inputs.Readers {
		all.Go(func() { errs[i] = d.Close(ctx) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			name := r.inputs.Readers[i].Step.Name
			unacked = errors.Join(unacked, fmt.Errorf("%s: what is stored could not be acked and will come again: %w", name, err))
			r.Log.Warn("last acks failed; what is stored will be delivered again", "plugin", name, "error", err)
		}
	}
	return unacked
}

func (r *run) closeOutputs() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Hard), life.CloseTimeout)
	defer cancel()
	for _, b := range r.branches {
		b.Close(ctx)
	}
	if r.burier != nil {
		r.burier.Attempt.Shut(ctx, r.burier.Attempt)
	}
}

// result says how the pipeline ended.
func (r *run) result(err error) error {
	r.mu.Lock()
	failure := r.failure
	r.mu.Unlock()
	if failure != nil {
		return fmt.Errorf("pipeline %q: %w", r.p.Name, failure)
	}
	var left int64
	for _, d := range r.inputs.Readers {
		left += d.Unsettled(r.Stop.Err() == nil)
	}
	if left > 0 || err != nil {
		return &LeftError{Pipeline: r.p.Name, Messages: left, Err: err}
	}
	return nil
}
