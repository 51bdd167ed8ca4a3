package syntax

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// In a text ${ begins a value and %{ a directive, also where somebody wrote a pattern of another tool, such as %{IP:x} or ${1,3}. The parser
// takes what follows for code, to the end of the file if it must, and says something of each line. So the two signs are made plain
// for it, and the rest of the text and of the file is read as it is meant.

// sequence is what begins with ${ or %{ in a text.
type sequence struct {
	open hclsyntax.Token
	in   hclsyntax.Token // what begins the text around it
	text []byte          // up to its } on the same line, or the line's end
	// plain says that the text around it ends where it would if the two signs were plain.
	plain bool
}

// inSequence finds the sequence that an error of the parser stands in.
func inSequence(src []byte, tokens hclsyntax.Tokens, d *hcl.Diagnostic) (s sequence, ok bool) {
	var open hclsyntax.Tokens
	for _, t := range tokens {
		begins := t.Type == hclsyntax.TokenTemplateInterp || t.Type == hclsyntax.TokenTemplateControl
		if t.Range.Start.Byte > d.Subject.Start.Byte || t.Range.Start.Byte == d.Subject.Start.Byte && !begins {
			break
		}
		switch t.Type {
		case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t)
		case hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			open = open[:max(0, len(open)-1)]
		}
	}
	n := len(open) - 1
	if n < 1 || open[n].Type != hclsyntax.TokenTemplateInterp && open[n].Type != hclsyntax.TokenTemplateControl {
		return s, false
	}
	s.open, s.in = open[n], open[n-1]
	s.measure(src)
	return s, true
}

// measure fills in the sequence's text, and whether it can be made plain.
func (s *sequence) measure(src []byte) {
	heredoc := s.in.Type == hclsyntax.TokenOHeredoc
	from := s.open.Range.Start.Byte
	rest := src[from:lineAround(src, from).To]
	s.text = rest
	if end := bytes.IndexByte(rest, '}'); end >= 0 {
		s.text = rest[:end+1]
	}
	quote := bytes.IndexByte(rest, '"')
	ends := quote >= 0 && textEnd.Match(rest[quote+1:])
	s.plain = heredoc || ends || quote >= len(s.text)
	if ends && !heredoc {
		s.text = s.text[:min(quote, len(s.text))]
	}
}

// textEnd is what may stand behind the quote that ends a text.
var textEnd = regexp.MustCompile(`^[ \t]*([],)}#]|\r?$)`)

// say gives the words for an error in the sequence, and where it is; nothing where the error is an ordinary one of a value.
func (s sequence) say(e *parseError) {
	at := *diagnostics.RangeOf(s.open.Range)
	meant := fmt.Sprintf("Write %[1]c%[1]c{ for a %[1]c{ that is meant as it stands, as in %[1]c%[2]s.", s.open.Bytes[0], diagnostics.Shorten(string(s.text)))
	switch {
	case unbalancedError.MatchString(e.Summary) && bytes.Contains(s.text, []byte("end")):
		e.at, e.words = at, words{"this %{ ends a directive, and none begins before it", "Take it out. " + meant}
	case unbalancedError.MatchString(e.Summary):
		e.at, e.words = at, words{"the directive that this %{ begins has no end", "Write %{ endif } or %{ endfor } where it ends. " + meant}
	case s.open.Type == hclsyntax.TokenTemplateControl:
		e.at, e.words = at, words{"a %{ begins a directive, such as %{ if … }, and behind this one there is none", meant}
	case shellDefault.Match(s.text):
		m := shellDefault.FindSubmatch(s.text)
		e.at, e.words = at, words{fmt.Sprintf("%s is no value", s.text), fmt.Sprintf("Did you mean ${env(%q, %q)}? ", m[1], m[2]) + meant}
	case e.Summary == "Extra characters after interpolation expression":
		e.at, e.words = at, words{"what stands behind this ${ is no value", meant}
	}
}

var shellDefault = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*):?-([^}"]*)\}$`)

// unbalanced finds the directive that the parser found no end for. It reports that at the end of the text, and of an end without a beginning at the end.
func unbalanced(src []byte, tokens hclsyntax.Tokens, d *hcl.Diagnostic) (s sequence, ok bool) {
	if !unbalancedError.MatchString(d.Summary) {
		return s, false
	}
	for _, t := range tokens {
		if t.Range.Start.Byte > d.Subject.Start.Byte {
			break
		}
		switch t.Type {
		case hclsyntax.TokenTemplateControl:
			s.open, ok = t, true
		case hclsyntax.TokenOHeredoc, hclsyntax.TokenOQuote:
			s.in = t
		}
	}
	if ok {
		s.measure(src)
	}
	return s, ok
}

var unbalancedError = regexp.MustCompile(`^(Unexpected end of template|Unexpected \w+ directive)$`)

// patched has plain signs where the sequence begins.
func patched(src []byte, at int) []byte {
	out := bytes.Clone(src)
	out[at], out[at+1] = placeholder, placeholder
	return out
}

// heredoc knows the beginning of one.
var heredoc = regexp.MustCompile(`^<<-?([A-Za-z_][A-Za-z0-9_]*)`)

// openHeredoc finds the heredoc that has no end, for an error at the end of the file. The lines are those that were most likely meant to be its text.
func openHeredoc(src []byte, tokens hclsyntax.Tokens, d *hcl.Diagnostic) (w words, at diagnostics.Range, lines diagnostics.Span, ok bool) {
	var open *hclsyntax.Token
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOHeredoc:
			open = &tokens[i]
		case hclsyntax.TokenCHeredoc:
			open = nil
		}
	}
	if open == nil || d.Summary != "Unterminated template string" {
		return w, at, lines, false
	}
	begins := heredoc.FindSubmatch(open.Bytes)
	if begins == nil {
		return w, at, lines, false
	}
	r := open.Range
	r.End = r.Start
	r.End.Byte, r.End.Column = r.End.Byte+len(begins[0]), r.End.Column+len(begins[0])
	lines = diagnostics.Span{From: lineAround(src, r.Start.Byte).From, To: endOfHeredoc(src, r.Start.Byte, begins[1])}
	if name, _, _ := bytes.Cut(src[lines.From:r.Start.Byte], []byte("=")); SoundsSecret(string(bytes.TrimSpace(name))) {
		lines.To = len(src) // nothing of it may be taken for something else, and shown
	}
	return words{"this heredoc is not closed", fmt.Sprintf("Write %[1]s alone on a line where it ends, with nothing before or behind it; before it there may be blanks if it begins with <<-%[1]s.", begins[1])},
		*diagnostics.RangeOf(r), lines, true
}

// endOfHeredoc is the end of the line that begins with the marker, or else of the last line before one that begins with a closing brace, or else of all.
func endOfHeredoc(src []byte, from int, marker []byte) int {
	brace := len(src)
	for at := lineAround(src, from).To; at < len(src); {
		line := lineAround(src, at+1)
		text := bytes.TrimSpace(src[line.From:line.To])
		if bytes.HasPrefix(text, marker) {
			return line.To
		}
		if brace == len(src) && bytes.HasPrefix(text, []byte("}")) {
			brace = at
		}
		if line.To <= at {
			break
		}
		at = line.To
	}
	return brace
}
