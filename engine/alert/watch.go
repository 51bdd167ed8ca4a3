package alert

import (
	"log/slog"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine/stats"
)

// watch turns what the rules find into alerts, for one receiver.
type watch struct {
	Config
	states  map[key]*state
	dead    map[key]*deadSeen
	samples map[key][]sample
}

// state is how one rule of one step is: pending since it holds, firing once it has an alert.
type state struct {
	since time.Time // when the condition began to hold
	last  time.Time // when it last did
	told  time.Time // when the alert was last told
	alert *alert    // firing; nil while pending
}

func newWatch(c Config) *watch {
	return &watch{Config: c, states: map[key]*state{}, dead: map[key]*deadSeen{}, samples: map[key][]sample{}}
}

// news is what a look at the pipelines brought.
type news struct {
	change
	alert alert
}

type change int

const (
	fires change = iota + 1
	repeats
	resolves
)

// tick looks at all pipelines. In the last one, before the process ends, nothing resolves: that a pipeline has ended mends nothing.
func (w *watch) tick(pipelines []*stats.Pipeline, reloads stats.Reloads, now time.Time, last bool) (all []news) {
	looked := map[key]bool{}
	take := func(c condition) {
		looked[c.key] = true
		if n, ok := w.step(c, now, last); ok {
			all = append(all, n)
		}
	}
	take(w.refused(reloads, now))
	for _, p := range pipelines {
		if len(w.Pipelines) > 0 && !slices.Contains(w.Pipelines, p.Name) {
			continue
		}
		for _, c := range w.look(p, now) {
			take(c)
		}
	}
	for k := range w.states { // pipelines that are no more, and inputs of one that waits
		if looked[k] {
			continue
		}
		if n, ok := w.step(condition{key: k}, now, last); ok {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b news) int { return compareKeys(a.alert.key, b.alert.key) })
	return all
}

func (w *watch) step(c condition, now time.Time, last bool) (news, bool) {
	s := w.states[c.key]
	if !c.holds {
		return w.gone(c.key, s, now, last)
	}
	if s == nil {
		s = &state{since: now}
		w.states[c.key] = s
	}
	s.last = now
	if s.alert == nil && !c.since.IsZero() && (!c.bridges || c.since.Before(s.since)) {
		s.since = c.since
	}
	a := s.alert
	switch {
	case a == nil && now.Sub(s.since) < c.lasts && c.lasts > 0:
		return news{}, false
	case a == nil:
		a = &alert{key: c.key, starts: now}
		s.alert = a
	case now.Sub(s.told) < w.Repeat:
		return news{}, false
	}
	kind := repeats
	if s.told.IsZero() {
		kind = fires
	}
	s.told = now
	a.cause, a.value, a.threshold, a.next, a.severity = c.cause, c.value, c.threshold, c.next, c.severity
	return news{kind, *a}, true
}

// gone is a step whose condition does not hold. What fires is over when that lasts.
func (w *watch) gone(k key, s *state, now time.Time, last bool) (news, bool) {
	switch {
	case s == nil || last:
		return news{}, false
	case s.alert == nil && k.name != nameFailing, s.alert == nil && now.Sub(s.last) >= w.ResolveAfter:
		delete(w.states, k)
		return news{}, false
	case s.alert == nil || now.Sub(s.last) < w.ResolveAfter:
		return news{}, false
	}
	delete(w.states, k)
	if seen := w.dead[k]; seen != nil {
		seen.base = seen.total
	}
	over := *s.alert
	over.ends = now
	return news{resolves, over}, true
}

// firing are the alerts that fire now.
func (w *watch) firing() (all []alert) {
	for _, s := range w.states {
		if s.alert != nil {
			all = append(all, *s.alert)
		}
	}
	slices.SortFunc(all, func(a, b alert) int { return compareKeys(a.key, b.key) })
	return all
}

// attrs are what each line of the log about an alert has.
func (a *alert) attrs() []any {
	attrs := []any{"alert", a.name}
	if a.pipeline != "" {
		attrs = append(attrs, "pipeline", a.pipeline)
	}
	if a.plugin != "" {
		attrs = append(attrs, "plugin", a.plugin)
	}
	return append(attrs, "cause", a.cause, "value", a.value, "threshold", a.threshold)
}

// say writes the line of the log.
func (n news) say(log *slog.Logger) {
	a := n.alert
	switch n.change {
	case fires:
		log.Warn("alert fires", append(a.attrs(), "next", a.next)...)
	case repeats:
		log.Warn("alert still fires", append(a.attrs(), "since", a.starts.Format(time.RFC3339), "next", a.next)...)
	case resolves:
		log.Info("alert is resolved", append(a.attrs(), "after", a.ends.Sub(a.starts).Round(time.Second).String(), "next", "it fires again if the cause comes back")...)
	}
}
