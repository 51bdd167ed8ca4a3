package redact

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// hit is where a secret stands in a text. How often the text was unwrapped to find it says how the secret is read.
type hit struct {
	jsonscan.Span
	unwraps int
}

// finder finds the hits of patterns in texts, as they stand and as they read once they are unwrapped. It is not safe for concurrent use.
type finder struct {
	patterns
	lookout *lookout
	views   [mostUnwraps][]byte // what was made of the last text
	spans   []jsonscan.Span
	hits    []hit // of the last text
}

func newFinder(ps patterns) finder { return finder{patterns: ps, lookout: newLookout(ps)} }

// mostKept is the size up to which what was made of one text is kept for the next one.
const mostKept = 64 << 10

// inRecord reports whether a string of the record body may have a hit. Where no string has escapes of JSON, what is in a string is in the body,
// and so it is of their views.
func (f *finder) inRecord(body []byte) bool {
	if len(f.patterns) == 0 {
		return false
	}
	for i := 0; ; i++ {
		if bytes.IndexByte(body, '\\') >= 0 { // in a view it could hide the end of a string
			return true
		}
		maybe, near := f.look(body)
		if maybe || i == mostUnwraps {
			return maybe
		}
		if !near && !f.lookout.hidesInPercents(body) {
			return false
		}
		if body = f.unwrap(i, body); body == nil {
			return false
		}
	}
}

// unwrap makes the view i of the text before it.
func (f *finder) unwrap(i int, text []byte) []byte {
	view := appendUnwrapped(f.views[i][:0], text)
	if view != nil {
		f.views[i] = view
		if cap(view) > mostKept {
			f.views[i] = nil
		}
	}
	return view
}

// find returns the hits of all patterns in text, in their order. Those that overlap are one. They hold until the next find.
func (f *finder) find(text []byte) []hit {
	f.hits = f.in(f.hits[:0], text, 0)
	return f.hits
}

// in appends the hits in text, which was unwrapped so many times, and in what it reads as.
func (f *finder) in(hits []hit, text []byte, unwraps int) []hit {
	n := len(hits)
	maybe, near := f.look(text)
	if unwraps < mostUnwraps && (near || f.lookout.hides(text)) {
		if view := f.unwrap(unwraps, text); view != nil {
			hits = f.in(hits, view, unwraps+1)
			rewrap(text, hits[n:])
		}
	}
	if !maybe {
		return hits
	}
	f.spans = f.spans[:0]
	for _, p := range f.patterns {
		if (p.near == nil || p.near(text)) && p.maybe(text) {
			f.spans = p.find(f.spans, text)
		}
	}
	for _, span := range f.spans {
		hits = append(hits, hit{span, unwraps})
	}
	return merge(hits)
}

// merge orders hits, and makes one of those that overlap. It is read as the longest of them, and of two that are equal as it stands.
func merge(hits []hit) []hit {
	if len(hits) < 2 {
		return hits
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To), cmp.Compare(a.unwraps, b.unwraps))
	})
	merged := hits[:1]
	for _, h := range hits[1:] {
		last := &merged[len(merged)-1]
		if h.From >= last.To {
			merged = append(merged, h)
			continue
		}
		if h.To > last.To {
			last.To, last.unwraps = h.To, max(last.unwraps, h.unwraps)
		}
	}
	return merged
}
