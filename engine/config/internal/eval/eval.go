// Package eval evaluates expressions: names.go is what they refer to, functions.go, env.go and outside.go what they may call and
// read. envfile.go reads files of environment variables.
package eval

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// world is what expressions may call and read, beside the file that they stand in.
type World struct {
	*syntax.Reader
	funcs functions
	Env   *environment
	noEnv bool // a variable that is not set, and has no default, is an unknown value
}

// NewWorld is what expressions of the files that r reads may call and read.
func NewWorld(r *syntax.Reader, lookup func(string) (string, bool), noEnv bool) *World {
	w := &World{Reader: r, funcs: standardFunctions(), Env: newEnvironment(lookup), noEnv: noEnv}
	r.Called = func(name string) bool { _, ok := w.funcs[name]; return ok }
	return w
}

// evaluation is the evaluation of one attribute's expression.
type Evaluation struct {
	World  *World
	File   *syntax.File
	Attr   string
	Field  schema.Field
	Secret bool
	Reads  []EnvRead
	Beyond *Beyond // set by a number that no field can hold
	ended  bool    // nothing is read or noted any more
}

// Frozen is the evaluation for use after load, by several goroutines: env and file give what they gave at load.
func (ev *Evaluation) Frozen() *Evaluation {
	f := *ev
	f.ended = true
	return &f
}

// EnvRead is a variable that an expression read.
type EnvRead struct{ Name, Text string }

func (ev *Evaluation) note(name, text string) {
	if ev.ended {
		return
	}
	for _, r := range ev.Reads {
		if r.Name == name {
			return
		}
	}
	ev.Reads = append(ev.Reads, EnvRead{name, text})
}

// Values tells what came from the environment. Text may hold passwords in unexpected places, such as a URL, so it is shown
// only for what has another form.
func (ev *Evaluation) Values() []diagnostics.Value {
	var all []diagnostics.Value
	for _, r := range ev.Reads {
		is := fmt.Sprintf("is %q", diagnostics.Shorten(r.Text))
		switch {
		case r.Text == "":
			is = "is not set"
		case ev.Secret || !ev.showable() || syntax.SoundsSecret(r.Name):
			is = "is set"
		}
		all = append(all, diagnostics.Value{Name: fmt.Sprintf("env(%q)", r.Name), Is: is})
	}
	return all
}

func (ev *Evaluation) showable() bool {
	switch ev.Field.Kind {
	case schema.KindBool, schema.KindInt, schema.KindFloat, schema.KindDuration, schema.KindBytes:
		return true
	}
	return len(ev.Field.Values) > 0
}

// Context is what the expression may call, with variables only for templates.
func (ev *Evaluation) Context(variables map[string]cty.Value) *hcl.EvalContext {
	ctx := (&hcl.EvalContext{Functions: ev.World.funcs}).NewChild()
	ctx.Functions = map[string]function.Function{"env": ev.envFunction(), "file": ev.fileFunction()}
	ctx.Variables = variables
	return ctx
}

// Evaluate returns the value of an expression without variables. When it fails, that has been said.
func (ev *Evaluation) Evaluate(e hclsyntax.Expression) (cty.Value, bool) {
	if ev.Secret {
		ev.World.HideValue(e)
	}
	ok := ev.CheckCalls(e)
	for _, t := range e.Variables() {
		ev.noVariable(t)
		ok = false
	}
	if !ok {
		return cty.NilVal, false
	}
	v, diags := e.Value(ev.Context(nil))
	if diags.HasErrors() {
		ev.Report(diags)
		return cty.NilVal, false
	}
	v, _ = v.UnmarkDeep()
	return v, true
}

// Add says something about the attribute.
func (ev *Evaluation) Add(at hcl.Range, summary, detail string, values ...diagnostics.Value) {
	r := diagnostics.RangeOf(at)
	ev.World.Diags.Add(diagnostics.Diagnostic{Range: r, Summary: summary, Detail: detail, Context: ev.File.Context(r.Start.Byte), Values: values})
}

// Report says what went wrong in an evaluation.
func (ev *Evaluation) Report(diags hcl.Diagnostics) {
	for _, d := range diags {
		at := *d.Subject
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok && call.FunctionCallError() != nil {
			if e, ok := d.Expression.(*hclsyntax.FunctionCallExpr); ok {
				at = e.Range()
			}
			ev.callFailed(at, call.CalledFunctionName(), call.FunctionCallError())
			continue
		}
		cause, way, _ := strings.Cut(d.Detail, ". ")
		if call, ok := d.Expression.(*hclsyntax.FunctionCallExpr); ok && way == "" {
			way = fmt.Sprintf("Call it as %s.", ev.World.funcs.signature(call.Name))
		}
		if d.Summary == "Invalid operand" {
			way = "Numbers are added and compared, true and false are combined. Write the value itself, or a text in one piece."
		}
		if ev.Secret {
			way = ""
		}
		ev.Add(at, syntax.LowerFirst(strings.TrimSuffix(cause, ".")), way)
	}
}

func (ev *Evaluation) callFailed(at hcl.Range, name string, err error) {
	var own *callError
	switch {
	case errors.As(err, &own):
		ev.Add(at, own.summary, own.detail)
	case ev.Secret:
		ev.Add(at, fmt.Sprintf("%s cannot work with what it was given", name), fmt.Sprintf("What is wrong is not shown, because %s is a secret.", ev.Attr))
	default:
		ev.Add(at, fmt.Sprintf("%s cannot work with what it was given: %s", name, strings.TrimSuffix(diagnostics.Shorten(err.Error()), ".")), ev.World.funcs.help(name), ev.Values()...)
	}
}
