package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// How long inputs and outputs have to close, which they do after everything else has ended.
const closeTimeout = 5 * time.Second

// run is one life of a pipeline: its channels, contexts and goroutines. DESIGN.md lists who starts and who ends each.
type run struct {
	p     *Pipeline
	log   *slog.Logger
	newID func() string

	ends
	reading   context.Context // of inputs that read on after stop, to their end: soft, or the pipeline is broken
	acks      context.Context // of the ackers; ends after the hard end, when nothing can be acked any more
	closing   chan struct{}   // closed when everything has ended but the plugins
	endChecks func()          // ends the checks at start
	fail      func(error)     // stops the pipeline because it is broken; the first cause counts

	head   chan *Batch // from the readers to the first processor
	stages bool        // some processor is a Stage

	readers  []*reader
	branches []*branch // the ways behind the common processors; one without a name where the pipeline has no branches
	burier   *burier   // takes what is rejected; nil: nobody does
	buriers  []*burier // this one, and those of branches

	busy     atomic.Int64 // workers of all branches that have a batch
	mu       sync.Mutex
	finished int           // inputs at their end
	all      chan struct{} // closed when all are
	failure  error
	panics   map[string]time.Time // when the log last had one of a plugin
}

// Run moves logs until all inputs are finished or ctx ends, and then drains. It returns nil when nothing is left, a *LeftError when
// messages are left unsettled, and another error when the pipeline broke and may be built and run again.
// Run is called once.
func (p *Pipeline) Run(ctx context.Context) error {
	var r *run
	err := guard(func() (err error) { r, err = newRun(p); return err })
	if err != nil {
		return fmt.Errorf("pipeline %q: %w", p.Name, err)
	}
	end := r.contexts(ctx)
	defer end()
	r.check()
	ended := make(chan error, 1)
	go func() { ended <- r.move() }()
	select {
	case err = <-ended:
	case <-r.closing:
		err = r.lastWait(ended)
	case <-r.hard.Done():
		err = r.lastWait(ended)
	}
	return r.result(err)
}

// lastWait gives the rest time to end after the hard end, or when only the plugins are left to close. A plugin that ignores its context must not keep Run.
func (r *run) lastWait(ended <-chan error) error {
	timer := time.NewTimer(3 * closeTimeout)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return errors.New("a plugin goes on although its context has ended; it is left behind")
	}
}

func newRun(p *Pipeline) (*run, error) {
	if len(p.Inputs) == 0 || p.Output.Output == nil && len(p.Branches) == 0 {
		return nil, errors.New("a pipeline needs an input and an output")
	}
	r := &run{
		p: p, log: p.Log, newID: p.NewID,
		head: make(chan *Batch), all: make(chan struct{}), closing: make(chan struct{}), panics: map[string]time.Time{},
	}
	r.log = cmp.Or(r.log, slog.New(slog.DiscardHandler))
	if r.newID == nil {
		r.newID = NewID
	}
	for _, step := range p.Inputs {
		d := &reader{r: r, step: step, window: newWindow(step.Window), closed: closedBackoff()}
		d.pressure = newPressure(d)
		r.readers = append(r.readers, d)
	}
	err := r.wire()
	if err == nil {
		p.running.Store(r)
	}
	return r, err
}

// wire builds what stands behind the readers.
func (r *run) wire() error {
	r.burier = r.newBurier(r.p.DeadLetter)
	if len(r.p.Branches) == 0 {
		b, err := r.newBranch(Branch{
			Processors: r.p.Processors, Output: r.p.Output, Fallback: r.p.Fallback, Workers: r.p.Workers, Recover: r.p.Recover,
		})
		b.in = r.head
		r.branches = []*branch{b}
		return err
	}
	if r.p.Output.Output != nil || r.p.Fallback != nil {
		return errors.New("a pipeline with branches has its outputs and fallbacks in these")
	}
	if err := checkBranches(r.p.Branches); err != nil {
		return err
	}
	for _, spec := range r.p.Branches {
		b, err := r.newBranch(spec)
		if err != nil {
			return fmt.Errorf("branch %q: %w", spec.Name, err)
		}
		r.branches = append(r.branches, b)
	}
	return r.checkProcessors(r.p.Processors)
}

func checkBranches(all []Branch) error {
	names, defaults := map[string]bool{}, 0
	for _, b := range all {
		switch {
		case names[b.Name]:
			return fmt.Errorf("two branches are named %q", b.Name)
		case b.Output.Output == nil:
			return fmt.Errorf("branch %q needs an output", b.Name)
		case b.Default:
			defaults++
		}
		names[b.Name] = true
	}
	if defaults > 1 {
		return errors.New("there is one default branch at most")
	}
	return nil
}

func (r *run) checkProcessors(steps []ProcessorStep) error {
	for _, step := range steps {
		switch step.Processor.(type) {
		case Transform:
		case Stage:
			r.stages = true
		case Policy:
			return fmt.Errorf("%s must stand directly before the output", step.Name)
		default:
			return fmt.Errorf("%s is no Transform, Stage or Policy but a %T", step.Name, step.Processor)
		}
	}
	return nil
}

// attempts are the outputs in their roles: those of the branches, then the pipeline's dead letter.
func (r *run) attempts() (all []*attempt) {
	for _, b := range r.branches {
		all = append(all, b.attempts()...)
	}
	if r.burier != nil {
		all = append(all, r.burier.attempt)
	}
	return all
}

// observe tells the observer, with the pipeline's name.
func (r *run) observe(e Event) {
	if r.p.Observer != nil {
		e.Pipeline = r.p.Name
		r.p.Observer.Observe(e)
	}
}

// send passes a batch on. It returns false at the hard end: the batch then stays unsettled.
func (r *run) send(to chan<- *Batch, b *Batch) bool {
	select {
	case to <- b:
		return true
	case <-r.hard.Done():
		return false
	}
}

// countFinished counts an input as finished (+1), or as to be read again (-1). The channel is closed when all are finished.
func (r *run) countFinished(n int) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished += n
	if r.finished == len(r.readers) && !isClosed(r.all) {
		close(r.all)
	}
	return r.all
}

// logPanic says that a plugin panicked, with the stack, once a minute for each: a poisonous stream must not flood the log.
func (r *run) logPanic(plugin string, err error) {
	r.mu.Lock()
	quiet := time.Since(r.panics[plugin]) < time.Minute
	if !quiet {
		r.panics[plugin] = time.Now()
	}
	r.mu.Unlock()
	if stack, ok := panicked(err); ok && !quiet {
		r.log.Error("plugin panicked; this is a bug in the plugin", "plugin", plugin, "error", err, "stack", string(stack))
	}
}

// purge has everything looked at that may wait for long with messages of a connection that died.
func (r *run) purge() {
	for _, d := range r.buriers {
		poke(d.purges)
	}
	for _, br := range r.branches {
		br.purge()
	}
}
