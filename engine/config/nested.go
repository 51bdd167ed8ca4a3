package config

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// blocks decodes nested blocks.
func (d *decoder) blocks(blocks hclsyntax.Blocks, what, prefix string, byName map[string]*target, names []string, given map[string]bool) {
	first := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		if d.file.isPlaceholder(b) {
			continue
		}
		t := byName[b.Type]
		twice := first[b.Type]
		given[b.Type] = true
		switch {
		case t == nil:
			d.unknownName(*rangeOf(b.TypeRange), what, b.Type, "block", names)
		case t.kind != kindBlock && t.kind != kindBlocks:
			d.add(Diagnostic{Range: rangeOf(b.TypeRange), Context: d.file.contextOf(b.TypeRange.Start.Byte, 1), Summary: fmt.Sprintf("%s is an attribute, not a block", b.Type),
				Detail: fmt.Sprintf("Write it with an equals sign: %s = …; it takes %s.", b.Type, t.typeWord())})
		case len(b.Labels) > 0:
			d.add(Diagnostic{Range: rangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("the block %s takes no name", b.Type),
				Detail: fmt.Sprintf("Write %s { … }.", b.Type)})
		case t.kind == kindBlock && twice != nil:
			d.add(Diagnostic{Range: rangeOf(b.TypeRange), Summary: fmt.Sprintf("%s may have one block %s, and this is the second", what, b.Type),
				Detail: "Take one of the two out.", Related: []Related{{"the first one is on", *rangeOf(twice.TypeRange)}}})
		default:
			path := prefix + b.Type
			if t.kind == kindBlocks {
				if twice == nil {
					// In place of the default, and with room for all: templates hold on to the fields of the first.
					t.dst.Set(reflect.MakeSlice(t.dst.Type(), 0, len(blocks)))
				}
				path += fmt.Sprintf("[%d]", t.dst.Len())
			}
			d.attrs[path] = attribute{at: *rangeOf(b.DefRange()), ok: true}
			d.body(b.Body, *rangeOf(b.DefRange()), "block "+b.Type, path+".", targets(t.nested()))
		}
		if t != nil && twice == nil && len(b.Labels) == 0 {
			first[b.Type] = b
		}
	}
}

// nested is a pointer to the struct of a nested block: that of the defaults where there is one, else a new one.
func (t *target) nested() any {
	v := t.dst
	if v.Kind() == reflect.Slice {
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		v = v.Index(v.Len() - 1)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return v.Interface()
	}
	return v.Addr().Interface()
}
