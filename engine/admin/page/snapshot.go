package page

import (
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

// Status is what the process is now. Its history begins behind the point seen.
func (p *Page) Status(now time.Time, seen int64) Status {
	tracks := p.follow(now)
	states := p.states(tracks)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{
		Version: p.Version, Go: p.Go, Host: p.host, PID: os.Getpid(), Started: p.Started, Now: now, State: OK, Pipelines: []Pipeline{},
		HistorySeconds: pointTicks * int(tick/time.Second), HistoryPoints: points, HistorySeq: p.seq,
	}
	if r := p.Set.Reloads(); !r.Since.IsZero() {
		s.State, s.Refused = Warn, &Refused{Since: r.Since, Count: r.Refused, Cause: public(r.Cause)}
	}
	for i, t := range tracks {
		one := t.pipeline(now, states[i])
		one.History = t.history.after(p.seq - seen)
		s.Pipelines = append(s.Pipelines, one)
		s.State = worse(s.State, one.State)
	}
	return s
}

// states asks the pipelines for their states. Nothing is locked meanwhile: it takes some time where one hangs.
func (p *Page) states(tracks []*track) []stats.Seen {
	of := make([]*stats.Pipeline, len(tracks))
	p.mu.Lock()
	for i, t := range tracks {
		of[i] = t.of
	}
	p.mu.Unlock()
	return stats.States(of)
}

// pipeline is what is shown of one.
func (t *track) pipeline(now time.Time, seen stats.Seen) Pipeline {
	life, state := t.of.Life(), seen.State
	p := Pipeline{
		Name: t.of.Name, Phase: string(life.Phase), Since: life.Since, Starts: life.Starts, Next: when(life.Next),
		Silent: !seen.OK, Held: int64(state.Held.Messages), HeldBytes: state.Held.Bytes,
		Refused: int64(state.Refused.Messages), RefusedBytes: state.Refused.Bytes, Workers: state.Workers, Busy: state.Busy,
		DeadLetters: deadLetters(t.of), Errors: failures(t.of),
	}
	if life.Err != nil {
		p.Error = public(life.Err.Error())
	}
	if !t.lastLetter.IsZero() && now.Sub(t.lastLetter) < letterTicks*tick {
		p.LastDeadLetter = when(t.lastLetter)
	}
	in, back := t.rates(now)
	late := t.latencies(now)
	for i, of := range t.of.Steps {
		s := t.step(i, state, late.took[i])
		s.Flow, s.Back = in[i], back[i]
		p.Steps = append(p.Steps, s)
		switch of.Role {
		case engine.RoleInput:
			p.Received = p.Received.plus(in[i])
			p.Reconnects += max(0, of.Opened.Load()-int64(life.Starts))
		case engine.RoleOutput:
			p.Written = p.Written.plus(in[i])
		}
	}
	for _, d := range state.Inputs {
		p.addInput(d)
	}
	if late.lateness.Total() > 0 {
		p.LatenessP50, p.LatenessP99 = seconds(late.lateness, 0.5), seconds(late.lateness, 0.99)
	}
	p.judge(now)
	return p
}

func (r Rate) plus(s Rate) Rate {
	return Rate{r.Messages + s.Messages, r.Bytes + s.Bytes, r.Total + s.Total}
}

func (p *Pipeline) addInput(d flow.InputState) {
	p.Unsettled += int64(d.Unsettled.Messages)
	p.UnsettledBytes += d.Unsettled.Bytes
	p.Window += int64(d.Window.Messages)
	p.WindowBytes += d.Window.Bytes
	if !d.Oldest.IsZero() && (p.Oldest == nil || d.Oldest.Before(*p.Oldest)) {
		p.Oldest = when(d.Oldest)
	}
}

// when is a time that may be zero.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// seconds is a quantile to three digits.
func seconds(c stats.Counts, q float64) float64 {
	return round3(min(c.Quantile(q), 1e6))
}

func round3(v float64) float64 {
	unit := 1.0
	for v*unit < 100 && unit < 1e5 {
		unit *= 10
	}
	return float64(int64(v*unit+0.5)) / unit
}

// errorsShown is how many of the last errors a Status has.
const errorsShown = 8

func failures(of *stats.Pipeline) (all []Failure) {
	for _, f := range of.Failures() {
		all = append(all, Failure{Step: f.Step, Class: f.Class, Text: public(f.Text), Cause: public(f.Cause), Count: f.Count, First: f.First, Last: f.Last})
	}
	return all[:min(len(all), errorsShown)]
}

// userinfo may hold a password. No error of logpipe's own has one; this is for plugins and libraries that quote what they were given.
var userinfo = regexp.MustCompile(`://[^\s"'/]*@`)

func public(text string) string { return userinfo.ReplaceAllString(text, "://***@") }

// gaugesOf are the numbers that a step knows of itself.
func gaugesOf(name string, state flow.State) map[string]float64 {
	var all map[string]float64
	for _, g := range state.Gauges {
		if g.Step != name {
			continue
		}
		if all == nil {
			all = map[string]float64{}
		}
		all[string(g.Name)] = g.Value
	}
	return all
}

func inputOf(name string, state flow.State) *flow.InputState {
	i := slices.IndexFunc(state.Inputs, func(d flow.InputState) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &state.Inputs[i]
}

func outputOf(name string, state flow.State) *flow.OutputState {
	i := slices.IndexFunc(state.Outputs, func(d flow.OutputState) bool { return d.Name == name })
	if i < 0 {
		return nil
	}
	return &state.Outputs[i]
}
