package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// slow is how long a write may take before somebody should look.
const slow = 10 * time.Second

func worse(a, b State) State {
	return states[max(slices.Index(states, a), slices.Index(states, b))]
}

// verdict collects what is the matter with a pipeline.
type verdict struct {
	now  time.Time
	says []said
}

type said struct {
	state      State
	word, text string
}

func (v *verdict) say(state State, word, format string, args ...any) {
	v.says = append(v.says, said{state, word, fmt.Sprintf(format, args...)})
}

// because says of a step that fails why first: the end of a text is what a narrow screen cuts off.
func (v *verdict) because(p *Pipeline, s *Step, word, text string) {
	if cause := p.lastError(s.Name); cause != "" {
		text = cause + "; " + text
	}
	v.say(Fail, word, "%s: %s", s.Name, text)
}

// ago is how long ago something was, in words.
func (v *verdict) ago(t time.Time) string { return Ago(v.now.Sub(t)) }

// Ago is a time that has passed, in the two largest units: "12s", "3m 20s", "2h 5m", "4d 3h".
func Ago(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
}

// judge fills in the states and words of a pipeline, whose numbers are there.
func (p *Pipeline) judge(now time.Time) {
	v := &verdict{now: now}
	v.life(p)
	running := p.Phase == string(stats.Running) || p.Phase == string(stats.Draining)
	for i := range p.Steps {
		s := &p.Steps[i]
		s.State, s.Word = OK, "idle"
		if !running {
			s.State, s.Word = Note, "stopped"
			continue
		}
		v.step(p, s)
	}
	if p.Silent {
		v.say(Fail, "hangs", "it does not tell its state: something in it hangs, and what is shown here is old; nothing is lost by a restart")
	}
	if p.Held > 0 {
		v.say(Fail, "holds", "%s can be written nowhere; they are kept, and tried again", messages(p.Held))
	}
	if p.Refused > 0 {
		v.say(Warn, "refused", "%s in the fallback are refused by the output, which takes others; they stay there, and are tried again", messages(p.Refused))
	}
	slices.SortStableFunc(v.says, func(a, b said) int { return slices.Index(states, b.state) - slices.Index(states, a.state) })
	p.State, p.Word = OK, "well"
	if len(v.says) > 0 {
		p.State, p.Word = v.says[0].state, v.says[0].word
	}
	for _, one := range v.says {
		p.Says = append(p.Says, one.text)
	}
}

func (v *verdict) life(p *Pipeline) {
	switch stats.Phase(p.Phase) {
	case stats.New:
		v.say(Note, "starts", "it is not started yet")
	case stats.Draining:
		v.say(Note, "drains", "it drains for %s: it reads no more, and writes what it has", v.ago(p.Since))
	case stats.Waiting:
		next := "it is started again"
		if p.Next != nil && p.Next.After(v.now) {
			next += " in " + Ago(p.Next.Sub(v.now)+time.Second)
		}
		v.say(Fail, "broken", "it failed: %s; %s, and nothing is lost", p.Error, next)
	case stats.Ended:
		if p.Error != "" {
			v.say(Warn, "ended", "it has ended and left something: %s", p.Error)
		} else {
			v.say(Note, "ended", "it has ended, and left nothing")
		}
	}
}

func (v *verdict) step(p *Pipeline, s *Step) {
	switch engine.Role(s.Role) {
	case engine.RoleInput:
		v.input(p, s)
	case engine.RoleProcessor:
		v.processor(s)
	default:
		v.output(p, s)
	}
}

func (v *verdict) processor(s *Step) {
	waiting, limits := s.Gauges[string(engine.WaitingMessages)]
	switch {
	case waiting > 0:
		s.Word = "slows down"
	case s.Flow.Messages == 0:
	case s.Kind == KindStage && !limits:
		s.Word = "fills batches"
	case s.Kind == KindPolicy:
		s.Word = "passes"
	default:
		s.Word = "works"
	}
}

func (v *verdict) input(p *Pipeline, s *Step) {
	switch {
	case s.Connected != nil && !*s.Connected:
		s.State, s.Word = Fail, "no connection"
		v.because(p, s, "input is lost", "no connection to the source; it is tried again")
	case p.Phase == string(stats.Draining):
		s.State, s.Word = Note, "reads no more"
	case s.Window > 0 && s.Unsettled >= s.Window:
		s.Word = "waits: window full"
	case s.Flow.Messages > 0:
		s.Word = "reads"
	case s.Unsettled > 0:
		s.Word = "waits"
	}
}

func (v *verdict) output(p *Pipeline, s *Step) {
	role := strings.ReplaceAll(s.Role, "_", " ")
	switch {
	case s.Failing != nil:
		s.State, s.Word = Fail, "fails for "+v.ago(*s.Failing)
		v.because(p, s, role+" fails", fmt.Sprintf("it fails for %s; %s", v.ago(*s.Failing), p.meanwhile(s)))
		return
	case s.Slowest != nil && v.now.Sub(*s.Slowest) >= slow:
		s.State, s.Word = Warn, "slow: "+v.ago(*s.Slowest)
		v.say(Warn, role+" is slow", "a write of %s has not come back for %s", s.Name, v.ago(*s.Slowest))
		return
	}
	switch engine.Role(s.Role) {
	case engine.RoleOutput:
		if s.Flow.Messages > 0 || s.Writing > 0 {
			s.Word = "writes"
		}
	case engine.RoleFallback:
		v.fallback(s)
	case engine.RoleDeadLetter:
		v.deadLetter(p, s)
	}
}

// meanwhile says where the messages are while an output fails.
func (p *Pipeline) meanwhile(s *Step) string {
	i := slices.IndexFunc(p.Steps, func(o Step) bool { return o.Role == string(engine.RoleFallback) && o.Branch == s.Branch })
	if s.Role == string(engine.RoleOutput) && i >= 0 && p.Steps[i].Failing == nil {
		return "it is tried again, and " + p.Steps[i].Name + " takes what it cannot store"
	}
	return "it is tried again, and nothing is lost"
}

func (v *verdict) fallback(s *Step) {
	backlog := s.Backlog()
	s.Word = "empty"
	if backlog == 0 { // also when its last batch came home a moment ago
		return
	}
	s.State = Warn
	switch {
	case s.Back.Messages > 0:
		s.Word = "comes home"
		v.say(Warn, "comes home", "%s of %s are on their way to the output", messages(backlog), s.Name)
	case s.Flow.Messages > 0:
		s.Word = "takes batches"
		v.say(Warn, "falls back", "%s holds %s, and takes more", s.Name, messages(backlog))
	default:
		s.Word = "holds a backlog"
		v.say(Warn, "backlog", "%s holds %s", s.Name, messages(backlog))
	}
}

// Backlog is how many messages a fallback holds: what it says itself, else what went in and did not come out since the process started.
func (s *Step) Backlog() int64 {
	if n, ok := s.Gauges[string(engine.BacklogMessages)]; ok {
		return int64(n)
	}
	return max(0, s.Flow.Total-s.Back.Total)
}

func (v *verdict) deadLetter(p *Pipeline, s *Step) {
	s.Word = "none"
	waiting, known := s.Gauges[string(engine.DeadMessages)]
	switch {
	case waiting > 0:
		s.State, s.Word = Warn, Thousands(int64(waiting))+" wait"
		v.say(Warn, "dead letters", "%s wait in %s; logpipe dlq shows them", counted(int64(waiting), "dead letter"), s.Name)
	case known:
		s.Word = "empty"
	case p.LastDeadLetter != nil:
		s.State, s.Word = Warn, "took some lately"
		v.say(Warn, "dead letters", "the last dead letter was %s ago; there are %s since the start", v.ago(*p.LastDeadLetter), Thousands(p.DeadLetters))
	case s.Flow.Total > 0:
		s.Word = Thousands(s.Flow.Total) + " in all"
	}
}

// lastError is the newest of a step that is not old.
func (p *Pipeline) lastError(step string) string {
	for _, f := range p.Errors {
		if f.Step == step {
			return cmp.Or(f.Cause, f.Text)
		}
	}
	return ""
}

func messages(n int64) string { return counted(n, "message") }

func counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return Thousands(n) + " " + what
}

// Thousands writes n with a comma between each three digits.
func Thousands(n int64) string {
	digits := strconv.FormatInt(max(0, n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
