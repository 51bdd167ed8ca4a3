package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
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
	if r.fallback == nil {
		soft = hard
	}
	reading, cancelReading := context.WithCancelCause(soft)
	r.stop, r.soft, r.hard, r.reading, r.acks = stop, soft, hard, reading, acks
	r.fail = func(err error) {
		r.mu.Lock()
		if r.failure == nil {
			r.failure = err
		}
		r.mu.Unlock()
		cancelReading(err) // what it reads could not get through
		cancelStop(err)
	}
	forget := context.AfterFunc(stop, func() {
		r.observe(Event{Kind: Draining})
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
	ctx, cancel := context.WithCancel(r.stop)
	var checks sync.WaitGroup
	r.endChecks = func() { // a plugin is closed beside nothing, but not later for one that hears no context
		cancel()
		done := make(chan struct{})
		go func() { checks.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(closeTimeout):
		}
	}
	ask := func(name string, plugin any) {
		c, ok := plugin.(Checker)
		if !ok {
			return
		}
		checks.Go(func() {
			err := guard(func() error { return c.Check(ctx) })
			if err != nil && ctx.Err() == nil {
				r.log.Warn("check at start: this will be tried again when there is something to do", "plugin", name, "error", err)
			}
		})
	}
	for _, step := range r.p.Inputs {
		ask(step.Name, step.Input)
	}
	for _, a := range r.outputs {
		ask(a.name, a.next)
	}
}

// move starts every goroutine of the pipeline and joins them in the order of the data's way: a channel is closed only when
// all of its senders have ended. Between two processors that is the one processor that sends.
func (r *run) move() error {
	var readers, processors, workers, burier sync.WaitGroup
	r.startProcessors(&processors)
	for _, d := range r.readers {
		readers.Go(d.read)
	}
	for range max(1, r.p.Workers) {
		workers.Go(func() { r.work(r.batches) })
	}
	go r.holder.run()
	if r.dead != nil {
		burier.Go(func() { r.buryAll(r.dead) })
	}
	if r.recovery != nil {
		go r.recovery.run()
	}
	readers.Wait()
	close(r.head)
	processors.Wait()
	workers.Wait()
	close(r.holder.last)
	<-r.holder.done
	var left error
	for _, d := range r.readers {
		left = errors.Join(left, d.short)
	}
	if r.recovery != nil {
		close(r.recovery.last)
		<-r.recovery.done
		if r.stop.Err() == nil { // else it was told to end: what is in the fallback is safe there
			left = errors.Join(left, r.recovery.left)
		}
	}
	if r.dead != nil {
		close(r.dead)
		burier.Wait()
	}
	return errors.Join(left, r.close())
}

// startProcessors strings the processors between head and batches: neighbouring transforms share a goroutine, each stage has one.
func (r *run) startProcessors(wg *sync.WaitGroup) {
	in := r.head
	var transforms []*transformer
	link := func(start func(in <-chan *Batch, out chan<- *Batch)) {
		from, out := in, make(chan *Batch)
		in = out
		wg.Go(func() { start(from, out) })
	}
	flush := func() {
		if steps := transforms; len(steps) > 0 {
			transforms = nil
			link(func(in <-chan *Batch, out chan<- *Batch) { r.transform(steps, in, out) })
		}
	}
	for _, step := range r.p.Processors {
		switch p := step.Processor.(type) {
		case Transform:
			transforms = append(transforms, &transformer{r: r, name: step.Name, t: p})
		case Stage:
			flush()
			link(func(in <-chan *Batch, out chan<- *Batch) { r.stage(step.Name, p, in, out) })
		}
	}
	flush()
	r.batches = in
}

// close ends the plugins: the ackers send what is settled and the inputs close, then the outputs. Both have time of their own.
func (r *run) close() error {
	close(r.closing)
	r.endChecks()
	unacked := r.closeInputs()
	r.closeOutputs()
	if r.stop.Err() != nil {
		return nil // the source will see to what is unacked
	}
	return unacked
}

func (r *run) closeInputs() (unacked error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.hard), closeTimeout)
	defer cancel()
	for _, d := range r.readers {
		if err := d.close(ctx); err != nil {
			unacked = fmt.Errorf("%s: what is stored could not be acked and will come again: %w", d.step.Name, err)
			r.log.Warn("last acks failed; what is stored will be delivered again", "plugin", d.step.Name, "error", err)
		}
	}
	return unacked
}

func (r *run) closeOutputs() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.hard), closeTimeout)
	defer cancel()
	closeOutput := func(name string, o Output) {
		if err := guard(func() error { return o.Close(ctx) }); err != nil {
			r.log.Warn("output did not close well; what it had confirmed is stored", "plugin", name, "error", err)
		}
	}
	closeOutput(r.p.Output.Name, r.output) // with its policies
	for _, a := range r.outputs[1:] {
		closeOutput(a.name, a)
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
	for _, d := range r.readers {
		left += d.unsettled(r.stop.Err() == nil)
	}
	if left > 0 || err != nil {
		return &LeftError{Pipeline: r.p.Name, Messages: left, Err: err}
	}
	return nil
}
