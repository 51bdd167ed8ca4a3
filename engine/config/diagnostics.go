package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a configuration can be used.
type Severity string

// The severities, as they are written in JSON.
const (
	SeverityError   Severity = "error"   // the configuration cannot be used
	SeverityWarning Severity = "warning" // it can, but somebody should look
)

// Pos is a place in a file. Line and Column count from 1, Column in characters as a reader sees them; Byte counts from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Range is a part of a file; End is the place after its last character.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// String is the place where the range starts, as "file:line:column".
func (r Range) String() string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}

// Diagnostic is one thing to say about a configuration.
type Diagnostic struct {
	Severity Severity  // an error, or a warning
	Summary  string    // the cause, in one sentence
	Detail   string    // the way out
	Range    *Range    // where; nil when it is about no place in a file
	Context  string    // the block around it, as in `output "s3"`; may be empty
	Related  []Related // other places that one has to see to understand it
	Values   []Value   // what came from outside of the file and has a part in it

	// absence marks what says that something is missing. In a file with syntax errors it may well be there, unread.
	absence bool
	syntax  bool // the parser said it
}

// Related is another place that a diagnostic is about.
type Related struct {
	Text  string // what is there, as in "the first one is"
	Range Range  // where that is
}

// Value is something from outside of the file that has a part in a mistake, such as an environment variable.
type Value struct {
	Name string // as in `env("BATCH_SIZE")`
	Is   string // as in `is "abc"`
}

// Diagnostics is all that is to say about a configuration, in the order of its files and lines.
type Diagnostics struct {
	list    []Diagnostic
	sources map[string]*source
	order   map[string]int // of file names
}

// source is what the writers need of a file.
type source struct {
	text   []byte
	masked []span // parts that nobody may read: secrets
}

// span is a part of a file in bytes.
type span struct{ from, to int }

// About returns other diagnostics about the same files.
func (d *Diagnostics) About(list ...Diagnostic) *Diagnostics {
	about := &Diagnostics{sources: d.sources, order: d.order}
	for _, g := range list {
		about.add(g)
	}
	return about
}

// All returns the diagnostics. Do not change the slice.
func (d *Diagnostics) All() []Diagnostic { return d.list }

// HasErrors reports whether the configuration cannot be used.
func (d *Diagnostics) HasErrors() bool { return d.Errors() > 0 }

// Errors is the number of errors.
func (d *Diagnostics) Errors() int { return d.count(SeverityError) }

// Warnings is the number of warnings.
func (d *Diagnostics) Warnings() int { return d.count(SeverityWarning) }

func (d *Diagnostics) count(s Severity) int {
	n := 0
	for i := range d.list {
		if d.list[i].Severity == s {
			n++
		}
	}
	return n
}

func (d *Diagnostics) add(g Diagnostic) {
	if g.Severity == "" {
		g.Severity = SeverityError
	}
	g.Summary, g.Detail = hideUserinfo(g.Summary), hideUserinfo(g.Detail)
	d.list = append(d.list, g)
}

func (d *Diagnostics) addSource(name string, text []byte) {
	if d.sources == nil {
		d.sources, d.order = map[string]*source{}, map[string]int{}
	}
	d.sources[name] = &source{text: text}
	d.order[name] = len(d.order)
}

// mask hides a part of a file from all writers.
func (d *Diagnostics) mask(r Range) { d.maskSpan(r.Filename, span{r.Start.Byte, r.End.Byte}) }

func (d *Diagnostics) maskSpan(file string, part span) {
	if s := d.sources[file]; s != nil {
		s.masked = append(s.masked, part)
	}
}

// sort puts the diagnostics into the order of the files, and takes out what is said twice.
func (d *Diagnostics) sort() {
	slices.SortStableFunc(d.list, func(a, b Diagnostic) int {
		fa, pa := d.place(a)
		fb, pb := d.place(b)
		return cmp.Or(cmp.Compare(fa, fb), cmp.Compare(pa, pb))
	})
	type key struct {
		sev           Severity
		text, context string
		at            Range
	}
	seen := map[key]bool{}
	d.list = slices.DeleteFunc(d.list, func(g Diagnostic) bool {
		k := key{g.Severity, g.Summary + "\n" + g.Detail, g.Context, Range{}}
		if g.Range != nil {
			k.at = *g.Range
		}
		twice := seen[k]
		seen[k] = true
		return twice
	})
}

// place is where a diagnostic stands in the order; what is about no file comes first.
func (d *Diagnostics) place(g Diagnostic) (file, byte int) {
	if g.Range == nil {
		return -1, 0
	}
	return d.order[g.Range.Filename], g.Range.Start.Byte
}

// quoted writes a list of names as a sentence part: "a", "b" or "c".
func quoted(names []string, last string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return enumerate(q, last)
}

func enumerate(items []string, last string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " " + last + " " + items[len(items)-1]
}
