package eval

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are what an expression may call, beside env and file. They are pure: the same arguments give the same value, at any
// time and on any machine, because keys of stored objects are made with them.
type functions map[string]function.Function

func standardFunctions() functions {
	return functions{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"chomp": stdlib.ChompFunc, "lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"split": stdlib.SplitFunc, "substr": stdlib.SubstrFunc, "strlen": stdlib.StrlenFunc,
		"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"keys": stdlib.KeysFunc, "length": lengthFunction(), "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc,
		"reverse": stdlib.ReverseListFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc,
		"coalesce": coalesceFunction(), "formatdate": stdlib.FormatDateFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "jsondecode": sane(stdlib.JSONDecodeFunc),
		"base64encode": textFunction("Base64 of a text.", func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
		"base64decode": textFunction("The text that Base64 stands for.", decodeBase64),
		"tostring":     stdlib.MakeToFunc(cty.String), "tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": toNumberFunction(),
		"format":  limited(stdlib.FormatFunc, formatSize),
		"join":    limited(stdlib.JoinFunc, joinSize),
		"replace": limited(stdlib.ReplaceFunc, replaceSize),
	}
}

// names are all functions, in alphabetical order.
func (f functions) names() []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		for name := range f {
			if !yield(name, true) {
				return
			}
		}
		_ = yield("env", true) && yield("file", true)
	})))
}

// signature is how a function is called, as in replace(str, substr, replace).
func (f functions) signature(name string) string {
	if name == "env" {
		return `env("NAME") or env("NAME", default)`
	}
	fn, ok := f[name]
	if !ok {
		return name + "(…)"
	}
	var params []string
	for _, p := range fn.Params() {
		params = append(params, p.Name)
	}
	if p := fn.VarParam(); p != nil {
		params = append(params, p.Name+", …")
	}
	return fmt.Sprintf("%s(%s)", name, strings.Join(params, ", "))
}

// help is what to know of a function that could not do its work.
func (f functions) help(name string) string {
	switch name {
	case "formatdate":
		return `The parts of a date are YYYY, MM, DD, hh, mm and ss: formatdate("YYYY/MM/DD", batch.time). Other letters stand in single quotes.`
	case "format":
		return `%s is a text, %d a number, %q a text in quotes: format("%s-%02d", "a", 5).`
	case "jsondecode":
		return "Its argument must be valid JSON."
	}
	return fmt.Sprintf("Call it as %s.", f.signature(name))
}

// textFunction makes a function from text to text.
func textFunction(doc string, do func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Description: doc,
		Params:      []function.Parameter{{Name: "text", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := do(args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

func decodeBase64(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	switch {
	case err != nil:
		return "", errors.New("it is no Base64")
	case !utf8.Valid(b):
		return "", errors.New("what it stands for is no text in UTF-8")
	}
	return string(b), nil
}

// coalesceFunction returns the first argument that is neither null nor an empty text, as an unset variable is.
func coalesceFunction() function.Function {
	first := func(args []cty.Value) (cty.Value, error) {
		for _, v := range args {
			switch {
			case !v.IsKnown():
				return cty.DynamicVal, nil
			case v.IsNull(), v.Type() == cty.String && v.AsString() == "":
				continue
			}
			return v, nil
		}
		return cty.NilVal, errors.New("all of its arguments are empty")
	}
	return function.New(&function.Spec{
		Description: "The first argument that is not empty.",
		VarParam:    &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := first(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return first(args) },
	})
}

// lengthFunction counts the items of a collection or the characters of a text.
func lengthFunction() function.Function {
	return function.New(&function.Spec{
		Description: "The number of items of a collection, or of characters of a text.",
		Params:      []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
		Type:        function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch t := args[0].Type(); {
			case t == cty.String:
				return stdlib.Strlen(args[0])
			case t.IsCollectionType() || t.IsTupleType():
				return stdlib.Length(args[0])
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
			}
			return cty.NilVal, errors.New("it takes a list, a map or a text")
		},
	})
}

func toNumberFunction() function.Function {
	return function.New(&function.Spec{
		Description: "The number that a text stands for.",
		Params:      []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
		Type:        function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := convert.Convert(args[0], cty.String)
			if err != nil {
				return cty.NilVal, errors.New("it takes a text or a number")
			}
			n, ok := ParseNumber(text.AsString())
			if !ok {
				return cty.NilVal, errors.New("its argument is not a number")
			}
			return n, nil
		},
	})
}

const maxResult = 1 << 20 // bytes: a slip such as replace(s, "", s) must not fill the memory

// limited is a function whose result may not become too large; size foretells it.
func limited(f function.Function, size func(args []cty.Value) int) function.Function {
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      f.Params(),
		VarParam:    f.VarParam(),
		Type:        f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if size(args) > maxResult {
				return cty.NilVal, errors.New("the result would be larger than 1 MiB")
			}
			return f.Call(args)
		},
	})
}

// sane is a function whose result holds no number that would take gigabytes as text.
func sane(f function.Function) function.Function {
	return function.New(&function.Spec{
		Description: f.Description(),
		Params:      f.Params(),
		Type:        f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil {
				return v, err
			}
			return v, cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
				if v.IsKnown() && !v.IsNull() && v.Type() == cty.Number && !SaneNumber(v) {
					return false, errors.New("it holds a number that is too long")
				}
				return true, nil
			})
		},
	})
}

func replaceSize(args []cty.Value) int {
	text, old, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
	return len(text) + strings.Count(text, old)*len(with)
}

func joinSize(args []cty.Value) int {
	n := 0
	for _, list := range args[1:] {
		if list.IsWhollyKnown() && !list.IsNull() {
			n += list.LengthInt()
		}
	}
	return n * len(args[0].AsString())
}

var longNumber = regexp.MustCompile(`[0-9]{4,}`)

func formatSize(args []cty.Value) int {
	if longNumber.MatchString(args[0].AsString()) && longVerb.MatchString(args[0].AsString()) {
		return maxResult + 1
	}
	return 0
}

var longVerb = regexp.MustCompile(fmt.Sprintf(`%%[-+# 0-9.*\[\]]*%s`, `[0-9]{4,}`))
