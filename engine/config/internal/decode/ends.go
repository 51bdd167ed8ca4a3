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
	const way = "It counts as a part of the text. Write trimspace(…) around what reads it, as in trimspace(file(\"/run/secrets/password\")); a Secret of Kubernetes is made without it by echo -n."
	problem := fmt.Sprintf("%s %s", where, spaceName(at))
	if strings.ContainsRune("\n\r\t\v\f", at) {
		return s.fail(v, problem, way)
	}
	s.ev.World.Diags.Add(diagnostics.Diagnostic{Severity: diagnostics.SeverityWarning, Range: &s.at, Summary: s.describe(v) + " " + problem,
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
