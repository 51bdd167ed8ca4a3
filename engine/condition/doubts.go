package condition

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/logpipe/logpipe/engine"
)

// Doubts returns the parts of a condition that are right and yet can hardly be meant: quotes that were forgotten or are too many, a name with a hyphen, questions
// with one answer for every message. It returns none for a source that Compile refuses.
func Doubts(source string) []*Error {
	p, err := compile(source)
	if err != nil {
		return nil
	}
	if len(p.slots.list) == 0 {
		return constantDoubt(source, p)
	}
	tree, perr := parser.ParseWithConfig(source, config())
	if perr != nil {
		return nil
	}
	d := &doubter{source: source}
	ast.Walk(&tree.Node, visitor(d.names))
	ast.Walk(&tree.Node, visitor(d.node))
	return d.found
}

// constantDoubt is about a condition that asks nothing. Who writes true or false means it.
func constantDoubt(source string, p *program) []*Error {
	text := strings.TrimSpace(source)
	if text == "true" || text == "false" {
		return nil
	}
	summary := "this condition asks nothing of a message, and has no answer"
	if answer, err := p.match(&engine.Message{}); err == nil {
		summary = fmt.Sprintf("this condition asks nothing of a message: it is always %v", answer)
	}
	return []*Error{{End: len(source), Summary: summary, Detail: "Fields are written without quotes, texts with them."}}
}

type visitor func(ast.Node)

func (v visitor) Visit(n *ast.Node) { v(*n) }

// doubter looks at a condition as it is written, before fields become slots.
type doubter struct {
	source string
	lets   []string // names that let gives
	found  []*Error
}

func (d *doubter) names(n ast.Node) {
	if t, is := n.(*ast.VariableDeclaratorNode); is {
		d.lets = append(d.lets, t.Name)
	}
}

func (d *doubter) add(at file.Location, summary, detail string) {
	e := &Error{Summary: summary, Detail: detail}
	e.Start, e.End = bytesOf(d.source, at)
	d.found = append(d.found, e)
}

func (d *doubter) node(n ast.Node) {
	t, is := n.(*ast.BinaryNode)
	if !is {
		return
	}
	switch t.Operator {
	case "==", "!=":
		d.value(t, t.Left)
		d.value(t, t.Right)
	case "<", ">", "<=", ">=":
		d.order(t.Left)
		d.order(t.Right)
	case "-":
		d.hyphen(t)
	case "&&", "and":
		d.contradiction(t, "==", "no value is both, so this is never true", "Between values of which one will do stands || or in [...].")
	case "||", "or":
		d.contradiction(t, "!=", "every value is other than one of them, so this is always true", "Between values of which none will do stands && or not in [...].")
	}
}

// values are words that stand for themselves in logs, and are hardly names of fields to be compared with another one.
var values = []string{
	"emergency", "alert", "critical", "crit", "fatal", "panic", "error", "err", "warning", "warn", "notice", "info", "debug", "trace",
	"prod", "production", "staging", "dev", "development", "test", "ok", "failed", "success", "yes", "no", "on", "off", "null", "none", "None",
}

// value doubts a name without quotes that looks like the value of the field on the other side.
func (d *doubter) value(t *ast.BinaryNode, side ast.Node) {
	name, is := side.(*ast.IdentifierNode)
	if !is || slices.Contains(d.lets, name.Value) || !slices.Contains(values, name.Value) && !shouted(name.Value) {
		return
	}
	other := t.Left
	if other == side {
		other = t.Right
	}
	if constantPath(other) == nil {
		return
	}
	detail := fmt.Sprintf("Write '%s' if the text is meant. If it is the field, field(%q) says so.", name.Value, name.Value)
	if strings.EqualFold(name.Value, "null") || strings.EqualFold(name.Value, "none") {
		detail = fmt.Sprintf("Write nil for a field that is missing or null. If the field %s is meant, field(%q) says so.", name.Value, name.Value)
	}
	d.add(name.Location(), fmt.Sprintf("%s without quotes is the field %s of the record", name.Value, name.Value), detail)
}

// shouted reports whether a name is in capitals, as methods and levels are.
func shouted(name string) bool {
	return len(name) > 1 && name == strings.ToUpper(name) && name != strings.ToLower(name)
}

// order doubts a number or a version in quotes that something is to be more or less than.
func (d *doubter) order(side ast.Node) {
	text, is := side.(*ast.StringNode)
	if !is {
		return
	}
	switch {
	case number.MatchString(text.Value):
		d.add(text.Location(), fmt.Sprintf("'%s' is a text, which is compared by its characters: '1000' is less than '500', and there is no answer for a number", text.Value),
			fmt.Sprintf("Write %s without quotes; int(field) makes a number of a field that is a text.", text.Value))
	case version.MatchString(text.Value):
		d.add(text.Location(), fmt.Sprintf("'%s' is a text, which is compared by its characters: '5.10.0' is less than '5.5.0'", text.Value),
			`Ask for the versions that are meant, as in ver matches '^5[.]([5-9]|[1-9][0-9])[.]'.`)
	}
}

var (
	number  = regexp.MustCompile(`^-?[0-9]+([.][0-9]+)?$`)
	version = regexp.MustCompile(`^v?[0-9]+([.][0-9]+){2,}$`)
)

// hyphen doubts a subtraction without blanks of two names, which is how a field with a hyphen looks.
func (d *doubter) hyphen(t *ast.BinaryNode) {
	left, right := constantPath(t.Left), constantPath(t.Right)
	last, is := t.Right.(*ast.IdentifierNode)
	if left == nil || right == nil || !is || slices.Contains(d.lets, last.Value) || slices.Contains(d.lets, left[0]) {
		return
	}
	name := strings.Join(left, ".") + "-" + last.Value
	if !strings.Contains(d.source, name) {
		return // there are blanks between them
	}
	d.add(t.Location(), fmt.Sprintf("%s is the field %s minus the field %s", name, strings.Join(left, "."), last.Value),
		fmt.Sprintf("A field of this name is written field(%q). With blanks around the minus it is a subtraction.", name))
}

// contradiction doubts two comparisons of one thing with different values.
func (d *doubter) contradiction(t *ast.BinaryNode, operator, summary, detail string) {
	left, ok := t.Left.(*ast.BinaryNode)
	right, ok2 := t.Right.(*ast.BinaryNode)
	if !ok || !ok2 {
		return
	}
	if left.Operator == t.Operator { // a && b && c: what stands last before it
		left, ok = left.Right.(*ast.BinaryNode)
	}
	if !ok || left.Operator != operator || right.Operator != operator || left.Left.String() != right.Left.String() {
		return
	}
	if literal(left.Right) && literal(right.Right) && left.Right.String() != right.Right.String() {
		d.add(t.Location(), fmt.Sprintf("%s and %s: %s", left, right, summary), detail)
	}
}

func literal(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}
