package config

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
)

// What is said about a file ends in logs, tickets and chats, and a mistake may well stand on the line of a password. Secrets are therefore
// hidden by what they stand behind, before anybody knows whether the attribute is one or the line can be read at all.

// secretWords are the names of attributes that hold secrets, as the plugins say.
type secretWords struct {
	secret, open []string
}

func newSecretWords(plugins []engine.Plugin, others ...reflect.Type) secretWords {
	var w secretWords
	for _, p := range plugins {
		w.add(reflect.TypeOf(p.NewConfig()).Elem())
	}
	for _, t := range others {
		w.add(t)
	}
	return w
}

func (w *secretWords) add(t reflect.Type) {
	fields, _ := schema(t) // an error would have been found by CheckPlugins
	for _, f := range fields {
		switch f.kind {
		case kindBlock, kindBlocks:
			w.add(structType(t.FieldByIndex(f.index).Type))
		case kindSecret, kindSecrets:
			w.secret = append(w.secret, f.name)
		default:
			w.open = append(w.open, f.name)
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
	return soundsSecret(name) || Suggest(name, w.secret) != ""
}

var secretSound = regexp.MustCompile(`(?i)pass|pwd|secret|token|key|credential|^urls?$`)

// soundsSecret reports whether a name that nobody knows may be that of a secret.
func soundsSecret(name string) bool { return secretSound.MatchString(name) }

// hideSecrets hides the values of all attributes that hold a secret, also in blocks that are not decoded.
func (l *reader) hideSecrets(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		if l.words.hides(a.Name) {
			l.hideValue(a.Expr)
		}
	}
	for _, b := range body.Blocks {
		if l.words.hides(b.Type) { // an equals sign is missing, or its attributes are secrets
			for _, r := range b.LabelRanges {
				l.diags.mask(*rangeOf(r))
			}
			for _, a := range b.Body.Attributes {
				l.hideValue(a.Expr)
			}
		}
		l.hideSecrets(b.Body)
	}
}

// hideValue hides the text and the words of an expression. What env and file are given is the name of something.
func (l *reader) hideValue(e hclsyntax.Expression) {
	var public []hcl.Range
	hide := func(r hcl.Range) {
		if !slices.ContainsFunc(public, func(p hcl.Range) bool { return p.Overlaps(r) }) {
			l.diags.mask(*rangeOf(r))
		}
	}
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if (n.Name == "env" || n.Name == "file") && len(n.Args) > 0 {
				public = append(public, n.Args[0].Range())
			} else if !l.called(n.Name) && n.Name != "env" && n.Name != "file" {
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

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_-]*`)

// hideLines hides what stands behind the name of a secret in lines that cannot be read, to the end of each, and returns it.
func (l *reader) hideLines(f *file, lines span) (hidden string) {
	for from := lineAround(f.src, lines.from).from; from <= min(lines.to, len(f.src)); {
		line := lineAround(f.src, from)
		for _, at := range word.FindAllIndex(f.src[line.from:line.to], -1) {
			if !l.words.hides(string(f.src[line.from+at[0] : line.from+at[1]])) {
				continue
			}
			rest := bytes.TrimLeft(f.src[line.from+at[1]:line.to], " \t=:")
			l.diags.maskSpan(f.name, span{line.to - len(rest), line.to})
			hidden += string(rest) + "\n"
			break
		}
		from = line.to + 1
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
