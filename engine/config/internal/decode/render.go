package decode

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/logpipe/logpipe/engine"
)

// renderer renders a template for a batch. It reads nothing but the batch, and may be used by several goroutines at once.
//
// Evaluating HCL takes microseconds for each variable, and batches may be small. So a template is taken apart once: text and
// variables are copied, and only what is more than that is evaluated.
type renderer struct {
	path  string
	scope *TemplateScope
	refs  []string
	ctx   *hcl.EvalContext
	parts []part
}

// part is a text, a variable or an expression: whichever is set.
type part struct {
	text string
	ref  string
	expr hclsyntax.Expression
	hive bool // it is in the value of a step "name=value"
}

func (t *Template) renderer(scope *TemplateScope, refs []string) *renderer {
	r := &renderer{path: t.Path, scope: scope, refs: refs, ctx: t.Ev.Frozen().Context(nil)}
	switch e := t.Expr.(type) {
	case *hclsyntax.TemplateExpr:
		for _, p := range e.Parts {
			r.parts = append(r.parts, r.part(p))
		}
	case *hclsyntax.TemplateWrapExpr:
		r.parts = []part{r.part(e.Wrapped)}
	default:
		r.parts = []part{r.part(e)}
	}
	markHive(r.parts)
	return r
}

// markHive finds the parts behind "name=" of the same step.
func markHive(parts []part) {
	step := ""
	for i := range parts {
		p := &parts[i]
		p.hive = strings.IndexByte(step, '=') > 0
		switch {
		case p.text == "":
			step += "?"
		case strings.Contains(p.text, "/"):
			step = p.text[strings.LastIndexByte(p.text, '/')+1:]
		default:
			step += p.text
		}
	}
}

func (r *renderer) part(e hclsyntax.Expression) part {
	variables := e.Variables()
	if len(variables) == 0 {
		if text, err := r.evaluate(e, r.ctx); err == nil {
			return part{text: text}
		}
	}
	if _, plain := e.(*hclsyntax.ScopeTraversalExpr); plain && len(variables) == 1 {
		// Without a summary the variable is one; and it is all of the expression if nothing is asked of its value.
		if ref, wrong, _ := r.scope.reference(variables[0]); wrong == "" && ref == strings.Join(stepNames(variables[0]), ".") {
			return part{ref: ref}
		}
	}
	return part{expr: e}
}

// whole are the variables that are parts of their own: their values stand in the text as they are.
func (r *renderer) whole() []string {
	var refs []string
	for _, p := range r.parts {
		if p.ref != "" {
			refs = append(refs, p.ref)
		}
	}
	return refs
}

func (r *renderer) render(b *engine.Batch) (string, error) {
	text := make([]byte, 0, 128)
	var ctx *hcl.EvalContext
	for i := range r.parts {
		switch p := &r.parts[i]; {
		case p.ref == "batch.time" && p.hive:
			text = append(text, hiveText(string(r.scope.append(nil, p.ref, b, Segment)))...)
		case p.ref != "" && p.hive:
			text = r.scope.append(text, p.ref, b, HiveSegment)
		case p.ref != "":
			text = r.scope.append(text, p.ref, b, Segment)
		case p.expr != nil:
			if ctx == nil {
				ctx = r.ctx.NewChild()
				ctx.Variables = r.scope.values(r.refs, b)
			}
			s, err := r.evaluate(p.expr, ctx)
			if err != nil {
				return "", fmt.Errorf("render %s of batch %s: %w", r.path, b.ID, err)
			}
			if p.hive {
				s = hiveText(s)
			}
			text = append(text, s...)
		default:
			text = append(text, p.text...)
		}
	}
	return string(text), nil
}

func (r *renderer) evaluate(e hclsyntax.Expression, ctx *hcl.EvalContext) (string, error) {
	v, diags := e.Value(ctx)
	if diags.HasErrors() {
		return "", diags
	}
	v, err := convert.Convert(v, cty.String)
	switch {
	case err != nil:
		return "", err
	case v.IsNull() || !v.IsKnown():
		return "", fmt.Errorf("it is no text")
	}
	return v.AsString(), nil
}
