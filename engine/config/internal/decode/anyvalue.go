package decode

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/zclconf/go-cty/cty"
)

func (s *setter) setAny(v cty.Value, dst reflect.Value) bool {
	if !plainValue(v) {
		return s.fail(v, "holds a number that is too long", "Write it as a text.")
	}
	dst.Set(reflect.ValueOf(schema.AnyValue{Value: v, Expr: s.expr}))
	return true
}

// plainValue reports whether all numbers in a value can be written within reason.
func plainValue(v cty.Value) bool {
	ok := true
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) { // the callback has no error
		ok = ok && (!eval.IsNumber(v) || eval.SaneNumber(v))
		return ok, nil
	})
	return ok
}

// TestValue is a body as a test file has it: a text as it stands, or else a value of JSON.
type TestValue struct {
	Text  string // as it stands, of a text
	Value any    // as encoding/json decodes it, numbers as json.Number; nil for a text
}

// NewTestValue is a value of a file of tests.
func NewTestValue(v cty.Value) TestValue {
	switch plain := JSONValueOf(v).(type) {
	case nil:
		return TestValue{Text: "null"}
	case string:
		return TestValue{Text: plain}
	default:
		return TestValue{Value: plain}
	}
}

// Body is the value as a message has it: JSON without white space and with sorted keys, or the text.
func (v TestValue) Body() []byte {
	if v.Value == nil {
		return []byte(v.Text)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v.Value) // it holds nothing that JSON has not
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// JSONValueOf is a value as encoding/json knows it.
func JSONValueOf(v cty.Value) any {
	t := v.Type()
	switch {
	case v.IsNull() || !v.IsKnown():
		return nil
	case t == cty.String:
		return v.AsString()
	case t == cty.Number:
		return json.Number(v.AsBigFloat().Text('f', -1))
	case t == cty.Bool:
		return v.True()
	case t.IsObjectType() || t.IsMapType():
		m := map[string]any{}
		for name, item := range v.AsValueMap() {
			m[name] = JSONValueOf(item)
		}
		return m
	}
	list := []any{}
	for _, item := range v.AsValueSlice() {
		list = append(list, JSONValueOf(item))
	}
	return list
}

// RangeOfBlock is the place of a block's first label, or of its name.
func RangeOfBlock(b *hclsyntax.Block) *diagnostics.Range {
	r := b.TypeRange
	if len(b.LabelRanges) > 0 {
		r = hcl.RangeBetween(b.LabelRanges[0], b.LabelRanges[len(b.LabelRanges)-1])
	}
	return diagnostics.RangeOf(r)
}

// headerValue is a value of JSON with the types that engine.Meta promises.
func headerValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // out of range it is the furthest, and tests of that need another way
		return f
	case []any:
		for i := range v {
			v[i] = headerValue(v[i])
		}
	case map[string]any:
		return HeadersOf(v)
	}
	return v
}

// HeadersOf gives numbers the types that headers of a Meta have.
func HeadersOf(headers map[string]any) map[string]any {
	for name, value := range headers {
		headers[name] = headerValue(value)
	}
	return headers
}
