package redact

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine/jsonscan"
)

// pattern finds one kind of secrets.
type pattern struct {
	// near reports whether there may be a hit in the text, if something else stood beside it. It is quick, for almost no text has one. nil: maybe is.
	near func(text []byte) bool
	// maybe reports whether there may be a hit in the text that near is true of.
	maybe func(text []byte) bool
	// find appends the hits in text, in their order.
	find func(hits []jsonscan.Span, text []byte) []jsonscan.Span
	// hides says where there may be a hit in what a text reads as, although maybe has found none in the text.
	hides hiding
}

type patterns []pattern

// look reports whether there may be a hit of any of them in text, and otherwise whether there may be one in what the text reads as, even where
// lookout finds no escape that makes one.
func (ps patterns) look(text []byte) (maybe, near bool) {
	for i := range ps {
		p := &ps[i]
		if p.near != nil && !p.near(text) {
			continue
		}
		if p.maybe(text) {
			return true, true
		}
		near = near || p.near != nil
	}
	return false, near
}

// compile makes the patterns of a configuration.
func (c Config) compile() (all patterns, err error) {
	for _, name := range c.Preset {
		all = append(all, presets[name]...)
	}
	for _, expr := range c.Patterns {
		p, err := expression(heredoc(expr))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// expression is the pattern of a regular expression.
func expression(expr string) (pattern, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return pattern{}, err
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return pattern{}, err
	}
	n := required(tree)
	p := pattern{maybe: n.in, hides: n.hides()}
	p.find = func(hits []jsonscan.Span, text []byte) []jsonscan.Span {
		for _, match := range re.FindAllSubmatchIndex(text, -1) {
			hits = appendMatch(hits, match)
		}
		return hits
	}
	return p, nil
}

// appendMatch appends what is to be hidden of one match: its groups, or all of it where it has none.
func appendMatch(hits []jsonscan.Span, match []int) []jsonscan.Span {
	n := len(hits)
	for i := 2; i < len(match); i += 2 {
		if match[i] < match[i+1] {
			hits = append(hits, jsonscan.Span{From: match[i], To: match[i+1]})
		}
	}
	if len(hits) == n && match[0] < match[1] {
		hits = append(hits, jsonscan.Span{From: match[0], To: match[1]})
	}
	return hits
}

// needle is a text that a match has in it. The zero needle is in every text.
type needle struct {
	text []byte
	fold bool // text is in lower case, and the match in any
	rare int  // fold: the index in text of the letter that is to be looked for first
}

func (n needle) in(text []byte) bool {
	if !n.fold {
		return bytes.Contains(text, n.text)
	}
	c := n.text[n.rare]
	return n.round(c, text) || upper(c) != c && n.round(upper(c), text)
}

// round looks for the needle round each c in text.
func (n needle) round(c byte, text []byte) bool {
	for i := n.rare; i < len(text); i++ {
		at := bytes.IndexByte(text[i:], c)
		if at < 0 {
			return false
		}
		if i += at; equalFold(text[i-n.rare:], n.text) {
			return true
		}
	}
	return false
}

// equalFold reports whether text begins with want, which is in lower case.
func equalFold(text, want []byte) bool {
	if len(text) < len(want) {
		return false
	}
	for i, c := range want {
		if lower(text[i]) != c {
			return false
		}
	}
	return true
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// required returns the longest text that is known to be in every match of an expression.
func required(re *syntax.Regexp) needle {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return exact(re.Rune)
		}
		return folded(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best needle
		for _, sub := range re.Sub {
			if n := required(sub); len(n.text) > len(best.text) {
				best = n
			}
		}
		return best
	}
	return needle{}
}

// exact returns a literal itself. U+FFFD also matches bytes that are not UTF-8, so that it need not be in the text.
func exact(literal []rune) needle {
	if slices.Contains(literal, utf8.RuneError) {
		return needle{}
	}
	return needle{text: []byte(string(literal))}
}

// folded returns the longest part of a literal of any case whose letters have two cases and no third: k is also the Kelvin sign, and s the
// long s.
func folded(literal []rune) needle {
	var best, run []byte
	for _, r := range literal {
		if r >= 0x80 || lower(byte(r)) == 'k' || lower(byte(r)) == 's' {
			run = nil
			continue
		}
		if run = append(run, lower(byte(r))); len(run) > len(best) {
			best = run
		}
	}
	if best == nil {
		return needle{}
	}
	rare := 0
	for i := range best {
		if commonness(best[i]) < commonness(best[rare]) {
			rare = i
		}
	}
	return needle{text: best, fold: true, rare: rare}
}

// commonness orders letters by how often they are in English text.
func commonness(c byte) int { return strings.IndexByte("zqxjkvbpygfwmucldrhsnioate ", c) }
