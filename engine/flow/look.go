package flow

import (
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/intake"
	"github.com/logpipe/logpipe/engine/internal/signal"
)

// State looks at the pipeline. It may be called at any time and from any goroutine; before Run there is nothing to see.
func (p *Pipeline) State() State {
	r := p.running.Load()
	if r == nil {
		return State{}
	}
	s := State{}
	for _, br := range r.branches {
		held := br.Holder.Holds()
		s.Workers += br.Spec.Workers
		s.Busy += int(br.Busy.Load())
		s.Held.Messages += held.Messages
		s.Held.Bytes += held.Bytes
		if c := r.recovery[br]; c != nil {
			refused := c.Refused.Holds()
			s.Refused.Messages += refused.Messages
			s.Refused.Bytes += refused.Bytes
		}
	}
	for _, d := range r.inputs.Readers {
		s.Inputs = append(s.Inputs, inputState(d))
	}
	for _, a := range r.attempts() {
		s.Outputs = append(s.Outputs, outputState(a))
	}
	if !signal.IsClosed(r.closing) { // a plugin that is closed is asked nothing
		s.Gauges = r.gauges()
	}
	return s
}

func (r *run) gauges() (all []StepGauge) {
	ask := func(step string, plugin any) {
		g, ok := plugin.(engine.Gauger)
		if !ok {
			return
		}
		_ = fault.Guard(func() error { // a plugin that panics here has no numbers; it is no reason to disturb the logs
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
		ask(a.Name, a.Next)
	}
	return all
}

// inputState looks at an input.
func inputState(d *intake.Reader) InputState {
	s := InputState{Name: d.Step.Name, Window: d.Step.Window, Connected: d.Connected.Load()}
	used, oldest := d.Window.State()
	s.Unsettled, s.Oldest = engine.Capacity{Messages: used.Messages, Bytes: used.Bytes}, oldest
	return s
}

// outputState looks at an output in one of its roles.
func outputState(a *deliver.Attempt) OutputState {
	s := OutputState{Name: a.Name, Role: a.Role}
	s.Failing, s.Since = a.Health.State()
	s.Writing, s.Oldest = a.InFlight.State()
	return s
}
