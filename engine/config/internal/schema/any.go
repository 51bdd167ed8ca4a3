package schema

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/zclconf/go-cty/cty"
)

// AnyValue is a field that takes what JSON has. Plugins cannot name it: their configuration says what each attribute takes.
type AnyValue struct {
	Value cty.Value
	Expr  hclsyntax.Expression
}

// Items takes a list apart, with the place of each item. It is false for what is no list.
func (a AnyValue) Items() (items []cty.Value, at []diagnostics.Range, ok bool) {
	if a.Expr == nil { // the attribute is not there
		return nil, nil, true
	}
	if t := a.Value.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return nil, nil, false
	}
	items = a.Value.AsValueSlice()
	written, _ := a.Expr.(*hclsyntax.TupleConsExpr)
	for i := range items {
		r := a.Expr.Range()
		if written != nil && len(written.Exprs) == len(items) {
			r = written.Exprs[i].Range()
		}
		at = append(at, *diagnostics.RangeOf(r))
	}
	return items, at, true
}
