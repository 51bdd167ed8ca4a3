package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/admin/page"
)

// TopView makes a status into lines of text.
type TopView struct {
	Width, Height int // of the terminal; height 0 is without end
	Color         bool
}

// stateWords and stateColors are what a state is in a terminal: a word, and a colour beside it.
var (
	stateWords  = map[page.State]string{page.OK: "well", page.Note: "at rest", page.Warn: "look", page.Fail: "FAILS"}
	stateColors = map[page.State]string{page.OK: console.Green, page.Note: console.Dim, page.Warn: console.Yellow, page.Fail: console.Red}
	stateRanks  = map[page.State]int{page.Fail: -3, page.Warn: -2, page.Note: -1}
)

// Lines are as many as the terminal has at most, and none is wider. Trouble comes first.
func (v TopView) Lines(s *page.Status) []string {
	all := v.head(s)
	pipelines := slices.Clone(s.Pipelines)
	slices.SortStableFunc(pipelines, func(a, b page.Pipeline) int { return cmp.Compare(stateRanks[a.State], stateRanks[b.State]) })
	all = append(all, v.table(s, pipelines)...)
	for i := range pipelines {
		detail := v.detail(s, &pipelines[i])
		if v.Height > 0 && len(all)+len(detail) > v.Height {
			break // the rest is in the table
		}
		all = append(all, detail...)
	}
	if v.Height > 0 && len(all) > v.Height {
		all = all[:v.Height-1]
		all = append(all, v.paint(console.Dim, v.cut("… more pipelines than lines; the status page has all of them")))
	}
	return all
}

// head says how the process is, and then which it is: what does not fit is cut off at the end.
func (v TopView) head(s *page.Status) []string {
	by := map[page.State]int{}
	var in, out page.Rate
	var unsettled, dead int64
	for _, p := range s.Pipelines {
		by[p.State]++
		in.Messages, in.Bytes = in.Messages+p.Received.Messages, in.Bytes+p.Received.Bytes
		out.Messages, out.Bytes = out.Messages+p.Written.Messages, out.Bytes+p.Written.Bytes
		unsettled, dead = unsettled+p.Unsettled, dead+p.DeadLetters
	}
	var plain, painted []string
	for _, state := range []page.State{page.Fail, page.Warn, page.Note, page.OK} {
		if n := by[state]; n > 0 {
			text := fmt.Sprintf("%d %s", n, stateWords[state])
			plain, painted = append(plain, text), append(painted, v.paint(stateColors[state], text))
		}
	}
	if len(plain) == 0 {
		plain, painted = []string{"no pipeline runs here"}, []string{"no pipeline runs here"}
	}
	first := strings.Join(plain, ", ")
	process := fmt.Sprintf("   logpipe %s  %s  up %s", console.Escape(s.Version), console.Escape(s.Host), page.Ago(s.Now.Sub(s.Started)))
	if room := v.Width - 1 - utf8.RuneCountInString(first); room > 0 {
		first = strings.Join(painted, ", ") + shortened(process, room)
	} else {
		first = v.cut(first)
	}
	lines := append([]string{first}, v.fitting(
		fmt.Sprintf("received %s %s   written %s %s   unsettled %s   dead letters %s", perSecondText(in.Messages), bytesText(in.Bytes),
			perSecondText(out.Messages), bytesText(out.Bytes), console.Thousands(unsettled), console.Thousands(dead)),
		fmt.Sprintf("received %s  written %s  unsettled %s  dead letters %s", perSecondText(in.Messages), perSecondText(out.Messages), console.Thousands(unsettled), console.Thousands(dead)),
		fmt.Sprintf("in %s  out %s  unsettled %s  dead %s", perSecondText(in.Messages), perSecondText(out.Messages), console.Thousands(unsettled), console.Thousands(dead)),
		fmt.Sprintf("in %s  out %s\nunsettled %s  dead %s", perSecondText(in.Messages), perSecondText(out.Messages), console.Thousands(unsettled), console.Thousands(dead)))...)
	if r := s.Refused; r != nil {
		text := fmt.Sprintf("RELOAD REFUSED: %s; all goes on as before, for %s", console.Escape(r.Cause), page.Ago(s.Now.Sub(r.Since)))
		lines = append(lines, v.paint(console.Yellow, v.cut(text)))
	}
	return append(lines, "")
}

// fitting is the first of some texts that fits into a line, else the lines of the last, cut.
func (v TopView) fitting(texts ...string) (lines []string) {
	last := len(texts) - 1
	for _, text := range texts[:last] {
		if utf8.RuneCountInString(text) < v.Width {
			return []string{text}
		}
	}
	for line := range strings.SplitSeq(texts[last], "\n") {
		lines = append(lines, v.cut(line))
	}
	return lines
}

// column is a number of the table. They stand in the order in which they are left out, the last first, where a line has no room for all.
type column struct {
	name  string
	width int
	of    func(s *page.Status, p *page.Pipeline) string
}

var columns = []column{
	{"RECEIVED", 11, func(_ *page.Status, p *page.Pipeline) string { return perSecondText(p.Received.Messages) }},
	{"WRITTEN", 11, func(_ *page.Status, p *page.Pipeline) string { return perSecondText(p.Written.Messages) }},
	{"UNSETTLED", 10, func(_ *page.Status, p *page.Pipeline) string { return console.Thousands(p.Unsettled) }},
	{"OLDEST", 8, func(s *page.Status, p *page.Pipeline) string {
		if p.Oldest == nil {
			return "-"
		}
		return page.Ago(s.Now.Sub(*p.Oldest))
	}},
	{"FALLBACK", 9, func(_ *page.Status, p *page.Pipeline) string {
		back := int64(0)
		for i := range p.Steps {
			if p.Steps[i].Role == string(engine.RoleFallback) {
				back += p.Steps[i].Backlog()
			}
		}
		return console.Thousands(back)
	}},
	{"DEAD", 6, func(_ *page.Status, p *page.Pipeline) string { return console.Thousands(p.DeadLetters) }},
}

const (
	stateWidth = 8
	nameMost   = 40 // columns of a pipeline's name
	besideLine = 60 // what is the matter stands beside the numbers where so many columns are left, else in a line of its own
)

// table has a line for each pipeline, and where there is no room beside the numbers another for what is the matter with it.
func (v TopView) table(s *page.Status, pipelines []page.Pipeline) []string {
	if len(pipelines) == 0 {
		return nil
	}
	name := len("PIPELINE")
	for _, p := range pipelines {
		name = max(name, utf8.RuneCountInString(console.Escape(p.Name)))
	}
	name = min(name, nameMost, max(len("PIPELINE"), v.Width/3))
	used, shown := stateWidth+1+name, []column{}
	for _, c := range columns {
		if used+1+c.width >= v.Width {
			break
		}
		used += 1 + c.width
		shown = append(shown, c)
	}
	beside := v.Width-used-3 >= besideLine
	head := fmt.Sprintf("%-*s %-*s", stateWidth, "STATE", name, "PIPELINE")
	for _, c := range shown {
		head += fmt.Sprintf(" %*s", c.width, c.name)
	}
	if beside {
		head += "  WHAT"
	}
	lines := []string{v.paint(console.Bold, v.cut(head))}
	for i := range pipelines {
		p := &pipelines[i]
		text := fmt.Sprintf("%-*s %-*s", stateWidth, stateWords[p.State], name, shortened(console.Escape(p.Name), name))
		for _, c := range shown {
			text += fmt.Sprintf(" %*s", c.width, c.of(s, p))
		}
		says := console.Escape(strings.Join(p.Says, "; "))
		if beside {
			text += "  " + says
		}
		lines = append(lines, v.state(p.State, v.cut(strings.TrimRight(text, " "))))
		if !beside && says != "" && p.State != page.Note { // what has ended, or starts, says so by its state
			lines = append(lines, v.cut("  "+says))
		}
	}
	return lines
}

// state paints the first word of a line, which is the state.
func (v TopView) state(s page.State, line string) string {
	n := min(8, len(line))
	return v.paint(stateColors[s], line[:n]) + line[n:]
}

// detail is the way of the messages of one pipeline, and its last errors.
func (v TopView) detail(s *page.Status, p *page.Pipeline) []string {
	if len(p.Steps) == 0 {
		return nil
	}
	lines := []string{"", v.paint(console.Bold, v.cut(console.Escape(p.Name)))}
	for i := range p.Steps {
		step := &p.Steps[i]
		text := fmt.Sprintf("  %-20s %-18s %11s %10s  %s", console.Escape(step.Name), console.Escape(step.Word), perSecondText(step.Flow.Messages), bytesText(step.Flow.Bytes),
			strings.Join(v.facts(p, step), ", "))
		text = v.cut(strings.TrimRight(text, " "))
		lines = append(lines, v.paint(stateColors[worst(step.State)], text))
	}
	for _, f := range p.Errors[:min(len(p.Errors), 3)] {
		text := fmt.Sprintf("  %s: %s; %d×, %s ago", console.Escape(f.Step), console.Escape(cmp.Or(f.Cause, f.Text)), f.Count, page.Ago(s.Now.Sub(f.Last)))
		lines = append(lines, v.paint(console.Dim, v.cut(text)))
	}
	return lines
}

// worst leaves a line without colour where there is nothing to see.
func worst(s page.State) page.State {
	if s == page.OK {
		return ""
	}
	return s
}

// facts are what else is known of a step.
func (v TopView) facts(p *page.Pipeline, s *page.Step) (facts []string) {
	add := func(is bool, format string, args ...any) {
		if is {
			facts = append(facts, fmt.Sprintf(format, args...))
		}
	}
	gauge := func(name engine.GaugeName) int64 { return int64(s.Gauges[string(name)]) }
	add(s.About != "", "%s", console.Escape(s.About))
	add(s.Window > 0, "%s of %s unsettled", console.Thousands(s.Unsettled), console.Thousands(s.Window))
	add(gauge(engine.QueueMessages) > 0, "%s wait in the queue", console.Thousands(gauge(engine.QueueMessages)))
	add(s.Lost > 0, "lost %d times", s.Lost)
	add(gauge(engine.OpenGroups) > 0, "%d open, fullest %d %%", gauge(engine.OpenGroups), int(100*s.Gauges[string(engine.FullestShare)]))
	add(gauge(engine.WaitingMessages) > 0, "%s wait", console.Thousands(gauge(engine.WaitingMessages)))
	add(s.Rejected > 0, "%s rejected", console.Thousands(s.Rejected))
	add(s.Dropped > 0, "%s dropped", console.Thousands(s.Dropped))
	add(s.Role == string(engine.RoleOutput) && s.Branch == "" && p.Workers > 0, "%d of %d workers busy", p.Busy, p.Workers)
	add(s.P99 > 0, "p50 %s p99 %s", secondsText(s.P50), secondsText(s.P99))
	add(s.Failed > 0, "%s of %s writes failed", console.Thousands(s.Failed), console.Thousands(s.Writes))
	add(s.Outages > 0, "%d outages, %s", s.Outages, page.Ago(time.Duration(s.Down*float64(time.Second))))
	switch engine.Role(s.Role) {
	case engine.RoleFallback:
		add(true, "%s in, %s home", console.Thousands(s.Flow.Total), console.Thousands(s.Back.Total))
	case engine.RoleDeadLetter:
		add(true, "%s in all", console.Thousands(s.Flow.Total))
	}
	return facts
}

func (v TopView) paint(color, text string) string { return console.Paint(v.Color, color, text) }

// cut leaves what fits into a line. The last column stays free: some terminals go to the next line when it is written.
func (v TopView) cut(text string) string { return shortened(text, max(1, v.Width-1)) }

func shortened(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func perSecondText(n float64) string {
	if n > 0 && n < 10 {
		return fmt.Sprintf("%.1f/s", n)
	}
	return console.Thousands(int64(n+0.5)) + "/s"
}

func bytesText(n float64) string {
	if n == 0 {
		return ""
	}
	units := []string{"B/s", "kB/s", "MB/s", "GB/s"}
	i := 0
	for n >= 1000 && i < len(units)-1 {
		n, i = n/1000, i+1
	}
	if n >= 100 || i == 0 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

func secondsText(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
