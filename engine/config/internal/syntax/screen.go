package syntax

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

// The parser of HCL calls itself for each bracket and each sign, without a limit: some hundred kilobytes of "[" end the process with a
// stack overflow, which no recover catches. Numbers such as 1e999999999 parse, and take gigabytes when they are made into text.
const (
	maxDepth     = 64     // brackets in brackets
	maxStatement = 10_000 // tokens between two line ends of a block
	MaxNumber    = 40     // digits
)

// screen looks through the tokens of a file for what the parser would break at, and reports the first.
func screen(tokens hclsyntax.Tokens) (diagnostics.Diagnostic, bool) {
	var open []hclsyntax.TokenType
	statement := 0
	for _, t := range tokens {
		statement++
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t.Type)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc,
			hclsyntax.TokenTemplateSeqEnd:
			open = open[:max(0, len(open)-1)]
		case hclsyntax.TokenNewline:
			if len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace {
				statement = 0
			}
		case hclsyntax.TokenNumberLit:
			if len(t.Bytes) > MaxNumber || Exponent(t.Bytes) > 2 {
				return tooMuch(t, "this number is too long", "Write it with at most %d digits, and at most two in the exponent.", MaxNumber), true
			}
		}
		switch {
		case len(open) > maxDepth:
			return tooMuch(t, "brackets are nested too deeply here", "At most %d levels can be read. Check the closing brackets above.", maxDepth), true
		case statement > maxStatement:
			return tooMuch(t, "the value before this place is too long", "At most %d words and signs can be read. Check the closing brackets and quotes above.", maxStatement), true
		}
	}
	return diagnostics.Diagnostic{}, false
}

func tooMuch(t hclsyntax.Token, summary, detail string, limit int) diagnostics.Diagnostic {
	return diagnostics.Diagnostic{Summary: summary, Detail: fmt.Sprintf(detail, limit), Range: diagnostics.RangeOf(t.Range)}
}

// Exponent is the number of digits of a number's exponent.
func Exponent(number []byte) int {
	for i, c := range number {
		if c == 'e' || c == 'E' {
			n := 0
			for _, c := range number[i+1:] {
				if c >= '0' && c <= '9' {
					n++
				}
			}
			return n
		}
	}
	return 0
}
