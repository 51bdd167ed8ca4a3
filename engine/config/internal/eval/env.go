package eval

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// callError is an error of a function with a diagnostic's two sentences.
type callError struct {
	summary, detail string
}

func (e *callError) Error() string { return e.summary }

// envFunction is env(NAME, default). What it reads is noted in ev.
func (ev *Evaluation) envFunction() function.Function {
	return function.New(&function.Spec{
		Description: "The environment variable NAME, as the type that the default has.",
		Params:      []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType,
			AllowNull: true, AllowUnknown: true, AllowDynamicType: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := ev.getenv(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return ev.getenv(args) },
	})
}

func (ev *Evaluation) getenv(args []cty.Value) (cty.Value, error) {
	if len(args) > 2 {
		return cty.NilVal, &callError{summary: "env takes a name and a default, and nothing more", detail: `Write env("NAME") or env("NAME", default).`}
	}
	if !args[0].IsKnown() {
		return cty.DynamicVal, nil
	}
	name := args[0].AsString()
	if !IsEnvName(name) {
		return cty.NilVal, &callError{summary: fmt.Sprintf("%q is no name of an environment variable", diagnostics.Shorten(name)), detail: "A name has letters, digits and _."}
	}
	if ev.World.Env.Closed {
		return cty.NilVal, &callError{summary: "tests do not read the environment", detail: "Write the value: what a test says must not depend on where it runs."}
	}
	v := ev.World.Env.get(name, ev.ended)
	text := v.text
	ev.note(name, text)
	switch {
	case text == "" && len(args) == 2:
		return args[1], nil
	case text == "" && ev.World.noEnv:
		ev.World.Env.Missing[name] = true
		return cty.UnknownVal(cty.String), nil
	case text == "":
		return cty.NilVal, &callError{
			summary: fmt.Sprintf("the environment variable %s is %s, and has no default here", name, v.absence()),
			detail:  fmt.Sprintf("Set %s, or write a default: env(%q, …).", name, name),
		}
	case len(args) == 1:
		return cty.StringVal(text), nil
	}
	typed, word := typedLike(text, args[1])
	if word != "" {
		return cty.NilVal, &callError{
			summary: ev.QuoteVar(name, text) + " is not " + word,
			detail:  fmt.Sprintf("It must be %s, as its default is. Correct %s, or unset it to use the default.", word, name),
		}
	}
	return typed, nil
}

// QuoteVar shows a variable with its value, where that may be seen.
func (ev *Evaluation) QuoteVar(name, text string) string {
	if ev.Secret || ev.Field.Kind == schema.KindMap || ev.Field.Kind == schema.KindValues || syntax.SoundsSecret(name) {
		return "the value of " + name
	}
	return fmt.Sprintf("%s=%q", name, diagnostics.Shorten(text))
}

// typedLike makes of a variable's text a value of the type that its default has, or says in a word what it should have been.
func typedLike(text string, like cty.Value) (v cty.Value, word string) {
	switch t := like.Type(); {
	case like.IsNull(), t == cty.String, t == cty.DynamicPseudoType:
		return cty.StringVal(text), ""
	case t == cty.Number:
		n, ok := ParseNumber(text)
		if !ok {
			return cty.NilVal, "a number"
		}
		return n, ""
	case t == cty.Bool:
		b, err := convert.Convert(cty.StringVal(strings.TrimSpace(text)), cty.Bool)
		if err != nil {
			return cty.NilVal, "true or false"
		}
		return b, ""
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		return SplitList(text), ""
	}
	return cty.NilVal, "a text, a number, true or false, or a list"
}

// SplitList reads a list from a variable: its items are separated by commas.
func SplitList(text string) cty.Value {
	var items []cty.Value
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, cty.StringVal(item))
		}
	}
	return cty.TupleVal(items)
}

// fileFunction is file(path), relative to the folder of the configuration's file.
func (ev *Evaluation) fileFunction() function.Function {
	return function.New(&function.Spec{
		Description: "The text of a file, whose path counts from the folder of this file.",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(ev.File.Name), path)
			}
			text, err := ev.World.Env.read(path, ev.ended)
			if err != nil {
				return cty.NilVal, &callError{
					summary: fmt.Sprintf("the file %s cannot be read: %v", diagnostics.Shorten(path), err),
					detail:  "The path counts from the folder of this configuration file.",
				}
			}
			return cty.StringVal(text), nil
		},
	})
}
