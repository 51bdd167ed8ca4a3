package syntax

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// words are a cause and a way out. An empty cause leaves the parser's.
type words struct{ cause, way string }

const aValue = `A value is a text in double quotes, a number, true, false, a list in [ ] or a function such as env("NAME").`
const ownLines = "Write the opening brace, each attribute and the closing brace on lines of their own."

var unclosedTemplate = words{"a ${ in this text is not closed", "Close it with } before the text goes on or ends. A ${ that is meant as it stands is written $${."}

// inOurWords is what to say for errors of the parser that are hard to follow or name no way out, by their summary.
var inOurWords = map[string]words{
	"Argument or block definition required":      {"an attribute or a block must begin here", `Write an attribute as NAME = VALUE, or a block as NAME "LABEL" { … }.`},
	"Argument definition required":               {"", ownLines},
	"Invalid expression":                         {"this is no value", aValue},
	"Missing expression":                         {"a value is missing", aValue},
	"Missing newline after argument":             {"there is more on the line after this attribute", "Write each attribute on a line of its own, and quotes around text."},
	"Missing newline after block definition":     {"there is more on the line after this block", "Begin a new line after the closing brace."},
	"Unexpected comma after argument":            {"there is a comma after this attribute", "Take it out, and write each attribute on a line of its own."},
	unclosedBlock:                                {"this block is not closed", "Add a closing brace } where it ends."},
	"Invalid argument name":                      {"", "Take the quotes off the name."},
	"Invalid block definition":                   {"this is no complete header of a block", `Write a block as NAME "LABEL" {, with the opening brace on the same line and without an equals sign.`},
	"Invalid single-argument block definition":   {"a block on one line can have one attribute only", ownLines},
	"Missing argument separator":                 {"a comma is missing between the arguments of this function, or its closing )", "Put a comma between the arguments, and ) at the end."},
	"Missing item separator":                     {"a comma is missing between the items of this list, or its closing ]", "Put a comma between the items, and ] at the end."},
	"Missing attribute separator":                {"a comma is missing between the items of this map, or its closing }", "Put each item on a line of its own or a comma between them, and } at the end."},
	"Unclosed template interpolation sequence":   unclosedTemplate,
	"Unterminated template string":               {"this text is not closed", `Add a double quote " where it ends.`},
	"Invalid multi-line string":                  {"this text is not closed on its line", `Add a double quote " where it ends; a line feed in a text is written \n.`},
	"Unterminated function call":                 {"this function call is not closed", "Add a ) where it ends."},
	"Unterminated tuple constructor expression":  {"this list is not closed", "Add a ] where it ends."},
	"Unterminated object constructor expression": {"this map is not closed", "Add a } where it ends."},
	"Unbalanced parentheses":                     {"these parentheses are not closed", "Add a ) where they end."},
}

// sayError says an error of the parser in the manner of this package. The parser's details have the cause in their first sentence,
// and what to do, if it knows, in the others.
func (f *File) sayError(e *parseError) diagnostics.Diagnostic {
	cause, way, _ := strings.Cut(ourWords(e.Detail), ". ")
	closer := f.lookCloser(e.Summary, e.at)
	for _, w := range []words{e.words, closer, inOurWords[e.Summary]} {
		if w != (words{}) {
			way = w.way
			if w.cause != "" {
				cause = w.cause
			}
			break
		}
	}
	if way == "" {
		way = "Take it out, or write what was meant."
	}
	return diagnostics.OfSyntax(diagnostics.Diagnostic{Range: &e.at, Summary: LowerFirst(strings.TrimSuffix(cause, ".")), Detail: way})
}

// lookCloser finds slips that the parser takes for something else.
func (f *File) lookCloser(summary string, at diagnostics.Range) words {
	from, to := at.Start.Byte, at.End.Byte
	before := f.Src[lineAround(f.Src, from).From:from]
	after := bytes.TrimSpace(f.Src[to:lineAround(f.Src, to).To])
	word := diagnostics.Shorten(string(f.Src[from:to]))
	if w := f.slip(summary, before, f.Src[from:to], at); w != (words{}) {
		return w
	}
	switch summary {
	case "Argument or block definition required":
		switch {
		case !hclsyntax.ValidIdentifier(word):
		case bytes.HasPrefix(after, []byte(":")):
			return words{word + " is set with a colon", fmt.Sprintf("Attributes are set with an equals sign: %s = ….", word)}
		case len(after) == 0:
			return words{word + " has no value", fmt.Sprintf("Write %s = …, or %s { … } if it is a block.", word, word)}
		}
	case "Invalid multi-line string":
		if bytes.Count(before, []byte("${")) > bytes.Count(before, []byte("}")) {
			return unclosedTemplate
		}
	case "Invalid escape sequence":
		if len(word) > 1 {
			return words{word + " is no escape", `A backslash is written \\. Others are \n, \r, \t, \", \uNNNN and \UNNNNNNNN.`}
		}
	case "Missing newline after argument":
		if word == "{" {
			return words{"this block is written like an attribute", `Write a block as NAME "LABEL" {, without an equals sign.`}
		}
	case "Invalid expression":
		if from == to || strings.ContainsRune("\r\n}", rune(f.Src[from])) {
			return words{"a value is missing", aValue}
		}
	}
	return words{}
}

func (f *File) redefined(at diagnostics.Range) diagnostics.Diagnostic {
	name := string(f.Src[at.Start.Byte:at.End.Byte])
	g := diagnostics.OfSyntax(diagnostics.Diagnostic{Range: &at, Summary: fmt.Sprintf("%s is set twice in this block", name), Detail: "Take one of the two out."})
	body := f.Body
	for _, b := range f.enclosing(at.Start.Byte) {
		body = b.Body
	}
	if body != nil && body.Attributes[name] != nil {
		g.Related = append(g.Related, diagnostics.Related{Text: "the first one is on", Range: *diagnostics.RangeOf(body.Attributes[name].NameRange)})
	}
	return g
}

// ourWords puts the words of this project for those of the parser.
func ourWords(s string) string {
	return strings.NewReplacer(
		"function argument", "function argument", // keeps its word
		"argument definition", "attribute", "Argument definition", "Attribute",
		"argument or block definition", "attribute or block", "Argument names", "Attribute names",
		"An argument", "An attribute", "argument", "attribute", "Argument", "Attribute",
		"configuration body", "file",
	).Replace(s)
}

// LowerFirst begins a sentence in lower case, but for an acronym.
func LowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if second, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(second) {
		return s // an acronym
	}
	return string(unicode.ToLower(r)) + s[n:]
}
