package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// anyValue is a field that takes what JSON has. Plugins cannot name it: their configuration says what each attribute takes.
type anyValue struct {
	value cty.Value
	expr  hclsyntax.Expression
}

// items takes a list apart, with the place of each item. It is false for what is no list.
func (a anyValue) items() (items []cty.Value, at []Range, ok bool) {
	if a.expr == nil { // the attribute is not there
		return nil, nil, true
	}
	if t := a.value.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		return nil, nil, false
	}
	items = a.value.AsValueSlice()
	written, _ := a.expr.(*hclsyntax.TupleConsExpr)
	for i := range items {
		r := a.expr.Range()
		if written != nil && len(written.Exprs) == len(items) {
			r = written.Exprs[i].Range()
		}
		at = append(at, *rangeOf(r))
	}
	return items, at, true
}
