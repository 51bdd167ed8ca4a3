package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// decoded is what the file says about one block of a pipeline, for checks that come after decoding.
type decoded struct {
	file      *file
	header    Range
	what      string               // as in `output "s3"`
	attrs     map[string]attribute // by path, as in "tls.ca" or "binding[1].queue"
	bad       bool                 // something in it was wrong, and has been said
	unknown   []string             // the attributes and blocks whose values are not known, see Options.NoEnv
	templates []*template
}

// attribute is an attribute as it stands in the file.
type attribute struct {
	at     Range // of its value; of the block's header when it is missing
	doc    string
	ok     bool // it was decoded: its field has what the file says
	values []Value
	beyond *beyond
}

// decoder fills structs from one block.
type decoder struct {
	l *world
	*decoded
}

func (l *world) newDecoder(f *file, header hcl.Range, what string) *decoder {
	return &decoder{l, &decoded{file: f, header: *rangeOf(header), what: what, attrs: map[string]attribute{}}}
}

func (d *decoder) add(g Diagnostic) {
	if g.Context == "" && g.Range != nil {
		g.Context = d.file.context(g.Range.Start.Byte)
	}
	if g.Severity != SeverityWarning {
		d.bad = true
	}
	d.l.diags.add(g)
}

// target is a field of a struct that a body is decoded into.
type target struct {
	field
	dst reflect.Value
}

// targets are the fields of all structs, whose pointers these are.
func targets(structs ...any) []target {
	var all []target
	for _, s := range structs {
		v := reflect.ValueOf(s).Elem()
		fields, _ := schema(v.Type()) // an error would have been found by CheckPlugins
		for _, f := range fields {
			all = append(all, target{f, fieldByIndex(v, f.index)})
		}
	}
	return all
}

// fieldByIndex is reflect.Value.FieldByIndex, which makes embedded pointers as it goes.
func fieldByIndex(v reflect.Value, index []int) reflect.Value {
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

// body decodes the attributes and nested blocks of a body. What stands around it in the file is called what; the paths of its
// attributes begin with prefix.
func (d *decoder) body(b *hclsyntax.Body, header Range, what, prefix string, into []target) {
	byName := map[string]*target{}
	var names []string
	for i := range into {
		byName[into[i].name] = &into[i]
		names = append(names, into[i].name)
	}
	given := map[string]bool{}
	for _, a := range inOrder(b.Attributes) {
		given[a.Name] = true
		switch t := byName[a.Name]; {
		case t == nil:
			if soundsSecret(a.Name) { // also where another plugin has an attribute of that name that is none
				d.l.hideValue(a.Expr)
			}
			d.unknownName(*rangeOf(a.NameRange), what, a.Name, "attribute", names)
		case t.kind == kindBlock || t.kind == kindBlocks:
			d.add(Diagnostic{Range: rangeOf(a.NameRange), Summary: fmt.Sprintf("%s is a block, not an attribute", a.Name),
				Detail: fmt.Sprintf("Write it without the equals sign: %s { … }.", a.Name)})
		default:
			d.attribute(a, prefix+a.Name, t)
		}
	}
	d.blocks(b.Blocks, what, prefix, byName, names, given)
	for _, t := range into {
		if t.required && !given[t.name] {
			d.missing(header, what, prefix, t.field)
		}
	}
}

func inOrder(attrs hclsyntax.Attributes) []*hclsyntax.Attribute {
	return slices.SortedFunc(maps.Values(attrs), func(a, b *hclsyntax.Attribute) int {
		return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte)
	})
}

func (d *decoder) unknownName(at Range, what, name, kind string, names []string) {
	g := Diagnostic{Range: &at, Summary: fmt.Sprintf("%s has no %s %s", what, kind, shorten(name))}
	if kind == "block" {
		g.Context = d.file.contextOf(at.Start.Byte, 1)
	}
	switch near := meant(name, names); {
	case near != "":
		g.Detail = fmt.Sprintf("Did you mean %s?", near)
	case placeOf(name) != "":
		g.Detail = fmt.Sprintf("%s belongs in %s.", name, placeOf(name))
	case len(names) == 0:
		g.Detail = "It takes nothing. Take the line out."
	default:
		g.Detail = fmt.Sprintf("It knows %s.", enumerate(names, "and"))
	}
	d.add(g)
}

func (d *decoder) missing(header Range, what, prefix string, f field) {
	d.attrs[prefix+f.name] = attribute{at: header, doc: f.doc}
	g := absent(Diagnostic{Range: &header, Summary: fmt.Sprintf("%s lacks the attribute %s", what, f.name),
		Detail: fmt.Sprintf("Add %s = …; it takes %s.", f.name, f.typeWord())})
	if f.kind == kindBlock {
		g.Summary = fmt.Sprintf("%s lacks the block %s", what, f.name)
		g.Detail = fmt.Sprintf("Add %s { … }.", f.name)
	}
	g.Detail += "\n" + docText(f.name, f.doc)
	d.add(g)
}

// attribute decodes one attribute. Null leaves an optional one at its default, as if it were not there.
func (d *decoder) attribute(a *hclsyntax.Attribute, path string, t *target) {
	at := *rangeOf(a.Expr.Range())
	if a.Expr.Range().Empty() {
		at = *rangeOf(a.NameRange)
	}
	ev := &evaluation{l: d.l, f: d.file, attr: a.Name, field: t.field, secret: t.kind == kindSecret || t.kind == kindSecrets}
	result := attribute{at: at, doc: t.doc}
	defer func() { result.values = ev.values(); d.attrs[path] = result }()
	if d.file.isBroken(a.SrcRange) {
		d.bad = true // the parser has said what is wrong; a value of its making is worth nothing
		return
	}
	if t.kind == kindTemplate {
		d.templates = append(d.templates, &template{ev: ev, expr: a.Expr, at: at, path: path, dst: t.dst})
		return
	}
	v, ok := ev.evaluate(a.Expr)
	switch {
	case !ok:
		d.bad = true
	case !v.IsWhollyKnown():
		d.unknown = append(d.unknown, outermost(path))
	case v.IsNull() && t.required:
		d.bad = true
		d.add(Diagnostic{Range: &at, Summary: fmt.Sprintf("%s is required and must not be null", a.Name), Detail: fmt.Sprintf("It takes %s.", t.typeWord())})
	case v.IsNull():
		result.ok = true
	default:
		result.ok = (&setter{ev, a.Expr, at}).set(v, t.dst)
		result.beyond = ev.beyond
		d.bad = d.bad || !result.ok
	}
}

// outermost is the first name of a path: that of an attribute, or of the block around it.
func outermost(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}
