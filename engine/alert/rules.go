package alert

import (
	"fmt"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

// condition is what one look at one rule of one step found.
type condition struct {
	key
	holds                         bool
	since                         time.Time     // when it began, as far as that is known
	lasts                         time.Duration // how long it must hold
	bridges                       bool          // what comes and goes while it is pending counts as one
	cause, value, threshold, next string
	severity                      string
}

// look asks all rules about a pipeline.
func (w *watch) look(p *stats.Pipeline, now time.Time) (found []condition) {
	state := p.State().State // of one that hangs the last that it told: an alert must not end because nothing is known
	for _, s := range p.Steps {
		switch s.Role {
		case engine.RoleDeadLetter:
			found = append(found, w.deadLetters(p, s, state, now))
		case engine.RoleFallback:
			found = append(found, w.backlog(p, s, state))
		case engine.RoleOutput:
			found = append(found, w.successRate(p, s, now))
		}
		if s.Role == engine.RoleOutput || s.Role == engine.RoleFallback || s.Role == engine.RoleDeadLetter {
			found = append(found, w.outage(p, s, state, now))
		}
	}
	for _, in := range state.Inputs {
		found = append(found, w.unsettled(p, in, now))
	}
	return append(found, w.failing(p))
}

// deadLetters counts those written since it was last resolved, and those that wait where the plugin knows. Where it does not know, nobody can
// tell that somebody has seen to them: then it goes on for the time of repeat after the last one.
func (w *watch) deadLetters(p *stats.Pipeline, s *stats.Step, state flow.State, now time.Time) condition {
	k := key{nameDeadLetters, p.Name, s.Name}
	seen := w.dead[k]
	total := s.DeadLettered.Load()
	if seen == nil || total < seen.total { // the counters of a pipeline that was started anew
		seen = &deadSeen{}
		w.dead[k] = seen
	}
	if total > seen.total {
		seen.total, seen.grew = total, now
	}
	written := total - seen.base
	waiting, known := gauge(state, s.Name, engine.DeadMessages)
	quiet := w.Repeat - w.ResolveAfter
	if known {
		quiet = 0
	}
	quiet = max(quiet, time.Second) // the look that sees them counts
	many := int64(w.DeadLetters)
	c := condition{key: k, since: now, severity: "critical", threshold: fmt.Sprint(w.DeadLetters), value: fmt.Sprint(written),
		cause: fmt.Sprintf("%d dead letters were written", written),
		next:  "the messages are kept with the reason of each: see \"logpipe dlq list\" and \"logpipe dlq show\"; \"logpipe dlq redrive\" sends them back when the cause is mended"}
	if known {
		c.value = fmt.Sprint(max(int64(waiting), written))
		c.cause = fmt.Sprintf("%d dead letters were written, %.0f wait", written, waiting)
	}
	c.holds = many > 0 && (written >= many && now.Sub(seen.grew) < quiet || known && int64(waiting) >= many)
	return c
}

// deadSeen is what was seen of the counter of a dead letter.
type deadSeen struct {
	base, total int64     // when the alert was last resolved, and now
	grew        time.Time // when it last did
}

// backlog takes what the fallback says. A file does not count its messages: then it is what went in and did not come home since the process started.
func (w *watch) backlog(p *stats.Pipeline, s *stats.Step, state flow.State) condition {
	n, known := gauge(state, s.Name, engine.BacklogMessages)
	if !known {
		n = float64(max(0, s.FellBack.Load()-s.Recovered.Load()))
	}
	return condition{key: key{nameBacklog, p.Name, s.Name}, holds: w.BacklogMessages > 0 && n >= float64(w.BacklogMessages), severity: "warning",
		value: fmt.Sprintf("%.0f", n), threshold: fmt.Sprint(w.BacklogMessages),
		cause: fmt.Sprintf("the fallback holds %.0f messages", n),
		next:  "they come home by themselves when the output is well again: see to the output, and to the space where the fallback is"}
}

// outage also fires for a write that does not come back at all. One that is merely on its way says nothing: a busy output always has one, and
// an outage would never be over.
func (w *watch) outage(p *stats.Pipeline, s *stats.Step, state flow.State, now time.Time) condition {
	c := condition{key: key{nameOutage, p.Name, s.Name}, lasts: w.Outage, severity: "critical", threshold: w.Outage.String()}
	_, c.since, _ = s.Outages()
	c.cause = "every write fails"
	if i := slices.IndexFunc(state.Outputs, func(o flow.OutputState) bool {
		return o.Name == s.Name && !o.Oldest.IsZero() && now.Sub(o.Oldest) >= w.Outage
	}); i >= 0 && c.since.IsZero() {
		c.since, c.cause = state.Outputs[i].Oldest, "a write does not come back"
	}
	c.holds = w.Outage > 0 && !c.since.IsZero()
	for _, f := range p.Failures() {
		if f.Step == s.Name && !f.Last.Before(c.since) {
			c.cause += "; the last error: " + f.Cause
			break
		}
	}
	c.value = "since " + c.since.Format(time.RFC3339)
	c.next = "nothing is lost: it is tried again until it works, and what is not stored stays with the source or in the fallback; see to the server and to its credentials"
	return c
}

func (w *watch) unsettled(p *stats.Pipeline, in flow.InputState, now time.Time) condition {
	c := condition{key: key{nameUnsettled, p.Name, in.Name}, severity: "warning", threshold: w.UnsettledAge.String()}
	age := time.Duration(0)
	if !in.Oldest.IsZero() {
		age = now.Sub(in.Oldest).Truncate(time.Second)
	}
	c.holds = w.UnsettledAge > 0 && age >= w.UnsettledAge
	c.value = age.String()
	c.cause = fmt.Sprintf("the oldest of %d unsettled messages was read %s ago", in.Unsettled.Messages, age)
	c.next = "nothing is lost: the source keeps them until they are stored; see whether the output is slow or fails, or whether a batch waits long to be full"
	return c
}

// failing is about a pipeline that breaks and is started again.
func (w *watch) failing(p *stats.Pipeline) condition {
	life := p.Life()
	c := condition{key: key{nameFailing, p.Name, ""}, lasts: w.Outage, bridges: true, severity: "critical", threshold: w.Outage.String(), since: life.Since}
	c.holds = w.Outage > 0 && life.Phase == stats.Waiting
	c.value = fmt.Sprintf("%d starts", life.Starts)
	c.cause = "it fails and is started again"
	if life.Err != nil {
		c.cause += "; the last error: " + life.Err.Error()
	}
	c.next = "nothing is lost: it is tried again, and the source keeps its messages; mend what the error says"
	return c
}

// refused is about the process: it runs what nobody has in the files any more, and a restart would not start at all. Every receiver is told,
// whichever pipelines it is about.
func (w *watch) refused(r stats.Reloads, now time.Time) condition {
	c := condition{key: key{nameRefused, "", ""}, severity: "warning", threshold: "1", since: r.Since}
	c.holds = w.ReloadRefused && !r.Since.IsZero()
	c.value = fmt.Sprintf("%d refused", r.Refused)
	c.cause = "the reload is refused: " + r.Cause
	c.next = "all goes on as before, with the configuration of " + r.Latest.Format(time.RFC3339) + "; mend the files and reload: as they are, logpipe could not be started anew"
	return c
}

func gauge(state flow.State, step string, name engine.GaugeName) (v float64, ok bool) {
	for _, g := range state.Gauges {
		if g.Step == step && g.Name == name {
			return g.Value, true
		}
	}
	return 0, false
}

// sample is the counters of writes at one moment.
type sample struct {
	at             time.Time
	writes, failed int64
}

// successRate looks back on the window.
func (w *watch) successRate(p *stats.Pipeline, s *stats.Step, now time.Time) condition {
	k := key{nameSuccessRate, p.Name, s.Name}
	is := sample{now, s.Writes.Load(), s.Failed.Load()}
	all := w.samples[k]
	if n := len(all); n > 0 && all[n-1].writes > is.writes { // the counters of a pipeline that was started anew
		all = nil
	}
	if all == nil {
		all = []sample{{at: now}}
	}
	if n := len(all); n < 2 || now.Sub(all[n-1].at) >= w.Window/samplesMost {
		all = append(all, is)
	}
	for len(all) > 1 && now.Sub(all[1].at) >= w.Window { // the first is the last one that is as old as the window
		all = all[1:]
	}
	w.samples[k] = all
	writes, failed := is.writes-all[0].writes, is.failed-all[0].failed
	c := condition{key: k, severity: "warning", threshold: percent(w.SuccessRate)}
	if writes <= 0 {
		return c
	}
	rate := 1 - float64(failed)/float64(writes)
	c.holds = w.SuccessRate > 0 && writes >= int64(w.LeastWrites) && rate < w.SuccessRate
	c.value = percent(rate)
	c.cause = fmt.Sprintf("%d of %d writes failed within %s", failed, writes, w.Window)
	if all := p.Failures(); c.holds {
		if i := slices.IndexFunc(all, func(f stats.Failure) bool { return f.Step == s.Name }); i >= 0 {
			c.cause += "; the last error: " + all[i].Cause
		}
	}
	c.next = "nothing is lost: what failed is tried again; see why the server refuses so many"
	return c
}

// samplesMost bounds the samples of a window.
const samplesMost = 60

func percent(share float64) string { return fmt.Sprintf("%.4g %%", share*100) }
