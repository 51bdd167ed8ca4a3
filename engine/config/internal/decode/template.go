package decode

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/eval"
)

// template is an attribute that is rendered once a batch. It waits until the pipeline's partitions are known.
type Template struct {
	Ev   *eval.Evaluation
	Expr hclsyntax.Expression
	at   diagnostics.Range
	Path string
	Refs []string // the variables that it refers to, once it is resolved
	dst  reflect.Value
}

// Resolve makes the template ready, or says what is wrong with it. It is unknown when it depends on a variable that is not set, see
// Options.NoEnv, and nil when the field shall keep its default.
func (t *Template) Resolve(scope *TemplateScope) (tpl *engine.Template, unknown, ok bool) {
	ok = t.Ev.CheckCalls(t.Expr)
	refs, refsOK := t.references(scope)
	if !t.fixOutside() || !ok || !refsOK {
		if ok {
			t.tryCalls(scope)
		}
		return nil, false, false
	}
	// Once with values of which only the type is known: this finds what no batch could be rendered with.
	v, ok := t.try(scope.unknowns(refs))
	if ok && len(refs) > 0 {
		// Once with a batch: this finds a wrong format of a date.
		v, ok = t.try(scope.values(refs, sample()))
	}
	switch {
	case !ok:
		return nil, false, false
	case !v.IsKnown():
		return nil, true, true
	case v.IsNull() && len(refs) == 0 && !t.Ev.Field.Required:
		return nil, false, true
	}
	t.warnOfForeign(t.Expr)
	text, ok := t.text(v)
	made := engine.Literal(text)
	if len(refs) > 0 {
		t.Refs = refs
		r := t.renderer(scope, refs)
		made = engine.NewTemplate(t.source(), refs, r.render).Holding(r.whole()...)
	}
	return &made, false, ok
}

func (t *Template) try(variables map[string]cty.Value) (cty.Value, bool) {
	v, diags := t.Expr.Value(t.Ev.Context(variables))
	if diags.HasErrors() {
		t.Ev.Report(diags)
		return cty.NilVal, false
	}
	return v, true
}

// tryCalls finds what functions of the template cannot work with, where the template as a whole cannot be tried.
func (t *Template) tryCalls(scope *TemplateScope) {
	hclsyntax.VisitAll(t.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || call.Name == "env" || call.Name == "file" {
			return nil
		}
		var refs []string
		for _, v := range call.Variables() {
			ref, summary, _ := scope.reference(v)
			if summary != "" {
				return nil
			}
			refs = append(refs, ref)
		}
		if _, diags := call.Value(t.Ev.Context(scope.values(refs, sample()))); diags.HasErrors() {
			t.Ev.Report(diags)
		}
		return nil
	})
}

// sample is a batch to try a template with.
func sample() *engine.Batch {
	return &engine.Batch{ID: engine.NewID(), Time: time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)}
}

func (t *Template) text(v cty.Value) (string, bool) {
	s := setter{t.Ev, t.Expr, t.at}
	text, ok := s.text(v)
	if !ok {
		return "", s.wrongType(v)
	}
	return text, s.templateEnds(text)
}

// Set gives the field its template.
func (t *Template) Set(tpl *engine.Template) {
	made := reflect.ValueOf(tpl)
	if t.dst.Kind() != reflect.Pointer {
		made = made.Elem()
	}
	t.dst.Set(made)
}

// source is the template as it stands in the file, without the quotes around it.
func (t *Template) source() string {
	text := string(t.Ev.File.Src[t.at.Start.Byte:t.at.End.Byte])
	switch t.Expr.(type) {
	case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr:
		return strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
	}
	return text
}

// fixOutside evaluates what the template reads from outside, so that rendering finds it read: a key may depend on nothing but its
// batch. Their arguments therefore must not depend on the batch.
func (t *Template) fixOutside() bool {
	ok := true
	hclsyntax.VisitAll(t.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is || call.Name != "env" && call.Name != "file" {
			return nil
		}
		if refs := call.Variables(); len(refs) > 0 {
			t.Ev.Add(refs[0].SourceRange(), fmt.Sprintf("%s is read once, at start, and cannot depend on a batch", call.Name),
				fmt.Sprintf("Take %s out of the arguments of %s.", eval.TraversalText(refs[0]), call.Name))
			ok = false
		} else if _, diags := call.Value(t.Ev.Context(nil)); diags.HasErrors() {
			t.Ev.Report(diags)
			ok = false
		}
		return nil
	})
	return ok
}

// references returns the variables that the template uses, in the words of engine.Template, and reports those that are none.
func (t *Template) references(scope *TemplateScope) (refs []string, ok bool) {
	ok = true
	for _, v := range t.Expr.Variables() {
		ref, summary, detail := scope.reference(v)
		if summary != "" {
			t.Ev.Add(v.SourceRange(), summary, detail)
			ok = false
			continue
		}
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs, ok
}
