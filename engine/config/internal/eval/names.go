package eval

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/schema"
	"github.com/zclconf/go-cty/cty"
)

// CheckCalls finds what no value can be made of, and says it better than the evaluation could.
func (ev *Evaluation) CheckCalls(e hclsyntax.Expression) bool {
	ok := true
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			ok = ev.checkCall(n) && ok
		case *hclsyntax.BinaryOpExpr:
			ok = ev.checkOperation(n) && ok
		case *hclsyntax.ForExpr:
			// Loops in loops over long lists would never end, and there is nothing here that one has to loop over.
			ev.Add(n.Range(), "there are no for expressions here", "Write the list out, or read one from the environment: env(\"NAME\", [\"default\"]).")
			ok = false
		}
		return nil
	})
	return ok
}

func (ev *Evaluation) checkCall(call *hclsyntax.FunctionCallExpr) bool {
	if call.Name == "env" || call.Name == "file" {
		return true
	}
	if _, ok := ev.World.funcs[call.Name]; ok {
		return true
	}
	if ev.Secret {
		ev.Add(call.NameRange, "there is no such function", "Text stands in double quotes, also in a secret; it is not shown here.")
		return false
	}
	g := "These functions are there: " + strings.Join(ev.World.funcs.names(), ", ") + "."
	switch near := diagnostics.Suggest(call.Name, ev.World.funcs.names()); {
	case near != "":
		g = fmt.Sprintf("Did you mean %s?", near)
	case isImpure(call.Name):
		g = "What a configuration says must not depend on the clock or on chance. In a template, batch.time and batch.id are there."
	case call.Name == "try" || call.Name == "can":
		g = "env(\"NAME\", default) has a default, coalesce(a, b) takes the first that is not empty."
	}
	ev.Add(call.NameRange, fmt.Sprintf("there is no function %s", diagnostics.Shorten(call.Name)), g)
	return false
}

func isImpure(name string) bool {
	switch name {
	case "now", "timestamp", "plantimestamp", "time", "today", "date", "uuid", "uuidv4", "ulid", "rand", "random":
		return true
	}
	return false
}

// noVariable reports a name where only values may stand.
func (ev *Evaluation) noVariable(t hcl.Traversal) {
	name, at := TraversalText(t), t.SourceRange()
	root := t.RootName()
	switch {
	case ev.Secret && root != "batch" && root != "pipeline" && root != "env": // the name may be the secret, without its quotes
		ev.Add(at, "this is no variable", "Text stands in double quotes, also in a secret; it is not shown here.")
	case root == "batch" || root == "pipeline":
		ev.Add(at, fmt.Sprintf("%s is known only while a pipeline runs", name),
			fmt.Sprintf("Templates such as the key of an object store may use it; %s is read once, at start.", ev.Attr))
	case root == "env" && len(t) == 2:
		ev.Add(at, fmt.Sprintf("%s is no variable", name), fmt.Sprintf("Did you mean env(%q)?", strings.TrimPrefix(name, "env.")))
	case EnvironmentVariable(t) != "":
		ev.Add(at, fmt.Sprintf("%s is no variable", name), EnvironmentVariable(t))
	case ev.Field.Kind == schema.KindBool && boolWords[name] != "":
		ev.Add(at, fmt.Sprintf("%s is no variable", name), fmt.Sprintf("Did you mean %s?", boolWords[name]))
	case len(t) == 1 && ev.Field.Kind != schema.KindInt && ev.Field.Kind != schema.KindFloat && ev.Field.Kind != schema.KindBool:
		ev.Add(at, fmt.Sprintf("%s is no variable", name), fmt.Sprintf("Did you mean the text %q? Text stands in double quotes.", name))
	default:
		ev.Add(at, fmt.Sprintf("%s is no variable", name),
			fmt.Sprintf(`%s takes %s. Variables of the environment are read by env("NAME").`, ev.Attr, ev.Field.TypeWord()))
	}
}

var boolWords = map[string]string{"yes": "true", "on": "true", "True": "true", "no": "false", "off": "false", "False": "false"}

// TraversalText writes a.b["c"] as it may stand in a file.
func TraversalText(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			if s.Key.Type() == cty.String {
				fmt.Fprintf(&b, "[%q]", s.Key.AsString())
			} else {
				b.WriteString("[…]")
			}
		default:
			b.WriteString("[*]")
		}
	}
	return diagnostics.Shorten(b.String())
}

// checkOperation finds sums of texts and divisions by zero.
func (ev *Evaluation) checkOperation(n *hclsyntax.BinaryOpExpr) bool {
	switch n.Op {
	case hclsyntax.OpAdd:
		if isWords(n.LHS) || isWords(n.RHS) {
			ev.Add(n.Range(), "texts are not joined by +", `Write them as one text, with ${…} for the parts that change, as in "a-${env("NAME")}".`)
			return false
		}
	case hclsyntax.OpDivide, hclsyntax.OpModulo:
		if zero, ok := n.RHS.(*hclsyntax.LiteralValueExpr); ok && isZero(zero) {
			ev.Add(n.Range(), "this divides by zero", "Write the number that is meant.")
			return false
		}
	}
	return true
}

// isWords reports whether an expression is a text that no number can be made of.
func isWords(e hclsyntax.Expression) bool {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return ok
	}
	v, diags := t.Value(nil)
	if diags.HasErrors() {
		return false
	}
	_, number := ParseNumber(v.AsString())
	return !number
}

func isZero(e *hclsyntax.LiteralValueExpr) bool {
	n, _ := e.Value(nil)
	return IsNumber(n) && n.AsBigFloat().Sign() == 0
}

var variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// EnvironmentVariable is what to say of a name that looks like one of the environment; "" when it does not.
func EnvironmentVariable(t hcl.Traversal) string {
	if name := t.RootName(); len(t) == 1 && variableName.MatchString(name) {
		return fmt.Sprintf("Did you mean env(%q)?", name)
	}
	return ""
}
