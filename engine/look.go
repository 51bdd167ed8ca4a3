package engine

// State looks at the pipeline. It may be called at any time and from any goroutine; before Run there is nothing to see.
func (p *Pipeline) State() State {
	r := p.running.Load()
	if r == nil {
		return State{}
	}
	s := State{}
	for _, br := range r.branches {
		held := br.holder.holds()
		s.Workers += br.spec.Workers
		s.Busy += int(br.busy.Load())
		s.Held.Messages += held.Messages
		s.Held.Bytes += held.Bytes
		if c := r.recovery[br]; c != nil {
			refused := c.refused.holds()
			s.Refused.Messages += refused.Messages
			s.Refused.Bytes += refused.Bytes
		}
	}
	for _, d := range r.inputs.readers {
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

// state looks at an input.
func (d *reader) state() InputState {
	s := InputState{Name: d.step.Name, Window: d.step.Window, Connected: d.connected.Load()}
	used, oldest := d.window.state()
	s.Unsettled, s.Oldest = Capacity{Messages: used.messages, Bytes: used.bytes}, oldest
	return s
}

// state looks at an output in one of its roles.
func (a *attempt) state() OutputState {
	s := OutputState{Name: a.name, Role: a.role}
	s.Failing, s.Since = a.health.state()
	s.Writing, s.Oldest = a.inFlight.state()
	return s
}
