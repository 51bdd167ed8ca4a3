package decode

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
)

// setter puts one value into one field, and explains why it cannot.
type setter struct {
	ev   *eval.Evaluation
	expr hclsyntax.Expression
	at   diagnostics.Range // of the expression
}

// set stores v in dst, which is of the type that the field's kind says. When it fails, that has been said.
func (s *setter) set(v cty.Value, dst reflect.Value) bool {
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	if eval.IsNumber(v) && v.AsBigFloat().IsInf() {
		s.ev.World.Diags.Add(diagnostics.Diagnostic{Range: &s.at, Summary: "this divides by zero", Detail: "Write the number that is meant.",
			Context: s.ev.File.Context(s.at.Start.Byte), Values: s.ev.Values()})
		return false
	}
	switch s.ev.Field.Kind {
	case schema.KindString, schema.KindSecret:
		return s.setText(v, dst)
	case schema.KindBool:
		return s.setBool(v, dst)
	case schema.KindInt, schema.KindFloat:
		return s.setNumber(v, dst)
	case schema.KindCondition:
		return s.setCondition(v, dst)
	case schema.KindDuration:
		return s.setDuration(v, dst)
	case schema.KindBytes:
		return s.setBytes(v, dst)
	case schema.KindList, schema.KindSecrets:
		return s.setList(v, dst)
	case schema.KindMap:
		return s.setMap(v, dst)
	case schema.KindValues:
		return s.setValues(v, dst)
	case schema.KindAny:
		return s.setAny(v, dst)
	}
	return false
}

// fail reports that what was written is wrong; problem goes on from there, as in "is not a number".
func (s *setter) fail(v cty.Value, problem, detail string) bool {
	return s.failAs(s.describe(v), problem, detail)
}

// failAs is fail for what has a name of its own.
func (s *setter) failAs(what, problem, detail string) bool {
	g := diagnostics.Diagnostic{
		Range:   &s.at,
		Summary: what + " " + problem,
		Detail:  detail,
		Context: s.ev.File.Context(s.at.Start.Byte),
	}
	if _, direct := s.directVar(); !direct {
		g.Values = s.ev.Values()
	}
	s.ev.World.Diags.Add(g)
	return false
}

// wrongType is fail for a value of another type.
func (s *setter) wrongType(v cty.Value) bool {
	f := s.ev.Field
	detail := fmt.Sprintf("%s takes %s.", s.ev.Attr, f.TypeWord())
	if f.Kind == schema.KindList && v.Type() == cty.String && !s.ev.Secret {
		detail = fmt.Sprintf("%s takes a list of texts. Put it in brackets: [%q].", s.ev.Attr, diagnostics.Shorten(v.AsString()))
	}
	return s.fail(v, "is not "+s.noun(), detail)
}

func (s *setter) noun() string {
	switch s.ev.Field.Kind {
	case schema.KindBool:
		return "true or false"
	case schema.KindInt, schema.KindFloat:
		return "a number"
	case schema.KindDuration:
		return "a duration"
	case schema.KindBytes:
		return "a size"
	case schema.KindList, schema.KindSecrets:
		return "a list of texts"
	case schema.KindMap:
		return "a map of texts"
	case schema.KindValues:
		return "a map of values"
	case schema.KindCondition:
		return "a condition"
	}
	return "a text"
}

// describe names a value as its reader knows it: the variable it came from, the text that was written, or what it is.
func (s *setter) describe(v cty.Value) string {
	if r, ok := s.directVar(); ok {
		return s.ev.QuoteVar(r.Name, r.Text)
	}
	switch {
	case s.ev.Secret:
		return s.ev.Attr
	case v.IsNull():
		return "null"
	case v.Type() == cty.String:
		return fmt.Sprintf("%q", diagnostics.Shorten(v.AsString()))
	case v.Type() == cty.Number:
		return eval.NumberText(v)
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True())
	case v.Type().IsTupleType(), v.Type().IsListType(), v.Type().IsSetType():
		return "a list"
	}
	return "a map"
}

// directVar is the variable that the whole value came from.
func (s *setter) directVar() (eval.EnvRead, bool) {
	call, ok := s.expr.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name != "env" || len(s.ev.Reads) != 1 || s.ev.Reads[0].Text == "" {
		return eval.EnvRead{}, false
	}
	return s.ev.Reads[0], true
}

// text converts numbers and booleans as well, as people write ports and names without much thought about quotes.
func (s *setter) text(v cty.Value) (string, bool) {
	if v.Type() == cty.Number && !eval.SaneNumber(v) {
		return "", false
	}
	t, err := convert.Convert(v, cty.String)
	if err != nil || t.IsNull() {
		return "", false
	}
	return t.AsString(), true
}

func (s *setter) setText(v cty.Value, dst reflect.Value) bool {
	text, ok := s.text(v)
	if !ok {
		return s.wrongType(v)
	}
	if r, direct := s.directVar(); direct && v.Type() == cty.String {
		text = r.Text // a value of HCL is in Unicode's normal form, which a password need not be
	}
	if len(s.ev.Field.Values) == 0 && !s.ends(v, text) { // those of a list have words of their own
		return false
	}
	if s.ev.Secret {
		dst.Set(reflect.ValueOf(engine.NewSecret(text)))
		return true
	}
	if allowed := s.ev.Field.Values; len(allowed) > 0 && !slices.Contains(allowed, text) {
		detail := fmt.Sprintf("%s takes %s.", s.ev.Attr, diagnostics.Quoted(allowed, "or"))
		if near := diagnostics.Suggest(text, allowed); near != "" {
			detail = fmt.Sprintf("Did you mean %q? ", near) + detail
		}
		return s.fail(v, "is not a value of "+s.ev.Attr, detail)
	}
	dst.SetString(text)
	return true
}

func (s *setter) setBool(v cty.Value, dst reflect.Value) bool {
	b, err := convert.Convert(v, cty.Bool)
	if err != nil {
		return s.wrongType(v)
	}
	dst.SetBool(b.True())
	return true
}

func (s *setter) setNumber(v cty.Value, dst reflect.Value) bool {
	if v.Type() == cty.String {
		n, ok := eval.ParseNumber(v.AsString())
		if !ok {
			return s.wrongType(v)
		}
		v = n
	}
	if v.Type() != cty.Number {
		return s.wrongType(v)
	}
	f := v.AsBigFloat()
	if s.ev.Field.Kind == schema.KindFloat {
		x, _ := f.Float64()
		if f.IsInf() || dst.OverflowFloat(x) {
			return s.fail(v, "is too large", fmt.Sprintf("%s takes smaller numbers.", s.ev.Attr))
		}
		dst.SetFloat(x)
		return true
	}
	return s.setWhole(v, f, dst)
}

func (s *setter) setWhole(v cty.Value, f *big.Float, dst reflect.Value) bool {
	if !f.IsInt() {
		return s.fail(v, "is not a whole number", fmt.Sprintf("%s takes numbers without a fraction.", s.ev.Attr))
	}
	if dst.CanUint() {
		n, exact := f.Uint64()
		switch {
		case f.Sign() < 0:
			return s.fail(v, "is negative", fmt.Sprintf("%s takes 0 or more.", s.ev.Attr))
		case exact != big.Exact || dst.OverflowUint(n):
			return s.fail(v, "is too large", fmt.Sprintf("%s takes at most %d.", s.ev.Attr, ^uint64(0)>>(64-dst.Type().Bits())))
		}
		dst.SetUint(n)
		return true
	}
	n, exact := f.Int64()
	if exact != big.Exact && dst.Type().Bits() == 64 { // the plugin may know a nearer limit; n is the furthest that there is
		dst.SetInt(n)
		s.ev.Beyond = &eval.Beyond{Written: eval.NumberText(v), Furthest: fmt.Sprint(n), Diagnostic: diagnostics.Diagnostic{Range: &s.at,
			Summary: s.describe(v) + " is out of range", Detail: fmt.Sprintf("%s takes at most %d.", s.ev.Attr, n)}}
		return true
	}
	if exact != big.Exact || dst.OverflowInt(n) {
		return s.fail(v, "is out of range", fmt.Sprintf("%s takes at most %d.", s.ev.Attr, ^uint64(0)>>(65-dst.Type().Bits())))
	}
	dst.SetInt(n)
	return true
}

func (s *setter) setDuration(v cty.Value, dst reflect.Value) bool {
	text, ok := s.text(v)
	if !ok || v.Type() == cty.Bool {
		return s.wrongType(v)
	}
	if v.Type() == cty.Number && text == "0" {
		text = "0s"
	}
	d, hint, err := schema.ParseDuration(text)
	if err != nil {
		return s.badQuantity(v, hint, err)
	}
	dst.SetInt(int64(d))
	return true
}

func (s *setter) setBytes(v cty.Value, dst reflect.Value) bool {
	text, ok := s.text(v)
	if !ok || v.Type() == cty.Bool {
		return s.wrongType(v)
	}
	n, hint, err := schema.ParseBytes(text)
	if err != nil {
		return s.badQuantity(v, hint, err)
	}
	dst.SetInt(int64(n))
	return true
}

func (s *setter) badQuantity(v cty.Value, hint string, err error) bool {
	detail := fmt.Sprintf("%s takes %s.", s.ev.Attr, s.ev.Field.TypeWord())
	if hint != "" {
		detail = fmt.Sprintf("Did you mean \"%s\"?", hint)
	}
	return s.fail(v, err.Error(), detail)
}
