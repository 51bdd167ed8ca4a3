package diagnostics

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	defaultWidth = 100
	maxShown     = 100 // diagnostics; the screen of a file that is no configuration must not be flooded
	tabWidth     = 4
)

// WriteText writes the diagnostics for people: severity and cause, the place, the source line with the part that is meant underlined, and
// the way out. Text is wrapped at width columns (0: 100), long source lines are cut around what is meant. No control character
// of a file reaches w.
func (d *Diagnostics) WriteText(w io.Writer, color bool, width int) {
	if width <= 0 {
		width = defaultWidth
	}
	t := &textWriter{d: d, color: color, width: max(width, 40)}
	for i, g := range d.list {
		if i == maxShown {
			fmt.Fprintf(&t.out, "… and %d more.\n", len(d.list)-i)
			break
		}
		if i > 0 {
			t.out.WriteByte('\n')
		}
		t.diagnostic(g)
	}
	_, _ = w.Write(t.out.Bytes()) // who prints diagnostics has nobody to tell that it cannot
}

type textWriter struct {
	d     *Diagnostics
	out   bytes.Buffer
	color bool
	width int
}

const (
	bold   = "1"
	red    = "31"
	yellow = "33"
	cyan   = "36"
)

func (t *textWriter) paint(s string, codes ...string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + s + "\x1b[0m"
}

func (t *textWriter) diagnostic(g Diagnostic) {
	head, hue := "Error: ", red
	if g.Severity == SeverityWarning {
		head, hue = "Warning: ", yellow
	}
	lines := Wrap(head+visible(g.Summary), t.width)
	lines[0] = strings.TrimPrefix(lines[0], head)
	t.out.WriteString(t.paint(head, bold, hue))
	for _, l := range lines {
		t.out.WriteString(t.paint(l, bold) + "\n")
	}
	if g.Range != nil {
		place := "on " + visible(g.Range.String())
		if g.Context != "" {
			place += ", in " + visible(g.Context)
		}
		t.excerpt(place+":", *g.Range, hue)
	}
	for _, r := range g.Related {
		t.excerpt(visible(r.Text)+" "+visible(r.Range.String())+":", r.Range, cyan)
	}
	for _, v := range g.Values {
		t.paragraph(visible(v.Name) + " " + visible(v.Is) + ".")
	}
	t.paragraph(visible(g.Detail))
}

func (t *textWriter) paragraph(text string) {
	if text == "" {
		return
	}
	for _, l := range Wrap(text, t.width-2) {
		t.out.WriteString(strings.TrimRight("  "+l, " ") + "\n")
	}
}

// excerpt shows a place and its source line, with a line below that points at what is meant.
func (t *textWriter) excerpt(place string, r Range, hue string) {
	line, ok := t.d.line(r)
	if !ok {
		place = strings.TrimSuffix(place, ":")
	}
	t.out.WriteString("  " + place + "\n")
	if !ok {
		return
	}
	number := strconv.Itoa(r.Start.Line)
	text, from, to := line.cut(t.width - len(number) - 7)
	t.out.WriteString("    " + t.paint(number+" | ", cyan) + strings.TrimRight(text, " ") + "\n")
	t.out.WriteString("    " + strings.Repeat(" ", len(number)) + t.paint(" | ", cyan) +
		strings.Repeat(" ", from) + t.paint(strings.Repeat("^", max(1, to-from)), bold, hue) + "\n")
}
