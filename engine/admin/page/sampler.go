package page

import (
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// Counters are looked at once a second. Rates are those of the last ten seconds, so that a batch every five of them is a steady stream.
// A point of the history is five seconds; it has 15 minutes. Latencies are those of the last five minutes, to 30 seconds.
const (
	tick        = time.Second
	rateTicks   = 10
	pointTicks  = 5
	points      = 180
	takenTicks  = 30
	takenMost   = 10
	letterTicks = points * pointTicks
)

// moment is what the counters of a pipeline stood at.
type moment struct {
	at    time.Time
	flows []passed // one a step, see flows
	back  []passed // likewise, what came home from it
	dead  int64
}

// track is what is remembered of a pipeline. It belongs to the sampler's lock.
type track struct {
	of     *stats.Pipeline
	about  []About // one a step
	kinds  []string
	recent []moment // of the last ten seconds, the newest last
	taken  []taken  // of the last five minutes, the newest last

	letters    int64 // dead letters at the last tick
	lastLetter time.Time

	point   moment // of the last point of the history
	errors  int64
	history History
}

// taken are how long writes took, and how late they were.
type taken struct {
	at       time.Time
	took     []stats.Counts // one a step that writes
	lateness stats.Counts
}

// newTrack begins anew, with the history of the pipeline that had this name before a reload.
func newTrack(p *stats.Pipeline, about func(step string) About, before *track, now time.Time) *track {
	t := &track{of: p}
	for _, s := range p.Steps {
		a := about(s.Name)
		t.about, t.kinds = append(t.about, a), append(t.kinds, a.Kind)
	}
	if before != nil {
		t.history, t.lastLetter = before.history, before.lastLetter
	}
	t.point = t.look(now)
	t.recent, t.taken = []moment{t.point}, []taken{t.takenNow(now)}
	t.errors, t.letters = troubles(p), deadLetters(p)
	return t
}

func (t *track) look(now time.Time) moment {
	m := moment{at: now, flows: flows(t.of, t.kinds), back: make([]passed, len(t.of.Steps)), dead: deadLetters(t.of)}
	for i, s := range t.of.Steps {
		m.back[i] = recovered(s)
	}
	return m
}

func (t *track) takenNow(now time.Time) taken {
	n := taken{at: now, took: make([]stats.Counts, len(t.of.Steps))}
	for i, s := range t.of.Steps {
		if writes(s.Role) {
			n.took[i] = s.Took.Counts()
		}
		if s.Role == engine.RoleOutput {
			n.lateness = n.lateness.Plus(s.Lateness.Counts())
		}
	}
	return n
}

func writes(r engine.Role) bool { return r != engine.RoleInput && r != engine.RoleProcessor }

// tick is called once a second; n counts the calls.
func (t *track) tick(n int64, now time.Time) {
	m := t.look(now)
	if t.recent = append(t.recent, m); len(t.recent) > rateTicks+1 {
		t.recent = slices.Delete(t.recent, 0, 1)
	}
	if m.dead > t.letters {
		t.letters, t.lastLetter = m.dead, now
	}
	if n%takenTicks == 0 {
		if t.taken = append(t.taken, t.takenNow(now)); len(t.taken) > takenMost {
			t.taken = slices.Delete(t.taken, 0, 1)
		}
	}
	if n%pointTicks == 0 {
		t.addPoint(m)
	}
}

func (t *track) addPoint(m moment) {
	seconds := m.at.Sub(t.point.at).Seconds()
	var in, out passed
	for i, s := range t.of.Steps {
		moved := m.flows[i].since(t.point.flows[i])
		switch s.Role {
		case engine.RoleInput:
			in = in.plus(moved)
		case engine.RoleOutput:
			out = out.plus(moved)
		}
	}
	errors := troubles(t.of)
	h := &t.history
	h.Received = lastOf(append(h.Received, perSecond(in.messages, seconds)), points)
	h.Written = lastOf(append(h.Written, perSecond(out.messages, seconds)), points)
	h.Unsettled = lastOf(append(h.Unsettled, unsettled(t.of)), points)
	h.Errors = lastOf(append(h.Errors, errors-t.errors), points)
	t.errors, t.point = errors, m
}

// after is the part of the history with the last n points, which shares nothing with it.
func (h History) after(n int64) History {
	return History{
		Received: slices.Clone(lastOf(h.Received, n)), Written: slices.Clone(lastOf(h.Written, n)),
		Unsettled: slices.Clone(lastOf(h.Unsettled, n)), Errors: slices.Clone(lastOf(h.Errors, n)),
	}
}

func lastOf[T any](all []T, n int64) []T { return all[max(0, len(all)-int(min(n, points))):] }

// perSecond has one decimal, which keeps the JSON short.
func perSecond(n int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(int64(float64(n)/seconds*10+0.5)) / 10
}

// rates are those of each step at this moment, and what came home.
func (t *track) rates(now time.Time) (in, back []Rate) {
	m, first := t.look(now), t.recent[0]
	seconds := m.at.Sub(first.at).Seconds()
	for i := range m.flows {
		in = append(in, rateOf(m.flows[i], first.flows[i], seconds))
		back = append(back, rateOf(m.back[i], first.back[i], seconds))
	}
	return in, back
}

func rateOf(now, before passed, seconds float64) Rate {
	moved := now.since(before)
	return Rate{Messages: perSecond(moved.messages, seconds), Bytes: perSecond(moved.bytes, seconds), Total: max(0, now.messages)}
}

// latencies are those of the last minutes.
func (t *track) latencies(now time.Time) taken {
	n, first := t.takenNow(now), t.taken[0]
	for i := range n.took {
		n.took[i] = n.took[i].Since(first.took[i])
	}
	n.lateness = n.lateness.Since(first.lateness)
	return n
}
