package syntax

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// parse makes blocks of a file's text. What can be read is kept also when the file has syntax errors, so that the mistakes in it
// are found in the same run.
//
// After its first error the parser says little more and understands less: behind a text that is not closed it takes text for code and
// code for text. So the lines of an error are blanked, which leaves all positions as they are, and the rest is parsed again.
func (l *Reader) parse(f *File) {
	src := f.Src
	said := l.Diags.Size()
	defer func() {
		if f.Body != nil {
			l.hideSecrets(f.Body)
		} else {
			l.hideLines(f, diagnostics.Span{From: 0, To: len(f.Src)})
		}
		l.Diags.InContext(said, f.Context) // only now are the blocks known
	}()
	for range rounds(len(src)) {
		tokens, _ := hclsyntax.LexConfig(src, f.Name, hcl.InitialPos) // its mistakes come again from the parser
		if g, ok := screen(tokens); ok {
			l.Diags.Add(g)
			f.Body = nil
			return
		}
		parsed, diags := hclsyntax.ParseConfig(src, f.Name, hcl.InitialPos)
		if parsed != nil {
			f.Body, _ = parsed.Body.(*hclsyntax.Body)
		}
		e := f.firstError(src, tokens, diags)
		if e == nil {
			l.lateErrors(f, tokens, diags)
			return
		}
		l.syntaxError(f, e)
		if e.plain >= 0 {
			src = patched(src, e.plain)
			continue
		}
		var ok bool
		if src, ok = blank(src, e.lines); !ok {
			f.doubtful = min(f.doubtful, e.lines.From)
			return
		}
	}
}

// rounds is how often a file of a size is parsed. A large file with many errors is none that somebody wrote.
func rounds(size int) int { return max(2, min(50, (1<<20)/(size+1))) }

// syntaxError is an error of the parser.
type parseError struct {
	*hcl.Diagnostic
	at    diagnostics.Range // what to point at
	words words             // what to say, if that is known better
	lines diagnostics.Span  // that cannot be parsed
	plain int               // where a ${ or %{ begins that is to be plain text in place of that; -1 is nowhere
}

// The errors that hinder the parser nowhere else.
const (
	attributeRedefined = "Attribute redefined"
	unclosedBlock      = "Unclosed configuration block"
)

func isLate(d *hcl.Diagnostic) bool {
	return d.Summary == attributeRedefined || d.Summary == unclosedBlock
}

func (f *File) firstError(src []byte, tokens hclsyntax.Tokens, diags hcl.Diagnostics) *parseError {
	var first *hcl.Diagnostic
	for _, d := range diags {
		if !isLate(d) && (first == nil || d.Subject.Start.Byte < first.Subject.Start.Byte) {
			first = d
		}
	}
	if first == nil {
		return nil
	}
	e := &parseError{Diagnostic: first, at: *diagnostics.RangeOf(*first.Subject), plain: -1}
	e.lines = lineAround(src, e.at.Start.Byte)
	if f.inText(src, tokens, e) {
		return e
	}
	if rest := bytes.TrimLeft(src[e.lines.To:], " \t\r\n"); bytes.HasPrefix(rest, []byte("{")) {
		e.lines.To = lineAround(src, len(src)-len(rest)).To // a brace that should not stand on a line of its own
	}
	if m := heredoc.FindSubmatch(src[e.at.Start.Byte:e.lines.To]); m != nil {
		e.lines.To = endOfHeredoc(src, e.at.Start.Byte, m[1]) // its text begins on the same line
	}
	if bytes.HasPrefix(src[e.at.Start.Byte:], []byte("/*")) {
		e.lines.To = len(src) // a comment that is not closed holds all that follows
	}
	if open, ok := leftOpen(src, tokens, first); ok {
		e.words = notClosed[open.Type]
		e.at = *diagnostics.RangeOf(open.Range)
		e.lines = diagnostics.Span{From: lineAround(src, open.Range.Start.Byte).From, To: max(0, e.lines.From-1)}
	}
	return e
}

// inText looks whether an error is one of a text: of what ${ or %{ begins in it, or of a heredoc without an end.
func (f *File) inText(src []byte, tokens hclsyntax.Tokens, e *parseError) bool {
	s, found := unbalanced(src, tokens, e.Diagnostic)
	if !found {
		s, found = inSequence(src, tokens, e.Diagnostic)
	}
	if found {
		s.say(e)
		if s.plain {
			e.plain = s.open.Range.Start.Byte
			e.lines.From = lineAround(src, s.in.Range.Start.Byte).From // where the name is, which may be that of a secret
		}
		return s.plain
	}
	w, at, lines, found := openHeredoc(src, tokens, e.Diagnostic)
	if found {
		e.words, e.at, e.lines = w, at, lines
	}
	return found
}

// notClosed says which bracket lacks its other half.
var notClosed = map[hclsyntax.TokenType]words{
	hclsyntax.TokenOBrack: {"this list is not closed", "Add a ] where it ends."},
	hclsyntax.TokenOParen: {"this bracket is not closed", "Add a ) where it ends."},
}

// leftOpen finds the bracket of an earlier line that an error stands in, if the line of the error looks like one that does not belong into
// brackets: an attribute, or the end of a block.
func leftOpen(src []byte, tokens hclsyntax.Tokens, d *hcl.Diagnostic) (open hclsyntax.Token, ok bool) {
	line := lineAround(src, d.Subject.Start.Byte)
	text := bytes.TrimSpace(src[line.From:line.To])
	name, _, attribute := bytes.Cut(text, []byte("="))
	if !bytes.HasPrefix(text, []byte("}")) && !(attribute && hclsyntax.ValidIdentifier(string(bytes.TrimSpace(name)))) {
		return open, false
	}
	var stack hclsyntax.Tokens
	for _, t := range tokens {
		if t.Range.Start.Byte >= line.From {
			break
		}
		switch t.Type {
		case hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOBrace:
			stack = append(stack, t)
		case hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCBrace:
			stack = stack[:max(0, len(stack)-1)]
		}
	}
	if len(stack) == 0 || stack[len(stack)-1].Type == hclsyntax.TokenOBrace {
		return open, false
	}
	return stack[len(stack)-1], true
}

// lineAround is the line around a place, without its end.
func lineAround(src []byte, at int) diagnostics.Span {
	line := diagnostics.Span{From: bytes.LastIndexByte(src[:at], '\n') + 1, To: len(src)}
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		line.To = at + i
	}
	return line
}

// placeholder is the name of a block whose header could not be read.
const placeholder = '_'

// blank puts spaces in the place of lines, and a block's header in the place of lines that open one. It is false for lines
// without which the blocks around would be torn.
func blank(src []byte, lines diagnostics.Span) ([]byte, bool) {
	text := bytes.TrimRight(src[lines.From:lines.To], " \t\r")
	brace := lines.From + len(text) - 1
	opened := balance(text)
	if opened != 0 && (opened != 1 || src[brace] != '{' || brace == 0 || src[brace-1] == '\n') {
		return src, false
	}
	out := bytes.Clone(src)
	for i := lines.From; i < lines.To; i++ {
		if out[i] != '\n' && out[i] != '\r' {
			out[i] = ' '
		}
	}
	if opened == 1 {
		out[brace-1], out[brace] = placeholder, '{'
	}
	return out, true
}

// balance is how many more blocks lines open than they close. Braces of templates do not count.
func balance(lines []byte) int {
	templates := bytes.Count(lines, []byte("${")) + bytes.Count(lines, []byte("%{"))
	opened := bytes.Count(lines, []byte("{")) - templates
	return opened - max(0, bytes.Count(lines, []byte("}"))-templates)
}

func (l *Reader) syntaxError(f *File, e *parseError) {
	f.Broken = append(f.Broken, e.at)
	g := f.sayError(e)
	hidden := l.hideLines(f, e.lines) + l.hideLines(f, diagnostics.Span{From: e.at.Start.Byte, To: e.at.End.Byte})
	if repeats(g.Summary+g.Detail, hidden) {
		g.Summary, g.Detail = notShown.cause, notShown.way
	}
	l.Diags.Add(g)
}

// lateErrors reports what can be told only when all else can be read.
func (l *Reader) lateErrors(f *File, tokens hclsyntax.Tokens, diags hcl.Diagnostics) {
	for _, d := range diags {
		e := &parseError{Diagnostic: d, at: *diagnostics.RangeOf(*d.Subject), plain: -1}
		switch d.Summary {
		case attributeRedefined:
			l.hideLines(f, lineAround(f.Src, e.at.Start.Byte)) // the parser keeps the first one only
			l.Diags.Add(f.redefined(e.at))
			continue
		case unclosedBlock:
			if len(f.Broken) > 0 && f.doubtful <= len(f.Src) {
				continue
			}
			e.at = *diagnostics.RangeOf(findUnclosed(tokens, *d.Subject))
			f.doubtful = e.at.Start.Byte
		}
		l.syntaxError(f, e)
	}
}

// findUnclosed finds the block that lacks its closing brace. To the parser it is always the outermost; but people indent, and the
// closing brace that stands further left than the block it would close belongs to a block around it.
func findUnclosed(tokens hclsyntax.Tokens, otherwise hcl.Range) hcl.Range {
	type brace struct{ head, open hcl.Range }
	var open []brace
	var head hcl.Range // the first token of its line
	for _, t := range tokens {
		if t.Range.Start.Line != head.Start.Line {
			head = t.Range
		}
		switch last := len(open) - 1; {
		case t.Type == hclsyntax.TokenOBrace:
			open = append(open, brace{head, t.Range})
		case t.Type != hclsyntax.TokenCBrace:
		case last < 0:
			return otherwise
		case head == t.Range && head.Start.Column < open[last].head.Start.Column:
			return hcl.RangeBetween(open[last].head, open[last].open)
		default:
			open = open[:last]
		}
	}
	if len(open) == 0 {
		return otherwise
	}
	last := open[len(open)-1]
	return hcl.RangeBetween(last.head, last.open)
}
