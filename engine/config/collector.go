package config

import (
	"cmp"
	"slices"
)

// collector gathers what is wrong with files while they are read.
type collector struct{ Diagnostics }

// found is what was gathered.
func (d *collector) found() *Diagnostics { return &d.Diagnostics }

// size is how many diagnostics there are.
func (d *collector) size() int { return len(d.list) }

// inContext names the blocks around what was added behind the first from, now that they are known.
func (d *collector) inContext(from int, context func(at int) string) {
	for i := range d.list[from:] {
		g := &d.list[from+i]
		g.Context = context(g.Range.Start.Byte)
	}
}

// drop takes out what may follow from a syntax error, as doubtful says of the place of each; missing says whether it is about
// something that is not there.
func (d *collector) drop(doubtful func(at *Range, missing bool) bool) {
	d.list = slices.DeleteFunc(d.list, func(g Diagnostic) bool { return g.Range != nil && !g.syntax && doubtful(g.Range, g.absence) })
}

// absent marks what says that something is missing. In a file with syntax errors it may well be there, unread.
func absent(g Diagnostic) Diagnostic {
	g.absence = true
	return g
}

// ofSyntax marks what the parser said.
func ofSyntax(g Diagnostic) Diagnostic {
	g.syntax = true
	return g
}

// add takes one in. What has no severity is an error.
func (d *collector) add(g Diagnostic) {
	d.list = append(d.list, completed(g))
}

// addSource tells the text of a file, for excerpts of it; nil is none.
func (d *collector) addSource(name string, text []byte) {
	if d.sources == nil {
		d.sources, d.order = map[string]*source{}, map[string]int{}
	}
	d.sources[name] = &source{text: text}
	d.order[name] = len(d.order)
}

// noExcerpt keeps the text of a file out of what is shown.
func (d *collector) noExcerpt(name string) { d.sources[name].text = nil }

// mask hides a part of a file from all writers.
func (d *collector) mask(r Range) { d.maskSpan(r.Filename, span{r.Start.Byte, r.End.Byte}) }

// maskSpan hides a part of a file by its bytes.
func (d *collector) maskSpan(file string, part span) {
	if s := d.sources[file]; s != nil {
		s.masked = append(s.masked, part)
	}
}

// sort puts the diagnostics into the order of the files, and takes out what is said twice.
func (d *collector) sort() {
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
func (d *collector) place(g Diagnostic) (file, byte int) {
	if g.Range == nil {
		return -1, 0
	}
	return d.order[g.Range.Filename], g.Range.Start.Byte
}
