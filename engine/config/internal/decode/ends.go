package decode

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// ends finds white space at the ends of a text, where nobody sees it: the line feed of a file or heredoc behind a password, which is then a wrong
// password for ever. Attributes whose texts may have it say so by the tag space:"kept".
func (s *setter) ends(v cty.Value, text string) bool {
	return s.endsOf(s.describe(v), text, "It counts as a part of the text. Write trimspace(…) around what reads it, as in trimspace(file(\"/run/secrets/password\")); a Secret of Kubernetes is made without it by echo -n.")
}

// templateEnds is ends for a template. It goes by its name, as what is rendered holds the values of a sample.
func (s *setter) templateEnds(text string) bool {
	return s.endsOf(s.ev.Attr, text, "It would be a part of each name that is made by it. Write the template on one line, in double quotes.")
}

// endsOf is ends for a text that is called what.
func (s *setter) endsOf(what, text, way string) bool {
	if s.ev.Field.SpaceKept {
		return true
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	where, at := "ends with", last
	if !unicode.IsSpace(last) {
		where, at = "begins with", first
	}
	if !unicode.IsSpace(at) {
		return true
	}
	problem := fmt.Sprintf("%s %s", where, spaceName(at))
	if strings.ContainsRune("\n\r\t\v\f", at) {
		return s.failAs(what, problem, way)
	}
	s.ev.World.Diags.Add(diagnostics.Diagnostic{Severity: diagnostics.SeverityWarning, Range: &s.at, Summary: what + " " + problem,
		Detail: "It counts as a part of the text. Take it out, unless it is meant.", Context: s.ev.File.Context(s.at.Start.Byte)})
	return true
}

func spaceName(r rune) string {
	switch r {
	case '\n':
		return "a line feed"
	case '\r':
		return "a carriage return"
	case '\t':
		return "a tab"
	case ' ':
		return "a blank"
	}
	return "white space"
}
