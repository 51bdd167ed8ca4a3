package decode

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

func (s *setter) setList(v cty.Value, dst reflect.Value) bool {
	if t := v.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		if r, ok := s.directVar(); ok && t == cty.String { // env("NAME") without a default says nothing of a list
			v = eval.SplitList(r.Text)
		} else {
			return s.wrongType(v)
		}
	}
	list, clean := []string{}, true
	for i, item := range v.AsValueSlice() {
		of := s.item(i)
		text, ok := of.text(item)
		if !ok {
			return of.fail(item, "is not a text", fmt.Sprintf("Each item of %s is a text in double quotes.", s.ev.Attr))
		}
		if allowed := s.ev.Field.Values; len(allowed) > 0 && !slices.Contains(allowed, text) {
			return of.fail(item, "is not a value of "+s.ev.Attr, fmt.Sprintf("%s takes %s.", s.ev.Attr, diagnostics.Quoted(allowed, "and")))
		}
		clean = of.ends(item, text) && clean
		list = append(list, text)
	}
	if s.ev.Field.Kind == schema.KindSecrets {
		secrets := make([]engine.Secret, len(list))
		for i, text := range list {
			secrets[i] = engine.NewSecret(text)
		}
		dst.Set(reflect.ValueOf(secrets))
		return clean
	}
	dst.Set(reflect.ValueOf(list).Convert(dst.Type()))
	return clean
}

// item is the setter for an item of a list, at its own place where it has one.
func (s *setter) item(i int) *setter {
	if list, ok := s.expr.(*hclsyntax.TupleConsExpr); ok && i < len(list.Exprs) {
		return &setter{s.ev, list.Exprs[i], *diagnostics.RangeOf(list.Exprs[i].Range())}
	}
	return s
}

func (s *setter) setMap(v cty.Value, dst reflect.Value) bool {
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		return s.wrongType(v)
	}
	m, clean := map[string]string{}, true
	items := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(items)) {
		text, ok := s.text(items[name])
		if !ok {
			return s.fail(v, fmt.Sprintf("has a value that is not a text: %s", strings.TrimSpace(diagnostics.Shorten(name))), fmt.Sprintf("Each value of %s is a text in double quotes.", s.ev.Attr))
		}
		clean = s.nameEnds(name) && s.ends(items[name], text) && clean
		m[name] = text
	}
	dst.Set(reflect.ValueOf(m).Convert(dst.Type()))
	return clean
}

// nameEnds is ends for a name in a map.
func (s *setter) nameEnds(name string) bool { return s.ends(cty.StringVal(name), name) }

// setValues takes a map of texts, numbers and booleans as they are: their types count for whoever gets them.
func (s *setter) setValues(v cty.Value, dst reflect.Value) bool {
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		return s.wrongType(v)
	}
	m, clean := map[string]any{}, true
	items := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(items)) {
		value, ok := s.plain(items[name])
		if !ok {
			return s.fail(v, fmt.Sprintf("has a value that is no text, number or boolean: %s", strings.TrimSpace(diagnostics.Shorten(name))),
				fmt.Sprintf("Each value of %s is a text in double quotes, a number, true or false.", s.ev.Attr))
		}
		text, _ := value.(string)
		clean = s.nameEnds(name) && s.ends(items[name], text) && clean
		m[name] = value
	}
	dst.Set(reflect.ValueOf(m))
	return clean
}

// plain is a value as a string, bool, int64 or float64.
func (s *setter) plain(v cty.Value) (any, bool) {
	if v.IsNull() {
		return nil, false
	}
	switch v.Type() {
	case cty.Bool:
		return v.True(), true
	case cty.Number:
		if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
			return n, true
		}
		f, _ := v.AsBigFloat().Float64()
		return f, !math.IsInf(f, 0)
	case cty.String:
		return s.text(v)
	}
	return nil, false
}
