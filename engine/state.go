package engine

import (
	"sync"
	"time"
)

// State is what a pipeline is at one moment, for those who look at it from outside.
type State struct {
	Inputs []InputState // in the order of the pipeline
	// Outputs are the output, the fallback and the dead letter, as far as there are such; with branches those of each, then the pipeline's
	// dead letter.
	Outputs []OutputState
	Workers int         // how many batches can be written at once
	Busy    int         // workers that have a batch
	Held    Capacity    // what was handed over by the workers because it can be written nowhere
	Refused Capacity    // what stays in the fallbacks, because the output refuses it while it takes others
	Gauges  []StepGauge // what the plugins know of themselves, in the order of the flow
}

// InputState is what of one input is unsettled. What a lost connection brought counts until it is let go.
type InputState struct {
	Name      string    // as in InputStep
	Connected bool      // it was opened, and is not known to be lost
	Unsettled Capacity  // what was read and is not settled
	Window    Capacity  // what may be unsettled; a zero field is no bound
	Oldest    time.Time // when the oldest unsettled chunk was read; zero when nothing is unsettled
}

// OutputState is how an output in one of its roles is.
type OutputState struct {
	Name    string    // as in OutputStep
	Role    Role      // which of the three it plays
	Failing bool      // its last writes failed; one that stores something ends it
	Since   time.Time // Failing: when that began
	Writing int       // writes that have not come back
	Oldest  time.Time // when the first of these began; zero when there is none
}

// Gauger is a plugin that knows numbers about itself: how long its queue is, how much its file holds. Gauges is asked every few
// seconds, from any goroutine, between the plugin's making and its Close. It answers from memory and does not block.
type Gauger interface {
	Gauges() []Gauge // every few seconds, see above
}

// Gauge is a number that goes up and down.
type Gauge struct {
	Name  GaugeName // what is counted
	Value float64   // in the unit that the name ends with
}

// GaugeName says what a Gauge counts, in snake_case with its unit at the end. Plugins may have names of their own.
type GaugeName string

// The names that logpipe's own pages, metrics and alerts know.
const (
	QueueMessages   GaugeName = "queue_messages"   // that wait in the queue that an input reads, without those delivered to us
	QueueConsumers  GaugeName = "queue_consumers"  // of that queue
	DeadMessages    GaugeName = "dead_messages"    // that wait in the queue of a dead letter
	BacklogMessages GaugeName = "backlog_messages" // that a fallback holds
	BacklogBytes    GaugeName = "backlog_bytes"
	BacklogFiles    GaugeName = "backlog_files"
	OpenGroups      GaugeName = "open_groups"      // batches that a stage is filling
	OpenMessages    GaugeName = "open_messages"    // messages in them
	FullestShare    GaugeName = "fullest_ratio"    // how full the fullest of them is, 0 to 1
	WaitingMessages GaugeName = "waiting_messages" // that a processor lets pass later, because of a rate
)

// StepGauge is a Gauge of a step of a pipeline.
type StepGauge struct {
	Step string // as in "processor.batch"
	Gauge
}

// State looks at the pipeline. It may be called at any time and from any goroutine; before Run there is nothing to see.
func (p *Pipeline) State() State {
	r := p.running.Load()
	if r == nil {
		return State{}
	}
	s := State{Busy: int(r.busy.Load())}
	for _, br := range r.branches {
		held := br.holder.holds()
		s.Workers += br.spec.Workers
		s.Held.Messages += held.Messages
		s.Held.Bytes += held.Bytes
		if br.recovery != nil {
			refused := br.recovery.refused.holds()
			s.Refused.Messages += refused.Messages
			s.Refused.Bytes += refused.Bytes
		}
	}
	for _, d := range r.readers {
		s.Inputs = append(s.Inputs, d.state())
	}
	for _, a := range r.attempts() {
		s.Outputs = append(s.Outputs, a.state())
	}
	if !isClosed(r.closing) { // a plugin that is closed is asked nothing
		s.Gauges = r.gauges()
	}
	return s
}

func (r *run) gauges() (all []StepGauge) {
	ask := func(step string, plugin any) {
		g, ok := plugin.(Gauger)
		if !ok {
			return
		}
		_ = guard(func() error { // a plugin that panics here has no numbers; it is no reason to disturb the logs
			for _, gauge := range g.Gauges() {
				all = append(all, StepGauge{step, gauge})
			}
			return nil
		})
	}
	for _, step := range r.p.Inputs {
		ask(step.Name, step.Input)
	}
	for _, step := range r.p.Processors {
		ask(step.Name, step.Processor)
	}
	for _, branch := range r.p.Branches {
		for _, step := range branch.Processors {
			ask(step.Name, step.Processor)
		}
	}
	for _, a := range r.attempts() {
		ask(a.name, a.next)
	}
	return all
}

func (d *reader) state() InputState {
	s := InputState{Name: d.step.Name, Window: d.window.max, Connected: d.connected.Load()}
	s.Unsettled, s.Oldest = d.window.state()
	return s
}

func (a *attempt) state() OutputState {
	s := OutputState{Name: a.name, Role: a.role}
	s.Failing, s.Since = a.health.state()
	s.Writing, s.Oldest = a.inFlight.state()
	return s
}

// inFlight knows when each write that has not come back began. There are as many at most as there are workers, and two more.
type inFlight struct {
	mu    sync.Mutex
	began []time.Time
}

func (f *inFlight) enter(now time.Time) {
	f.mu.Lock()
	f.began = append(f.began, now)
	f.mu.Unlock()
}

func (f *inFlight) leave(began time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.began {
		if f.began[i] == began {
			f.began = append(f.began[:i], f.began[i+1:]...)
			return
		}
	}
}

func (f *inFlight) state() (n int, oldest time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, began := range f.began {
		if oldest.IsZero() || began.Before(oldest) {
			oldest = began
		}
	}
	return len(f.began), oldest
}
