package stats

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
)

// Pipeline counts what happens in one pipeline, over all of its lives in this process. It is the engine.Observer of the pipeline and
// of its Spec. All methods and counters are safe for use by several goroutines.
type Pipeline struct {
	Name  string  // as in the file
	Steps []*Step // in the order of the file; not changed

	current  atomic.Pointer[flow.Pipeline]
	looks    looks
	failures failures

	mu   sync.Mutex
	life Life
}

// Life is what a pipeline does as a whole.
type Life struct {
	Phase  Phase     // which part
	Since  time.Time // when that began
	Starts int       // how often it was started
	Err    error     // Waiting: why it failed; Ended: what it left, nil when nothing
	Next   time.Time // Waiting: when it is started again
}

// Phase is a part of a pipeline's life.
type Phase string

// The phases.
const (
	New      Phase = "new"      // it was never started
	Running  Phase = "running"  //
	Draining Phase = "draining" // it reads no more and writes what it has
	Waiting  Phase = "waiting"  // it failed and will be started again
	Ended    Phase = "ended"
)

// Place names a step and its role.
type Place struct {
	Name string      // as in "output.s3", and in a branch as in "audit.output.s3"
	Role engine.Role // which of the five
	// Classes are those of the plugin's errors beside the engine's own, see engine.Traits. They are counted from 0 on.
	Classes []string
}

// branch is what stands before the role.
func (p Place) branch() string {
	if before, _, found := strings.Cut(p.Name, "."+string(p.Role)+"."); found {
		return before
	}
	return ""
}

// NewPipeline makes the counters of a pipeline with these steps, all zero.
func NewPipeline(name string, places []Place) *Pipeline {
	p := &Pipeline{Name: name, life: Life{Phase: New, Since: time.Now()}}
	for _, at := range places {
		s := &Step{Name: at.Name, Role: at.Role, Branch: at.branch()}
		switch at.Role {
		case engine.RoleOutput, engine.RoleFallback, engine.RoleDeadLetter:
			s.failedBy.know(engine.Classes(), at.Classes)
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

// Runs says which pipeline the present life is; State then looks at it.
func (p *Pipeline) Runs(now *flow.Pipeline) { p.current.Store(now) }

// Life returns what the pipeline does as a whole.
func (p *Pipeline) Life() Life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life
}

// Failures returns what went wrong last, the newest first.
func (p *Pipeline) Failures() []Failure { return p.failures.all() }

// Step returns the step of this name, nil if there is none.
func (p *Pipeline) Step(name string) *Step {
	i := slices.IndexFunc(p.Steps, func(s *Step) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return p.Steps[i]
}

// InRole returns the steps of a role.
func (p *Pipeline) InRole(role engine.Role) (steps []*Step) {
	for _, s := range p.Steps {
		if s.Role == role {
			steps = append(steps, s)
		}
	}
	return steps
}

// Observe implements engine.Observer.
func (p *Pipeline) Observe(e engine.Event) {
	if e.Plugin == "" {
		p.live(e)
		return
	}
	if s := p.Step(e.Plugin); s != nil {
		s.observe(e)
	}
	if e.Err != nil && e.Kind != engine.FellBack && e.Kind != engine.Outage && e.Kind != engine.Held { // which come of an Attempt
		p.failures.add(e, time.Now())
	}
}

func (p *Pipeline) live(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	life := Life{Since: now, Starts: p.life.Starts, Err: e.Err}
	switch e.Kind {
	case engine.Started:
		life.Phase = Running
		life.Starts++
	case engine.Draining:
		life.Phase = Draining
	case engine.Failed:
		life.Phase, life.Next = Waiting, now.Add(e.Took)
	case engine.Ended:
		life.Phase = Ended
	default:
		return
	}
	p.life = life
}
