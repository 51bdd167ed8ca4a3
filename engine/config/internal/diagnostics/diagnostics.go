// Package diagnostics holds and shows what is wrong with a file. A collector gathers it while files are read; Diagnostics is what their
// reader gets, as text (text.go, line.go) or JSON (json.go). suggest.go finds what was meant, userinfo.go hides what nobody may read.
package diagnostics

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
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

	absence bool // see absent
	syntax  bool // see OfSyntax
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
	masked []Span // parts that nobody may read: secrets
}

// span is a part of a file in bytes.
type Span struct{ From, To int }

// About returns other diagnostics about the same files.
func (d *Diagnostics) About(list ...Diagnostic) *Diagnostics {
	about := &Diagnostics{sources: d.sources, order: d.order}
	for _, g := range list {
		about.list = append(about.list, completed(g))
	}
	return about
}

// completed is a diagnostic with all that every one has.
func completed(g Diagnostic) Diagnostic {
	if g.Severity == "" {
		g.Severity = SeverityError
	}
	g.Summary, g.Detail = HideUserinfo(g.Summary), HideUserinfo(g.Detail)
	return g
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

// Quoted writes a list of names as a sentence part: "a", "b" or "c".
func Quoted(names []string, last string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return Enumerate(q, last)
}

// Enumerate writes items as a sentence part: a, b or c.
func Enumerate(items []string, last string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " " + last + " " + items[len(items)-1]
}

// RangeOf is a range of the parser.
func RangeOf(r hcl.Range) *Range {
	return &Range{
		Filename: r.Filename,
		Start:    Pos{r.Start.Line, r.Start.Column, r.Start.Byte},
		End:      Pos{r.End.Line, r.End.Column, r.End.Byte},
	}
}
