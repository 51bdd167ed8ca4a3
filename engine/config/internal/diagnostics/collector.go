package diagnostics

import (
	"cmp"
	"slices"
)

// collector gathers what is wrong with files while they are read.
type Collector struct{ Diagnostics }

// Found is what was gathered.
func (d *Collector) Found() *Diagnostics { return &d.Diagnostics }

// Size is how many diagnostics there are.
func (d *Collector) Size() int { return len(d.list) }

// InContext names the blocks around what was added behind the first from, now that they are known.
func (d *Collector) InContext(from int, context func(at int) string) {
	for i := range d.list[from:] {
		g := &d.list[from+i]
		g.Context = context(g.Range.Start.Byte)
	}
}

// Drop takes out what may follow from a syntax error, as doubtful says of the place of each; missing says whether it is about
// something that is not there.
func (d *Collector) Drop(doubtful func(at *Range, missing bool) bool) {
	d.list = slices.DeleteFunc(d.list, func(g Diagnostic) bool { return g.Range != nil && !g.syntax && doubtful(g.Range, g.absence) })
}

// Absent marks what says that something is missing. In a file with syntax errors it may well be there, unread.
func Absent(g Diagnostic) Diagnostic {
	g.absence = true
	return g
}

// OfSyntax marks what the parser said.
func OfSyntax(g Diagnostic) Diagnostic {
	g.syntax = true
	return g
}

// Add takes one in. What has no severity is an error.
func (d *Collector) Add(g Diagnostic) {
	d.list = append(d.list, completed(g))
}

// AddSource tells the text of a file, for excerpts of it; nil is none.
func (d *Collector) AddSource(name string, text []byte) {
	if d.sources == nil {
		d.sources, d.order = map[string]*source{}, map[string]int{}
	}
	d.sources[name] = &source{text: text}
	d.order[name] = len(d.order)
}

// NoExcerpt keeps the text of a file out of what is shown.
func (d *Collector) NoExcerpt(name string) { d.sources[name].text = nil }

// Mask hides a part of a file from all writers.
func (d *Collector) Mask(r Range) { d.MaskSpan(r.Filename, Span{r.Start.Byte, r.End.Byte}) }

// MaskSpan hides a part of a file by its bytes.
func (d *Collector) MaskSpan(file string, part Span) {
	if s := d.sources[file]; s != nil {
		s.masked = append(s.masked, part)
	}
}

// Sort puts the diagnostics into the order of the files, and takes out what is said twice.
func (d *Collector) Sort() {
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
func (d *Collector) place(g Diagnostic) (file, byte int) {
	if g.Range == nil {
		return -1, 0
	}
	return d.order[g.Range.Filename], g.Range.Start.Byte
}
