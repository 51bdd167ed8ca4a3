package decode

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// blocks decodes nested blocks.
func (d *Decoder) blocks(blocks hclsyntax.Blocks, what, prefix string, byName map[string]*target, names []string, given map[string]bool) {
	first := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		if d.File.IsPlaceholder(b) {
			continue
		}
		t := byName[b.Type]
		twice := first[b.Type]
		given[b.Type] = true
		switch {
		case t == nil:
			d.UnknownName(*diagnostics.RangeOf(b.TypeRange), what, b.Type, "block", names)
		case t.Kind != schema.KindBlock && t.Kind != schema.KindBlocks:
			d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Context: d.File.ContextOf(b.TypeRange.Start.Byte, 1), Summary: fmt.Sprintf("%s is an attribute, not a block", b.Type),
				Detail: fmt.Sprintf("Write it with an equals sign: %s = …; it takes %s.", b.Type, t.TypeWord())})
		case len(b.Labels) > 0:
			d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("the block %s takes no name", b.Type),
				Detail: fmt.Sprintf("Write %s { … }.", b.Type)})
		case t.Kind == schema.KindBlock && twice != nil:
			d.Add(diagnostics.Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Summary: fmt.Sprintf("%s may have one block %s, and this is the second", what, b.Type),
				Detail: "Take one of the two out.", Related: []diagnostics.Related{{Text: "the first one is on", Range: *diagnostics.RangeOf(twice.TypeRange)}}})
		default:
			path := prefix + b.Type
			if t.Kind == schema.KindBlocks {
				if twice == nil {
					// In place of the default, and with room for all: templates hold on to the fields of the first.
					t.Dst.Set(reflect.MakeSlice(t.Dst.Type(), 0, len(blocks)))
				}
				path += fmt.Sprintf("[%d]", t.Dst.Len())
			}
			d.Attrs[path] = attribute{At: *diagnostics.RangeOf(b.DefRange()), Ok: true}
			d.Body(b.Body, *diagnostics.RangeOf(b.DefRange()), "block "+b.Type, path+".", Targets(t.nested()))
		}
		if t != nil && twice == nil && len(b.Labels) == 0 {
			first[b.Type] = b
		}
	}
}

// nested is a pointer to the struct of a nested block: that of the defaults where there is one, else a new one.
func (t *target) nested() any {
	v := t.Dst
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
