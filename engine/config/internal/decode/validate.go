package decode

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// Validate asks a decoded configuration for its mistakes. Where something of the block is wrong or not known already, only what
// is said about attributes that were read counts: the rest may follow from that.
func (d *Decoder) Validate(config any, role engine.Role) {
	var found []diagnostics.Diagnostic
	doubtful := d.Bad || len(d.Unknown) > 0
	for _, err := range flatten(engine.Validate(config, role)) {
		var at *engine.AttrError
		if !errors.As(err, &at) {
			if !doubtful {
				found = append(found, diagnostics.Diagnostic{Range: &d.Header, Summary: d.What + ": " + strings.TrimSuffix(err.Error(), ".")})
			}
			continue
		}
		if d.comparesUnknown(at) {
			continue
		}
		switch a, written := d.find(at.Attr); {
		case a.Ok:
			found = append(found, diagnostics.Diagnostic{Range: &a.At, Summary: inPlaceOf(a.beyond, attrText(at)), Values: a.Values, Detail: docText(at.Attr, a.doc)})
		case !written && !doubtful:
			found = append(found, diagnostics.Diagnostic{Range: &d.Header, Summary: d.What + ": " + attrText(at)})
		}
	}
	for _, g := range found {
		d.Add(g)
	}
}

// inPlaceOf puts the number into what a plugin said of the one it saw.
func inPlaceOf(b *eval.Beyond, text string) string {
	if b == nil {
		return text
	}
	b.Said = true
	return strings.ReplaceAll(text, b.Furthest, b.Written)
}

// AddBeyond tells those of whom no plugin said anything.
func (d *Decoder) AddBeyond() {
	for _, a := range d.Attrs {
		if a.beyond != nil && !a.beyond.Said {
			d.Add(a.beyond.Diagnostic)
		}
	}
}

// comparesUnknown reports whether a mistake is that of an attribute beside another one whose value is not known.
func (d *Decoded) comparesUnknown(e *engine.AttrError) bool {
	said := syntax.Word.FindAllString(e.Err.Error(), -1)
	return slices.ContainsFunc(d.Unknown, func(name string) bool { return name != e.Attr && slices.Contains(said, name) })
}

// docText is the documentation of an attribute, as a line of its own.
func docText(attr, doc string) string {
	if doc == "" {
		return ""
	}
	return attr + ": " + doc
}

// flatten takes apart what errors.Join put together.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// find returns an attribute by the name that a plugin gives it; without a number, an attribute of a repeated block is that of
// the first one which has it.
func (d *Decoded) find(name string) (attribute, bool) {
	if a, ok := d.Attrs[name]; ok {
		return a, true
	}
	block, attr, nested := strings.Cut(name, ".")
	for i := 0; ; i++ {
		path := fmt.Sprintf("%s[%d]", block, i)
		whole, ok := d.Attrs[path]
		if !ok {
			return attribute{}, false
		}
		if !nested {
			return whole, true
		}
		if a, ok := d.Attrs[path+"."+attr]; ok {
			return a, true
		}
	}
}

// attrText makes one sentence of an attribute and what is wrong with it, whether or not the text names the attribute itself.
func attrText(e *engine.AttrError) string {
	text := strings.TrimSuffix(e.Err.Error(), ".")
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case e.Attr, fmt.Sprintf("%q", e.Attr):
		return text
	case "must", "is", "has", "needs", "cannot", "can", "may", "should", "does", "takes", "wants", "was", "are":
		return e.Attr + " " + text
	}
	return e.Attr + ": " + text
}
