package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// checkCalls finds what no value can be made of, and says it better than the evaluation could.
func (ev *evaluation) checkCalls(e hclsyntax.Expression) bool {
	ok := true
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			ok = ev.checkCall(n) && ok
		case *hclsyntax.BinaryOpExpr:
			ok = ev.checkOperation(n) && ok
		case *hclsyntax.ForExpr:
			// Loops in loops over long lists would never end, and there is nothing here that one has to loop over.
			ev.add(n.Range(), "there are no for expressions here", "Write the list out, or read one from the environment: env(\"NAME\", [\"default\"]).")
			ok = false
		}
		return nil
	})
	return ok
}

func (ev *evaluation) checkCall(call *hclsyntax.FunctionCallExpr) bool {
	if call.Name == "env" || call.Name == "file" {
		return true
	}
	if _, ok := ev.l.funcs[call.Name]; ok {
		return true
	}
	if ev.secret {
		ev.add(call.NameRange, "there is no such function", "Text stands in double quotes, also in a secret; it is not shown here.")
		return false
	}
	g := "These functions are there: " + strings.Join(ev.l.funcs.names(), ", ") + "."
	switch near := Suggest(call.Name, ev.l.funcs.names()); {
	case near != "":
		g = fmt.Sprintf("Did you mean %s?", near)
	case isImpure(call.Name):
		g = "What a configuration says must not depend on the clock or on chance. In a template, batch.time and batch.id are there."
	case call.Name == "try" || call.Name == "can":
		g = "env(\"NAME\", default) has a default, coalesce(a, b) takes the first that is not empty."
	}
	ev.add(call.NameRange, fmt.Sprintf("there is no function %s", shorten(call.Name)), g)
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
func (ev *evaluation) noVariable(t hcl.Traversal) {
	name, at := traversalText(t), t.SourceRange()
	root := t.RootName()
	switch {
	case ev.secret && root != "batch" && root != "pipeline" && root != "env": // the name may be the secret, without its quotes
		ev.add(at, "this is no variable", "Text stands in double quotes, also in a secret; it is not shown here.")
	case root == "batch" || root == "pipeline":
		ev.add(at, fmt.Sprintf("%s is known only while a pipeline runs", name),
			fmt.Sprintf("Templates such as the key of an object store may use it; %s is read once, at start.", ev.attr))
	case root == "env" && len(t) == 2:
		ev.add(at, fmt.Sprintf("%s is no variable", name), fmt.Sprintf("Did you mean env(%q)?", strings.TrimPrefix(name, "env.")))
	case environmentVariable(t) != "":
		ev.add(at, fmt.Sprintf("%s is no variable", name), environmentVariable(t))
	case ev.field.kind == kindBool && boolWords[name] != "":
		ev.add(at, fmt.Sprintf("%s is no variable", name), fmt.Sprintf("Did you mean %s?", boolWords[name]))
	case len(t) == 1 && ev.field.kind != kindInt && ev.field.kind != kindFloat && ev.field.kind != kindBool:
		ev.add(at, fmt.Sprintf("%s is no variable", name), fmt.Sprintf("Did you mean the text %q? Text stands in double quotes.", name))
	default:
		ev.add(at, fmt.Sprintf("%s is no variable", name),
			fmt.Sprintf(`%s takes %s. Variables of the environment are read by env("NAME").`, ev.attr, ev.field.typeWord()))
	}
}

var boolWords = map[string]string{"yes": "true", "on": "true", "True": "true", "no": "false", "off": "false", "False": "false"}

// traversalText writes a.b["c"] as it may stand in a file.
func traversalText(t hcl.Traversal) string {
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
	return shorten(b.String())
}

// checkOperation finds sums of texts and divisions by zero.
func (ev *evaluation) checkOperation(n *hclsyntax.BinaryOpExpr) bool {
	switch n.Op {
	case hclsyntax.OpAdd:
		if isWords(n.LHS) || isWords(n.RHS) {
			ev.add(n.Range(), "texts are not joined by +", `Write them as one text, with ${…} for the parts that change, as in "a-${env("NAME")}".`)
			return false
		}
	case hclsyntax.OpDivide, hclsyntax.OpModulo:
		if zero, ok := n.RHS.(*hclsyntax.LiteralValueExpr); ok && isZero(zero) {
			ev.add(n.Range(), "this divides by zero", "Write the number that is meant.")
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
	_, number := parseNumber(v.AsString())
	return !number
}

func isZero(e *hclsyntax.LiteralValueExpr) bool {
	n, _ := e.Value(nil)
	return isNumber(n) && n.AsBigFloat().Sign() == 0
}

var variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// environmentVariable is what to say of a name that looks like one of the environment; "" when it does not.
func environmentVariable(t hcl.Traversal) string {
	if name := t.RootName(); len(t) == 1 && variableName.MatchString(name) {
		return fmt.Sprintf("Did you mean env(%q)?", name)
	}
	return ""
}
