package decode

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// setCondition compiles a condition. A mistake in it is shown at its own place, where the file has the condition as it stands.
func (s *setter) setCondition(v cty.Value, dst reflect.Value) bool {
	if v.Type() != cty.String {
		return s.wrongType(v)
	}
	source := v.AsString()
	if strings.TrimSpace(source) == "" {
		return s.fail(v, "is no condition", fmt.Sprintf("%s takes %s. Leave it out where there is nothing to ask.", s.ev.Attr, s.ev.Field.TypeWord()))
	}
	made, err := condition.Compile(source)
	if err == nil {
		dst.Set(reflect.ValueOf(made))
		if s.ev.Field.AsksChecked {
			if _, constant := condition.Constant(made); constant {
				return true
			}
		}
		for _, doubt := range condition.Doubts(source) {
			s.say(source, doubt, diagnostics.SeverityWarning)
		}
		return true
	}
	var mistake *condition.Error
	if !errors.As(err, &mistake) {
		return s.fail(v, "is no condition: "+err.Error(), "")
	}
	s.say(source, mistake, diagnostics.SeverityError)
	return false
}

// say shows what is wrong with a condition, or may be, at its own place where the file has the condition as it stands.
func (s *setter) say(source string, mistake *condition.Error, severity diagnostics.Severity) {
	g := diagnostics.Diagnostic{Severity: severity, Range: &s.at, Summary: mistake.Summary, Detail: mistake.Detail, Context: s.ev.File.Context(s.at.Start.Byte)}
	if near := diagnostics.Suggest(mistake.Given, mistake.Known); near != "" {
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	}
	if at, ok := s.within(source, mistake.Start, mistake.End); ok {
		g.Range = &at
	} else {
		g.Values = s.ev.Values()
		if text := source[mistake.Start:mistake.End]; text != "" && text != source && len(g.Values) == 0 {
			g.Summary += fmt.Sprintf(" (at %q)", diagnostics.Shorten(text))
		}
	}
	s.ev.World.Diags.Add(g)
}

// within finds a part of a text in the file. It is false where the text does not stand there, but is made by a function or of parts.
func (s *setter) within(text string, start, end int) (diagnostics.Range, bool) {
	literals, ok := literalParts(s.expr)
	if !ok {
		return diagnostics.Range{}, false
	}
	quotes := s.ev.File.Src[s.at.Start.Byte] == '"'
	var places []int // in the file, of each byte of the text; and of what is behind it
	at := 0
	for _, part := range literals {
		value := part.Val.AsString()
		at = part.SrcRange.Start.Byte
		for first := true; value != ""; first = false {
			raw := s.ev.File.Src[at:part.SrcRange.End.Byte]
			if !quotes && (first || len(places) > 0 && s.ev.File.Src[at-1] == '\n') {
				at += indent(string(raw), value)
				raw = s.ev.File.Src[at:part.SrcRange.End.Byte]
			}
			step, size := escaped(raw, value, quotes)
			if step == 0 {
				return diagnostics.Range{}, false
			}
			for range size {
				places = append(places, at)
			}
			at, value = at+step, value[size:]
		}
	}
	places = append(places, at)
	if len(places) <= len(text) {
		return diagnostics.Range{}, false
	}
	return diagnostics.Range{Filename: s.at.Filename, Start: s.placeOf(places[start]), End: s.placeOf(places[end])}, true
}

// indent is how many blanks a heredoc that begins with <<- has lost at the beginning of a line.
func indent(raw, value string) int {
	line, _, _ := strings.Cut(raw, "\n")
	kept, _, _ := strings.Cut(value, "\n")
	lost := len(line) - len(kept) - strings.Count(line, "$${") - strings.Count(line, "%%{")
	if lost < 0 || strings.TrimLeft(line[:lost], " \t") != "" {
		return 0
	}
	return lost
}

// literalParts are the pieces that a text in quotes or a heredoc consists of.
func literalParts(e hclsyntax.Expression) (parts []*hclsyntax.LiteralValueExpr, ok bool) {
	t, is := e.(*hclsyntax.TemplateExpr)
	if !is {
		return nil, false
	}
	for _, p := range t.Parts {
		literal, is := p.(*hclsyntax.LiteralValueExpr)
		if !is || literal.Val.Type() != cty.String {
			return nil, false
		}
		parts = append(parts, literal)
	}
	return parts, len(parts) > 0
}

// escaped returns how many bytes of the file make the first character of a value, and how many it has itself; 0 when they do not go together.
func escaped(raw []byte, value string, quotes bool) (step, size int) {
	_, size = utf8.DecodeRuneInString(value)
	switch {
	case bytes.HasPrefix(raw, []byte("$${")) || bytes.HasPrefix(raw, []byte("%%{")):
		return 2, size
	case quotes && len(raw) > 1 && raw[0] == '\\':
		switch raw[1] {
		case 'u':
			return len(`\u0000`), size
		case 'U':
			return len(`\U00000000`), size
		}
		return 2, size
	case strings.HasPrefix(string(raw), value[:size]):
		return size, size
	}
	return 0, 0
}

// placeOf is the line and column of a byte at or behind the beginning of the expression.
func (s *setter) placeOf(at int) diagnostics.Pos {
	start := s.at.Start
	if at <= start.Byte {
		return start
	}
	whole := func(data []byte, _ bool) (int, []byte, error) { return len(data), data, nil }
	scan := hcl.NewRangeScannerFragment(s.ev.File.Src[start.Byte:at], s.at.Filename, hcl.Pos{Line: start.Line, Column: start.Column}, whole)
	scan.Scan()
	end := scan.Range().End
	return diagnostics.Pos{Line: end.Line, Column: end.Column, Byte: at}
}
