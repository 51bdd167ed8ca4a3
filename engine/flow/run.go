package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/intake"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/process"
	"github.com/logpipe/logpipe/engine/internal/recovery"
	"github.com/logpipe/logpipe/engine/internal/signal"
)

// run is one life of a pipeline: its channels, contexts and goroutines. DESIGN.md lists who starts and who ends each.
type run struct {
	*life.Life
	p *Pipeline

	closing   chan struct{} // closed when everything has ended but the plugins
	endChecks func()        // ends the checks at start

	inputs   *intake.Inputs
	branches []*deliver.Branch                      // the ways behind the common processors; one without a name where the pipeline has no branches
	recovery map[*deliver.Branch]*recovery.Recovery // of those whose fallback comes home
	burier   *deliver.Burier                        // takes what is rejected; nil: nobody does
	buriers  []*deliver.Burier                      // this one, and those of branches

	mu      sync.Mutex
	failure error
}

// Run moves logs until all inputs are finished or ctx ends, and then drains. It returns nil when nothing is left, a *LeftError when
// messages are left unsettled, and another error when the pipeline broke and may be built and run again.
// Run is called once.
func (p *Pipeline) Run(ctx context.Context) error {
	var r *run
	err := fault.Guard(func() (err error) { r, err = newRun(p); return err })
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
	case <-r.Hard.Done():
		err = r.lastWait(ended)
	}
	return r.result(err)
}

// lastWait gives the rest time to end after the hard end, or when only the plugins are left to close. A plugin that ignores its context must not keep Run.
func (r *run) lastWait(ended <-chan error) error {
	timer := time.NewTimer(3 * life.CloseTimeout)
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
	l := life.New(p.Name, p.Log, p.Observer, p.NewID)
	r := &run{Life: l, p: p, closing: make(chan struct{}), recovery: map[*deliver.Branch]*recovery.Recovery{}}
	r.inputs = intake.New(l, p.Inputs, r.purge)
	err := r.wire()
	if err == nil {
		p.running.Store(r)
	}
	return r, err
}

// wire builds what stands behind the readers.
func (r *run) wire() error {
	r.burier = r.addBurier(r.p.DeadLetter)
	r.inputs.Bury = func(b *engine.Batch, step string) bool { return process.Bury(r.Life, b, r.burier, step) }
	if len(r.p.Branches) == 0 {
		b, err := r.addBranch(engine.Branch{
			Processors: r.p.Processors, Output: r.p.Output, Fallback: r.p.Fallback, Workers: r.p.Workers, Recover: r.p.Recover,
		})
		b.In = r.inputs.Head
		return err
	}
	if r.p.Output.Output != nil || r.p.Fallback != nil {
		return errors.New("a pipeline with branches has its outputs and fallbacks in these")
	}
	if err := checkBranches(r.p.Branches); err != nil {
		return err
	}
	for _, spec := range r.p.Branches {
		if _, err := r.addBranch(spec); err != nil {
			return fmt.Errorf("branch %q: %w", spec.Name, err)
		}
	}
	return r.checkProcessors(r.p.Processors)
}

// addBurier makes the dead-letter goroutine of the pipeline or of a branch, to be started later; nil without a dead letter.
func (r *run) addBurier(step *engine.OutputStep) *deliver.Burier {
	if step == nil {
		return nil
	}
	d := deliver.NewBurier(r.Life, step)
	r.buriers = append(r.buriers, d)
	return d
}

// addBranch makes a branch, with its own dead letter and with what brings its fallback home, as far as it has such.
func (r *run) addBranch(spec engine.Branch) (*deliver.Branch, error) {
	dead := r.burier
	if spec.DeadLetter != nil {
		dead = r.addBurier(spec.DeadLetter)
	}
	b := deliver.NewBranch(r.Life, spec, dead)
	r.branches = append(r.branches, b)
	if spec.Fallback != nil && spec.Recover {
		if rec, ok := spec.Fallback.Output.(engine.Recoverer); ok {
			r.recovery[b] = recovery.New(b, rec.Recovery())
		}
	}
	return b, r.checkProcessors(b.Spec.Processors)
}

func checkBranches(all []engine.Branch) error {
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

func (r *run) checkProcessors(steps []engine.ProcessorStep) error {
	for _, step := range steps {
		switch step.Processor.(type) {
		case engine.Transform:
		case engine.Stage:
			r.inputs.Stages = true
		case engine.Policy:
			return fmt.Errorf("%s must stand directly before the output", step.Name)
		default:
			return fmt.Errorf("%s is no Transform, Stage or Policy but a %T", step.Name, step.Processor)
		}
	}
	return nil
}

// attempts are the outputs in their roles: those of the branches, then the pipeline's dead letter.
func (r *run) attempts() (all []*deliver.Attempt) {
	for _, b := range r.branches {
		all = append(all, b.Attempts()...)
	}
	if r.burier != nil {
		all = append(all, r.burier.Attempt)
	}
	return all
}

// purge has everything looked at that may wait for long with messages of a connection that died.
func (r *run) purge() {
	for _, d := range r.buriers {
		signal.Poke(d.Purges)
	}
	for _, br := range r.branches {
		br.Purge()
	}
}
