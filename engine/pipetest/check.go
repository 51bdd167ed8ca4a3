package pipetest

import (
	"fmt"
	"strings"

	"github.com/logpipe/logpipe/engine/config"
)

// Missing finds what a test says of places that the pipeline does not have: a mistake in the test.
func (o *Outcome) Missing(t *config.Test) []config.Diagnostic {
	var found []config.Diagnostic
	check := func(place string, at config.Range) {
		if o.Places[place] != nil || place == config.ExpectDropped || place == config.ExpectHeld {
			return
		}
		g := config.Diagnostic{Range: &at, Summary: fmt.Sprintf("the pipeline has no %s", place), Context: contextOf(t),
			Detail: "Take it out of the test, or add the block to the pipeline."}
		if near := config.Suggest(place, o.Order); near != "" {
			g.Detail = fmt.Sprintf("Did you mean %s?", near)
		}
		found = append(found, g)
	}
	for _, f := range t.Fails {
		check(f.Place, f.Range)
	}
	for _, e := range t.Expect {
		if e.Count > 0 || e.What != config.ExpectMessages { // that there are none is true
			check(e.Place, e.Range)
		}
	}
	return found
}

func contextOf(t *config.Test) string { return fmt.Sprintf("test %q", t.Name) }

// Compare says what of an outcome a test did not expect: each with its place in the file.
func Compare(t *config.Test, o *Outcome) []config.Diagnostic {
	var found []config.Diagnostic
	for _, e := range t.Expect {
		p := o.Places[e.Place]
		if p == nil {
			p = &Place{}
		}
		at, summary, detail := e.Range, "", ""
		switch e.What {
		case config.ExpectMessages:
			if n := o.messages(e.Place); n != e.Count {
				summary, detail = fmt.Sprintf("%s, not %d", tell(e.Place, n), e.Count), p.contents()
			}
		case config.ExpectBatches:
			if n := len(p.Batches); n != e.Count {
				summary, detail = fmt.Sprintf("%s has %s, not %d", e.Place, count(n, "batch"), e.Count), p.contents()
			}
		default:
			at, summary, detail = p.compareList(e)
		}
		if summary != "" {
			found = append(found, config.Diagnostic{Range: &at, Summary: summary, Detail: detail, Context: contextOf(t)})
		}
	}
	return found
}

func (o *Outcome) messages(place string) int {
	switch place {
	case config.ExpectDropped:
		return o.Dropped
	case config.ExpectHeld:
		return o.Held
	}
	if p := o.Places[place]; p != nil {
		return p.Messages
	}
	return 0
}

func tell(place string, n int) string {
	switch place {
	case config.ExpectDropped:
		return fmt.Sprintf("processors dropped %s", count(n, "message"))
	case config.ExpectHeld:
		return fmt.Sprintf("%s held", isOrAre(n))
	}
	return fmt.Sprintf("%s has %s", place, count(n, "message"))
}

func isOrAre(n int) string {
	if n == 1 {
		return "1 message is"
	}
	return fmt.Sprintf("%d messages are", n)
}

func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "ch"):
		return fmt.Sprintf("%d %ses", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// compareList finds the first item that is not as expected, and shows all that differ.
func (p *Place) compareList(e config.Expectation) (at config.Range, summary, detail string) {
	got := p.list(e.What)
	at = e.Range
	var diffs []string
	for i := range max(len(got), len(e.List)) {
		name := fmt.Sprintf("%s[%d]", e.What, i)
		var d []string
		switch {
		case i >= len(got):
			d = []string{name, "- " + string(e.List[i].Body())}
		case i >= len(e.List):
			d = []string{name, "+ " + got[i]}
		default:
			d = difference(e.What, name, e.List[i], got[i])
		}
		if d == nil {
			continue
		}
		if len(diffs) == 0 && i < len(e.Items) {
			at = e.Items[i]
		}
		diffs = append(diffs, d...)
	}
	if len(diffs) == 0 {
		return at, "", ""
	}
	summary = fmt.Sprintf("%s of %s are not as expected", e.What, e.Place)
	if len(got) != len(e.List) {
		summary = fmt.Sprintf("%s of %s: there are %d, not %d", e.What, e.Place, len(got), len(e.List))
	}
	return at, summary, "Expected (-), and what came (+):\n" + indent(diffs)
}

// list is what a place has of a kind, each as text.
func (p *Place) list(what string) (list []string) {
	for _, b := range p.Batches {
		switch what {
		case config.ExpectKeys:
			list = append(list, b.Address)
			continue
		case config.ExpectSealedBy:
			list = append(list, b.SealedBy)
			continue
		}
		for _, m := range b.Messages {
			if what == config.ExpectReasons {
				list = append(list, m.Reason)
			} else {
				list = append(list, m.Body)
			}
		}
	}
	return list
}

// shown is how many messages of a place are shown.
const shown = 20

// contents shows what is at a place.
func (p *Place) contents() string {
	if p.Messages == 0 {
		if p.Failed > 0 {
			return fmt.Sprintf("It has nothing; %d of %d writes failed.", p.Failed, p.Writes)
		}
		return "It has nothing."
	}
	var lines []string
	left := shown
	for _, b := range p.Batches {
		if b.Address != "" && left > 0 {
			lines = append(lines, b.Address)
		}
		for _, m := range b.Messages {
			if left--; left < 0 {
				continue
			}
			lines = append(lines, "  "+m.Body)
			if m.Reason != "" {
				lines = append(lines, "    because: "+m.Reason)
			}
		}
	}
	if left < 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more", -left))
	}
	return "It has:\n" + indent(lines)
}

// indent keeps lines from being wrapped.
func indent(lines []string) string {
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n  ")
	return "  " + text
}
