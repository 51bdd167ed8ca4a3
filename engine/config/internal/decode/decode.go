// Package decode fills configuration structs from the attributes of blocks: nested.go from blocks in blocks, value.go one value into one
// field, collection.go lists and maps, condition.go questions about messages, anyvalue.go what JSON has, validate.go asks the plugin.
// template.go has texts that are rendered once a batch: variables.go what they may use, render.go how, segment.go what makes their
// values safe in a path.
package decode

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

// decoded is what the file says about one block of a pipeline, for checks that come after decoding.
type Decoded struct {
	File      *syntax.File
	Header    diagnostics.Range
	What      string               // as in `output "s3"`
	Attrs     map[string]attribute // by path, as in "tls.ca" or "binding[1].queue"
	Bad       bool                 // something in it was wrong, and has been said
	Unknown   []string             // the attributes and blocks whose values are not known, see Options.NoEnv
	Templates []*Template
}

// attribute is an attribute as it stands in the file.
type attribute struct {
	At     diagnostics.Range // of its value; of the block's header when it is missing
	doc    string
	Ok     bool // it was decoded: its field has what the file says
	Values []diagnostics.Value
	beyond *eval.Beyond
}

// decoder fills structs from one block.
type Decoder struct {
	World *eval.World
	*Decoded
}

// NewDecoder is the decoder of a block, which diagnostics call what.
func NewDecoder(l *eval.World, f *syntax.File, header hcl.Range, what string) *Decoder {
	return &Decoder{l, &Decoded{File: f, Header: *diagnostics.RangeOf(header), What: what, Attrs: map[string]attribute{}}}
}

// Add says something about the block; an error makes it bad.
func (d *Decoder) Add(g diagnostics.Diagnostic) {
	if g.Context == "" && g.Range != nil {
		g.Context = d.File.Context(g.Range.Start.Byte)
	}
	if g.Severity != diagnostics.SeverityWarning {
		d.Bad = true
	}
	d.World.Diags.Add(g)
}

// target is a field of a struct that a body is decoded into.
type target struct {
	schema.Field
	Dst reflect.Value
}

// Targets are the fields of all structs, whose pointers these are.
func Targets(structs ...any) []target {
	var all []target
	for _, s := range structs {
		v := reflect.ValueOf(s).Elem()
		fields, _ := schema.Of(v.Type()) // an error would have been found by CheckPlugins
		for _, f := range fields {
			all = append(all, target{f, FieldByIndex(v, f.Index)})
		}
	}
	return all
}

// FieldByIndex is reflect.Value.FieldByIndex, which makes embedded pointers as it goes.
func FieldByIndex(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// Body decodes the attributes and nested blocks of a body. What stands around it in the file is called what; the paths of its
// attributes begin with prefix.
func (d *Decoder) Body(b *hclsyntax.Body, header diagnostics.Range, what, prefix string, into []target) {
	d.Bad = d.Bad || d.File.IsBroken(b.SrcRange) // what is missing may stand where the parser could not read
	byName := map[string]*target{}
	var names []string
	for i := range into {
		byName[into[i].Name] = &into[i]
		names = append(names, into[i].Name)
	}
	given := map[string]bool{}
	for _, a := range InOrder(b.Attributes) {
		given[a.Name] = true
		switch t := byName[a.Name]; {
		case t == nil:
			if syntax.SoundsSecret(a.Name) { // also where another plugin has an attribute of that name that is none
				d.World.HideValue(a.Expr)
			}
			d.UnknownName(*diagnostics.RangeOf(a.NameRange), what, a.Name, "attribute", names)
		case t.Kind == schema.KindBlock || t.Kind == schema.KindBlocks:
			d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(a.NameRange), Summary: fmt.Sprintf("%s is a block, not an attribute", a.Name),
				Detail: fmt.Sprintf("Write it without the equals sign: %s { … }.", a.Name)})
		default:
			d.attribute(a, prefix+a.Name, t)
		}
	}
	d.blocks(b.Blocks, what, prefix, byName, names, given)
	for _, t := range into {
		if t.Required && !given[t.Name] {
			d.missing(header, what, prefix, t.Field)
		}
	}
}

// InOrder are attributes as they stand in the file.
func InOrder(attrs hclsyntax.Attributes) []*hclsyntax.Attribute {
	return slices.SortedFunc(maps.Values(attrs), func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
}

// UnknownName reports an attribute or a block that is not there, and what may be meant.
func (d *Decoder) UnknownName(at diagnostics.Range, what, name, kind string, names []string) {
	g := diagnostics.Diagnostic{Range: &at, Summary: fmt.Sprintf("%s has no %s %s", what, kind, diagnostics.Shorten(name))}
	if kind == "block" {
		g.Context = d.File.ContextOf(at.Start.Byte, 1)
	}
	switch near := syntax.Meant(name, names); {
	case near != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	case schema.PlaceOf(name) != "":
		g.Detail = fmt.Sprintf("%s belongs in %s.", name, schema.PlaceOf(name))
	case len(names) == 0:
		g.Detail = "It takes nothing. Take the line out."
	default:
		g.Detail = fmt.Sprintf("It knows %s.", diagnostics.Enumerate(names, "and"))
	}
	d.Add(g)
}

func (d *Decoder) missing(header diagnostics.Range, what, prefix string, f schema.Field) {
	d.Attrs[prefix+f.Name] = attribute{At: header, doc: f.Doc}
	g := diagnostics.Absent(diagnostics.Diagnostic{Range: &header, Summary: fmt.Sprintf("%s lacks the attribute %s", what, f.Name),
		Detail: fmt.Sprintf("Add %s = …; it takes %s.", f.Name, f.TypeWord())})
	if f.Kind == schema.KindBlock {
		g.Summary = fmt.Sprintf("%s lacks the block %s", what, f.Name)
		g.Detail = fmt.Sprintf("Add %s { … }.", f.Name)
	}
	g.Detail += "\n" + docText(f.Name, f.Doc)
	d.Add(g)
}

// attribute decodes one attribute. Null leaves an optional one at its default, as if it were not there.
func (d *Decoder) attribute(a *hclsyntax.Attribute, path string, t *target) {
	at := *diagnostics.RangeOf(a.Expr.Range())
	if a.Expr.Range().Empty() {
		at = *diagnostics.RangeOf(a.NameRange)
	}
	ev := &eval.Evaluation{World: d.World, File: d.File, Attr: a.Name, Field: t.Field, Secret: t.Kind == schema.KindSecret || t.Kind == schema.KindSecrets}
	result := attribute{At: at, doc: t.Doc}
	defer func() { result.Values = ev.Values(); d.Attrs[path] = result }()
	if d.File.IsBroken(a.SrcRange) {
		d.Bad = true // the parser has said what is wrong; a value of its making is worth nothing
		return
	}
	if t.Kind == schema.KindTemplate {
		d.Templates = append(d.Templates, &Template{Ev: ev, Expr: a.Expr, at: at, Path: path, dst: t.Dst})
		return
	}
	v, ok := ev.Evaluate(a.Expr)
	switch {
	case !ok:
		d.Bad = true
	case !v.IsWhollyKnown():
		d.Unknown = append(d.Unknown, Outermost(path))
	case v.IsNull() && t.Required:
		d.Bad = true
		d.Add(diagnostics.Diagnostic{Range: &at, Summary: fmt.Sprintf("%s is required and must not be null", a.Name), Detail: fmt.Sprintf("It takes %s.", t.TypeWord())})
	case v.IsNull():
		result.Ok = true
	default:
		result.Ok = (&setter{ev, a.Expr, at}).set(v, t.Dst)
		result.beyond = ev.Beyond
		d.Bad = d.Bad || !result.Ok
	}
}

// Outermost is the first name of a path: that of an attribute, or of the block around it.
func Outermost(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}
