package condition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
)

// excluded are the library's functions that a condition may not use, and why.
var excluded = map[string]string{
	"now":     "The answer must not depend on the clock: a message that comes again must get the same one. There is message.time.",
	"repeat":  "It could take more memory than there is.",
	"keys":    "It gives the keys in an order that is left to chance. There is has(\"name\"), and 'name' in labels.",
	"values":  "It gives the values in an order that is left to chance.",
	"toPairs": "It gives the pairs in an order that is left to chance.",
}

// Functions of our own, which stand for places in the record.
const (
	fnHas   = "has"
	fnField = "field"
)

// names are the functions that a condition may call.
func names(c *conf.Config) []string {
	known := slices.Collect(maps.Keys(c.Builtins))
	return slices.Sorted(slices.Values(append(known, fnHas, fnField)))
}

// resolver finds what an expression reads of a message, and puts a slot in its place. So only that is taken out of a message, and
// a field within one that is missing is missing itself.
type resolver struct {
	known []string
	scope []string // variables of let
	slots slots
	err   *Error // the first one
	at    file.Location
}

func (r *resolver) fail(at ast.Node, e *Error) {
	if r.err == nil {
		r.err, r.at = e, at.Location()
	}
}

// use puts a slot in the place of a node.
func (r *resolver) use(n *ast.Node, s slot) {
	name, ok := r.slots.add(s)
	if !ok {
		r.fail(*n, &Error{Summary: "this condition reads too many fields", Detail: fmt.Sprintf("It may read %d.", maxFields)})
	}
	ast.Patch(n, &ast.IdentifierNode{Value: name})
}

func (r *resolver) node(n *ast.Node) {
	switch t := (*n).(type) {
	case *ast.IdentifierNode:
		r.identifier(n, t)
	case *ast.MemberNode:
		r.member(n, t)
	case *ast.CallNode:
		r.call(n, t)
	case *ast.VariableDeclaratorNode:
		r.node(&t.Value)
		r.scope = append(r.scope, t.Name)
		r.node(&t.Expr)
		r.scope = r.scope[:len(r.scope)-1]
	default:
		for _, child := range children(*n) {
			r.node(child)
		}
	}
}

// children are the nodes in a node that has no meaning for the resolver.
func children(n ast.Node) []*ast.Node {
	switch t := n.(type) {
	case *ast.UnaryNode:
		return []*ast.Node{&t.Node}
	case *ast.BinaryNode:
		return []*ast.Node{&t.Left, &t.Right}
	case *ast.ChainNode:
		return []*ast.Node{&t.Node}
	case *ast.SliceNode:
		return present(&t.Node, &t.From, &t.To)
	case *ast.BuiltinNode:
		return each(t.Arguments)
	case *ast.PredicateNode:
		return []*ast.Node{&t.Node}
	case *ast.ConditionalNode:
		return []*ast.Node{&t.Cond, &t.Exp1, &t.Exp2}
	case *ast.SequenceNode:
		return each(t.Nodes)
	case *ast.ArrayNode:
		return each(t.Nodes)
	case *ast.MapNode:
		return each(t.Pairs)
	case *ast.PairNode:
		return []*ast.Node{&t.Key, &t.Value}
	}
	return nil
}

func each(nodes []ast.Node) []*ast.Node {
	var all []*ast.Node
	for i := range nodes {
		all = append(all, &nodes[i])
	}
	return all
}

func present(nodes ...*ast.Node) []*ast.Node {
	return slices.DeleteFunc(nodes, func(n *ast.Node) bool { return *n == nil })
}

func (r *resolver) identifier(n *ast.Node, t *ast.IdentifierNode) {
	switch {
	case slices.Contains(r.scope, t.Value):
	case t.Value == "$env":
		r.fail(t, &Error{Summary: "there is no $env", Detail: `Write field("name") for a field whose name is no word of the language.`})
	default:
		r.use(n, slot{kind: slotField, path: t.Value})
	}
}

// member resolves a.b and a["b"].
func (r *resolver) member(n *ast.Node, t *ast.MemberNode) {
	path := constantPath(t)
	if path == nil || slices.Contains(r.scope, path[0]) {
		r.node(&t.Node)
		r.node(&t.Property)
		return
	}
	if path[0] != "message" {
		if path[0] == "$env" {
			r.identifier(n, &ast.IdentifierNode{Value: "$env"})
			return
		}
		r.use(n, slot{kind: slotField, path: strings.Join(path, ".")})
		return
	}
	kind, ok := attributes[path[1]]
	switch {
	case !ok:
		r.fail(t, &Error{Summary: fmt.Sprintf("message has no %s", path[1]), Given: path[1], Known: attributeNames(),
			Detail: fmt.Sprintf("It has %s. A field of the record is written field(%q).", strings.Join(attributeNames(), ", "), strings.Join(path, "."))})
	case kind == slotHeaders && len(path) == 3:
		r.use(n, slot{kind: slotHeader, path: path[2]})
	case len(path) == 2:
		r.use(n, slot{kind: kind})
	default:
		r.node(&t.Node)
	}
}

// constantPath is the names that a node such as a.b["c"] consists of, nil when it is another.
func constantPath(n ast.Node) []string {
	switch t := n.(type) {
	case *ast.IdentifierNode:
		return []string{t.Value}
	case *ast.ChainNode:
		return constantPath(t.Node)
	case *ast.MemberNode:
		property, is := t.Property.(*ast.StringNode)
		if path := constantPath(t.Node); is && path != nil {
			return append(path, property.Value)
		}
	}
	return nil
}

func (r *resolver) call(n *ast.Node, t *ast.CallNode) {
	switch callee := t.Callee.(type) {
	case *ast.IdentifierNode:
		r.function(n, t, callee.Value)
		return
	case *ast.MemberNode:
		name := "it"
		if property, is := callee.Property.(*ast.StringNode); is {
			name = property.Value
		}
		if path := constantPath(callee.Node); path != nil && !slices.Contains(r.scope, path[0]) && !(len(path) == 2 && path[0] == "message" && path[1] == "time") {
			r.fail(callee, &Error{Summary: fmt.Sprintf("%s is called on a field, and fields have no methods", name),
				Detail: fmt.Sprintf("Functions are written as in lower(%s).", strings.Join(path, "."))})
			return
		}
		r.node(&callee.Node)
	default:
		r.node(&t.Callee)
	}
	for i := range t.Arguments {
		r.node(&t.Arguments[i])
	}
}

// function resolves has and field. The library has made nodes of another kind of the functions that it knows.
func (r *resolver) function(n *ast.Node, t *ast.CallNode, name string) {
	if name != fnHas && name != fnField {
		e := &Error{Summary: fmt.Sprintf("there is no function %s", name), Given: name, Known: r.known}
		if why, is := excluded[name]; is {
			e = &Error{Summary: fmt.Sprintf("a condition cannot call %s", name), Detail: why}
		}
		r.fail(t.Callee, e)
		return
	}
	var path string
	if len(t.Arguments) == 1 {
		if text, is := t.Arguments[0].(*ast.StringNode); is {
			path = text.Value
		}
	}
	if path == "" {
		r.fail(t.Callee, &Error{Summary: name + " takes the name of a field as a text", Detail: fmt.Sprintf("Write it as in %s('user.id').", name)})
		return
	}
	kind := slotField
	if name == fnHas {
		kind = slotHas
	}
	r.use(n, slot{kind: kind, path: path})
}
