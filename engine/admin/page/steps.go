package page

import (
	"maps"
	"math"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

// step is what is shown of the step i, but for its rates.
func (t *track) step(i int, state flow.State, took stats.Counts) Step {
	of, about := t.of.Steps[i], t.about[i]
	s := Step{
		Name: of.Name, Role: string(of.Role), Branch: of.Branch, About: public(about.Text), Rejects: about.Rejects,
		Rejected: of.Rejected.Load(), Dropped: of.Dropped.Load(), Lost: of.Lost.Load(), Gauges: gaugesOf(of.Name, state),
	}
	for name, v := range s.Gauges {
		if math.IsNaN(v) || math.IsInf(v, 0) { // which JSON cannot say
			delete(s.Gauges, name)
		}
	}
	switch {
	case of.Role == engine.RoleInput:
		s.input(inputOf(of.Name, state))
	case of.Role == engine.RoleProcessor:
		s.Kind = about.Kind
	default:
		s.output(of, outputOf(of.Name, state), took)
	}
	return s
}

func (s *Step) input(now *flow.InputState) {
	if now == nil {
		return
	}
	s.Connected = &now.Connected
	s.Unsettled, s.Window = int64(now.Unsettled.Messages), int64(now.Window.Messages)
}

func (s *Step) output(of *stats.Step, now *flow.OutputState, took stats.Counts) {
	s.Writes, s.Failed, s.FailedBy = of.Writes.Load(), of.Failed.Load(), of.FailedBy()
	maps.DeleteFunc(s.FailedBy, func(_ string, n int64) bool { return n == 0 })
	outages, _, down := of.Outages()
	s.Outages, s.Down = outages, round3(down.Seconds())
	if took.Total() > 0 {
		s.P50, s.P99 = seconds(took, 0.5), seconds(took, 0.99)
	}
	if now == nil {
		return
	}
	if now.Failing {
		s.Failing = when(now.Since)
	}
	s.Writing, s.Slowest = now.Writing, when(now.Oldest)
}
