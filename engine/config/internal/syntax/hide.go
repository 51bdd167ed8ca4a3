package syntax

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// What is said about a file ends in logs, tickets and chats, and a mistake may well stand on the line of a password. Secrets are therefore
// hidden by what they stand behind, before anybody knows whether the attribute is one or the line can be read at all.

// secretWords are the names of attributes that hold secrets, as the plugins say.
type secretWords struct {
	secret, open []string
}

// NewSecretWords are those of plugins, and of other structs with the same tags.
func NewSecretWords(plugins []engine.Plugin, others ...reflect.Type) secretWords {
	var w secretWords
	for _, p := range plugins {
		w.Add(reflect.TypeOf(p.NewConfig()).Elem())
	}
	for _, t := range others {
		w.Add(t)
	}
	return w
}

// Add takes in the attributes of a struct.
func (w *secretWords) Add(t reflect.Type) {
	fields, _ := schema.Of(t) // an error would have been found by CheckPlugins
	for _, f := range fields {
		switch f.Kind {
		case schema.KindBlock, schema.KindBlocks:
			w.Add(schema.StructType(t.FieldByIndex(f.Index).Type))
		case schema.KindSecret, schema.KindSecrets:
			w.secret = append(w.secret, f.Name)
		default:
			w.open = append(w.open, f.Name)
		}
	}
}

// hides reports whether what stands behind the name is not to be shown: it is the name of a secret, or like one, and no other name of any plugin.
func (w *secretWords) hides(name string) bool {
	switch {
	case slices.Contains(w.secret, name):
		return true
	case slices.Contains(w.open, name):
		return false
	}
	return SoundsSecret(name) || diagnostics.Suggest(name, w.secret) != ""
}

var secretSound = regexp.MustCompile(`(?i)pass|pwd|secret|token|key|credential|^urls?$`)

// SoundsSecret reports whether a name that nobody knows may be that of a secret.
func SoundsSecret(name string) bool { return secretSound.MatchString(name) }

// hideSecrets hides the values of all attributes that hold a secret, also in blocks that are not decoded.
func (l *Reader) hideSecrets(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		if l.Words.hides(a.Name) {
			l.HideValue(a.Expr)
		}
	}
	for _, b := range body.Blocks {
		if l.Words.hides(b.Type) { // an equals sign is missing, or its attributes are secrets
			for _, r := range b.LabelRanges {
				l.Diags.Mask(*diagnostics.RangeOf(r))
			}
			for _, a := range b.Body.Attributes {
				l.HideValue(a.Expr)
			}
		}
		l.hideSecrets(b.Body)
	}
}

// HideValue hides the text and the words of an expression. What env and file are given is the name of something.
func (l *Reader) HideValue(e hclsyntax.Expression) {
	var public []hcl.Range
	hide := func(r hcl.Range) {
		if !slices.ContainsFunc(public, func(p hcl.Range) bool { return p.Overlaps(r) }) {
			l.Diags.Mask(*diagnostics.RangeOf(r))
		}
	}
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if (n.Name == "env" || n.Name == "file") && len(n.Args) > 0 {
				public = append(public, n.Args[0].Range())
			} else if !l.Called(n.Name) && n.Name != "env" && n.Name != "file" {
				hide(n.NameRange)
			}
		case *hclsyntax.LiteralValueExpr:
			hide(n.SrcRange)
		case *hclsyntax.ScopeTraversalExpr:
			if root := n.Traversal.RootName(); root != "env" && root != "batch" && root != "pipeline" {
				hide(n.SrcRange)
			}
		}
		return nil
	})
}

var Word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_-]*`)

// hideLines hides what stands behind the name of a secret in lines that cannot be read, to the end of each or of the heredoc that begins there, and returns it.
func (l *Reader) hideLines(f *File, lines diagnostics.Span) (hidden string) {
	for from := lineAround(f.Src, lines.From).From; from <= min(lines.To, len(f.Src)); {
		line := lineAround(f.Src, from)
		for _, at := range Word.FindAllIndex(f.Src[line.From:line.To], -1) {
			if !l.Words.hides(string(f.Src[line.From+at[0] : line.From+at[1]])) {
				continue
			}
			rest := bytes.TrimLeft(f.Src[line.From+at[1]:line.To], " \t=:")
			if begin := line.To - len(rest); heredoc.Match(rest) {
				line.To = max(line.To, lineAround(f.Src, min(lines.To, len(f.Src))).To) // the lines below are its text
				rest = f.Src[begin:line.To]
			}
			l.Diags.MaskSpan(f.Name, diagnostics.Span{From: line.To - len(rest), To: line.To})
			hidden += string(rest) + "\n"
			break
		}
		from = line.To + 1
	}
	return hidden
}

var notShown = words{"this line cannot be read", `What is wrong is not shown, because the line may hold a secret. Write NAME = "VALUE", with double quotes that are closed on the line.`}

// repeats reports whether a text has a word of what is hidden.
func repeats(text, hidden string) bool {
	for _, w := range strings.FieldsFunc(hidden, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`=:,;()[]{}", r) }) {
		if len(w) > 2 && w != "env" && w != "file" && strings.Contains(text, w) {
			return true
		}
	}
	return false
}
