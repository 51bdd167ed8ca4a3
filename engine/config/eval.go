package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// world is what expressions may call and read, beside the file that they stand in.
type world struct {
	*reader
	funcs functions
	env   *environment
	noEnv bool // a variable that is not set, and has no default, is an unknown value
}

func newWorld(r *reader, lookup func(string) (string, bool), noEnv bool) *world {
	w := &world{reader: r, funcs: standardFunctions(), env: newEnvironment(lookup), noEnv: noEnv}
	r.called = func(name string) bool { _, ok := w.funcs[name]; return ok }
	return w
}

// evaluation is the evaluation of one attribute's expression.
type evaluation struct {
	l      *world
	f      *file
	attr   string
	field  field
	secret bool
	reads  []envRead
	beyond *beyond // set by a number that no field can hold
	ended  bool    // nothing is read or noted any more
}

// frozen is the evaluation for use after load, by several goroutines: env and file give what they gave at load.
func (ev *evaluation) frozen() *evaluation {
	f := *ev
	f.ended = true
	return &f
}

// envRead is a variable that an expression read.
type envRead struct{ name, text string }

func (ev *evaluation) note(name, text string) {
	if ev.ended {
		return
	}
	for _, r := range ev.reads {
		if r.name == name {
			return
		}
	}
	ev.reads = append(ev.reads, envRead{name, text})
}

// values tells what came from the environment. Text may hold passwords in unexpected places, such as a URL, so it is shown
// only for what has another form.
func (ev *evaluation) values() []Value {
	var all []Value
	for _, r := range ev.reads {
		is := fmt.Sprintf("is %q", shorten(r.text))
		switch {
		case r.text == "":
			is = "is not set"
		case ev.secret || !ev.showable() || soundsSecret(r.name):
			is = "is set"
		}
		all = append(all, Value{fmt.Sprintf("env(%q)", r.name), is})
	}
	return all
}

func (ev *evaluation) showable() bool {
	switch ev.field.kind {
	case kindBool, kindInt, kindFloat, kindDuration, kindBytes:
		return true
	}
	return len(ev.field.values) > 0
}

// context is what the expression may call, with variables only for templates.
func (ev *evaluation) context(variables map[string]cty.Value) *hcl.EvalContext {
	ctx := (&hcl.EvalContext{Functions: ev.l.funcs}).NewChild()
	ctx.Functions = map[string]function.Function{"env": ev.envFunction(), "file": ev.fileFunction()}
	ctx.Variables = variables
	return ctx
}

// evaluate returns the value of an expression without variables. When it fails, that has been said.
func (ev *evaluation) evaluate(e hclsyntax.Expression) (cty.Value, bool) {
	if ev.secret {
		ev.l.hideValue(e)
	}
	ok := ev.checkCalls(e)
	for _, t := range e.Variables() {
		ev.noVariable(t)
		ok = false
	}
	if !ok {
		return cty.NilVal, false
	}
	v, diags := e.Value(ev.context(nil))
	if diags.HasErrors() {
		ev.report(diags)
		return cty.NilVal, false
	}
	v, _ = v.UnmarkDeep()
	return v, true
}

func (ev *evaluation) add(at hcl.Range, summary, detail string, values ...Value) {
	r := rangeOf(at)
	ev.l.diags.add(Diagnostic{Range: r, Summary: summary, Detail: detail, Context: ev.f.context(r.Start.Byte), Values: values})
}

// report says what went wrong in an evaluation.
func (ev *evaluation) report(diags hcl.Diagnostics) {
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
			way = fmt.Sprintf("Call it as %s.", ev.l.funcs.signature(call.Name))
		}
		if d.Summary == "Invalid operand" {
			way = "Numbers are added and compared, true and false are combined. Write the value itself, or a text in one piece."
		}
		if ev.secret {
			way = ""
		}
		ev.add(at, lowerFirst(strings.TrimSuffix(cause, ".")), way)
	}
}

func (ev *evaluation) callFailed(at hcl.Range, name string, err error) {
	var own *callError
	switch {
	case errors.As(err, &own):
		ev.add(at, own.summary, own.detail)
	case ev.secret:
		ev.add(at, fmt.Sprintf("%s cannot work with what it was given", name), fmt.Sprintf("What is wrong is not shown, because %s is a secret.", ev.attr))
	default:
		ev.add(at, fmt.Sprintf("%s cannot work with what it was given: %s", name, strings.TrimSuffix(shorten(err.Error()), ".")), ev.l.funcs.help(name), ev.values()...)
	}
}
