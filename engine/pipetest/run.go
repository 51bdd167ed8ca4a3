package pipetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/flow"
)

// Case is what is to be run.
type Case struct {
	Pipeline *config.Pipeline
	Send     []config.TestMessage
	Fails    []config.TestFail
	Time     time.Time     // when it begins; zero is config.TestEpoch
	Wait     time.Duration // how long it goes on when all is settled
	Trace    bool          // note what each processor made of the messages
}

// Outcome is what came of it.
type Outcome struct {
	Order   []string          `json:"-"`      // the names of Places, in the order of the flow
	Places  map[string]*Place `json:"places"` // by role; behind the name of a branch and a dot if it is in one
	Dropped int               `json:"dropped"`
	Held    int               `json:"held"`            // messages that were settled nowhere, those included that were not read for that reason
	Took    time.Duration     `json:"-"`               // by the clock of the run
	Err     error             `json:"-"`               // the pipeline broke
	Steps   []Step            `json:"steps,omitempty"` // see Case.Trace
}

// Place is an output, a fallback or a dead letter at the end.
type Place struct {
	Name     string  `json:"name"` // as in "output.s3"
	Messages int     `json:"messages"`
	Batches  []Batch `json:"batches,omitempty"`
	Writes   int     `json:"writes"` // tries to write, of which so many failed
	Failed   int     `json:"failed"`
}

// Run runs a case. The error says that it could not be run at all.
func Run(c Case) (*Outcome, error) {
	o := &Outcome{Places: map[string]*Place{}}
	if err := inBubble(func() error { return run(c, o) }); err != nil {
		return nil, err
	}
	return o, nil
}

// ends is a pipeline whose ends were replaced.
type ends struct {
	c      Case
	source *source
	order  []string // the names of places
	stores map[string]*store
	names  map[string]string
}

func run(c Case, o *Outcome) error {
	if !c.Time.IsZero() {
		time.Sleep(time.Until(c.Time))
	}
	var ids ids
	var drops drops
	p, err := c.Pipeline.Build(config.BuildEnv{NewID: ids.of, Observer: &drops})
	if err != nil {
		return err
	}
	// Stages count batches. What the engine names beside them, such as dead letters, must not make their numbers a matter of luck.
	p.NewID = func() string { return ids.next("part") }
	p.DrainTimeout = 0
	e := &ends{c: c, stores: map[string]*store{}, names: map[string]string{}}
	e.replace(p)
	var t *tracer
	if c.Trace {
		t = trace(p)
	}
	if len(p.Branches) == 0 {
		p.Processors = seal(p.Processors, func() string { return ids.of("") })
	}
	for i := range p.Branches {
		b := &p.Branches[i]
		b.Processors = seal(b.Processors, func() string { return ids.of(b.Name) })
	}
	began := time.Now()
	if o.Err = unlessLeft(drive(p, c.Wait), &o.Held); o.Err == nil {
		o.Held += len(c.Send) - e.source.next // while what is held fills the window, the rest is not even read
	}
	o.Took = time.Since(began)
	o.Order = e.order
	for _, place := range e.order {
		o.Places[place] = e.stores[place].place(e.names[place])
		if strings.HasSuffix(place, string(engine.RoleDeadLetter)) {
			asSent(o.Places[place])
		}
	}
	o.Dropped = int(drops.messages.Load())
	if t != nil {
		o.Steps = t.steps
	}
	return nil
}

// drive runs a pipeline to its end, and ends it where it has none: what can be written nowhere is held for ever.
func drive(p *flow.Pipeline, wait time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	timer := time.NewTimer(settleLimit + wait + drainLimit)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		cancel()
		return <-ended
	}
}

// unlessLeft takes what is left unsettled for an outcome, and any other error for a pipeline that broke.
func unlessLeft(err error, held *int) error {
	var left *flow.LeftError
	if errors.As(err, &left) {
		*held = int(left.Messages)
		return nil
	}
	return err
}

// replace puts ends in memory in place of those of the pipeline.
func (e *ends) replace(p *flow.Pipeline) {
	p.Inputs = p.Inputs[:1]
	e.source = newSource(e.c.Send, e.c.Wait)
	p.Inputs[0].Input = e.source
	e.output("", engine.RoleOutput, &p.Output)
	e.output("", engine.RoleFallback, p.Fallback)
	e.output("", engine.RoleDeadLetter, p.DeadLetter)
	for i := range p.Branches {
		b := &p.Branches[i]
		e.output(b.Name+".", engine.RoleOutput, &b.Output)
		e.output(b.Name+".", engine.RoleFallback, b.Fallback)
		e.output(b.Name+".", engine.RoleDeadLetter, b.DeadLetter)
	}
}

func (e *ends) output(branch string, role engine.Role, step *engine.OutputStep) {
	if step == nil || step.Output == nil {
		return
	}
	place := branch + string(role)
	s := &store{real: step.Output}
	for _, b := range e.c.Pipeline.Blocks {
		if b.Name == step.Name {
			s.linesOnly = b.Traits().LinesOnly
		}
	}
	for _, f := range e.c.Fails {
		if f.Place == place {
			s.fails = append(s.fails, f)
		}
	}
	s.used = make([]int, len(s.fails))
	e.order, e.stores[place], e.names[place] = append(e.order, place), s, step.Name
	_, gives := step.Output.(engine.Recoverer)
	if step.Output = s; gives {
		step.Output = fallback{s}
	}
}

// seal puts a stage behind processors none of which is one: it does what the engine does there, with ids that count.
func seal(steps []engine.ProcessorStep, newID func() string) []engine.ProcessorStep {
	behind := len(steps)
	for i, step := range steps {
		switch step.Processor.(type) {
		case engine.Stage:
			return steps
		case engine.Policy:
			behind = min(behind, i)
		}
	}
	return slices.Insert(steps, behind, engine.ProcessorStep{Name: "chunks", Processor: sealer(newID)})
}

type sealer func() string

// Run passes chunks on as batches.
func (s sealer) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	for b := range in {
		if len(b.Messages) > 0 {
			b.ID, b.SealedBy = s(), engine.SealedByChunk
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// asSent puts dead letters into the order in which they were sent: which of them came together is a matter of luck.
func asSent(dead *Place) {
	all := Batch{}
	for _, b := range dead.Batches {
		all.Messages = append(all.Messages, b.Messages...)
		all.Address, all.Time = b.Address, b.Time
	}
	slices.SortStableFunc(all.Messages, func(a, b Message) int { return a.Sent - b.Sent })
	if dead.Batches = nil; len(all.Messages) > 0 {
		dead.Batches = []Batch{all}
	}
}

// drops counts what processors drop.
type drops struct{ messages atomic.Int64 }

// Observe counts.
func (d *drops) Observe(e engine.Event) {
	if e.Kind == engine.Dropped {
		d.messages.Add(int64(e.Messages))
	}
}
