// Package condition compiles questions about messages, such as `level == 'debug' && status >= 500`. It is the only package that knows the
// expression language, github.com/expr-lang/expr.
//
// What a condition may use:
//
//	level, user.id, user["x-y"]   fields of the JSON record, written as in partition_by; one that is missing is nil
//	has("user.id")                whether the field is there, be it null
//	field("in")                   a field whose name is no word of the language
//	message.body, message.size    the record as it came, and its length in bytes
//	message.id, message.routing_key, message.headers["x"], message.time
//
// and the operators and functions of the language, but for those whose answer depends on the clock or on chance, or whose memory has no
// bound. A name with dots is "b" in the object "a" as well as a key "a.b"; where a field is there twice, the last one counts. The field
// "message" of a record is message itself, and field("message.id") what is in it.
//
// Numbers without fraction and exponent are compared exactly as far as 64 bits reach; others are of 64 bits floating point.
package condition

import (
	"fmt"
	"sync"

	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/logpipe/logpipe/engine"
)

const (
	maxLength = 16 << 10 // of a source, in bytes: the parser calls itself for each bracket
	maxNodes  = 1000
	// memoryBudget is how many elements the lists that one answer makes may have. It does not count the elements of a field.
	memoryBudget = 100_000
)

// Error is a mistake in a condition.
type Error struct {
	Start, End int    // of the part that is meant, in bytes of the source; End > Start unless it is the end of the source
	Summary    string // the cause
	Detail     string // the way out, may be empty

	// Given is a name that does not exist, and Known are those that do: for a suggestion.
	Given string
	Known []string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("at byte %d of the condition: %s", e.Start, e.Summary)
	if e.Detail != "" {
		text += ". " + e.Detail
	}
	return text
}

// Compile makes a condition of its source text. The error is an *Error.
func Compile(source string) (engine.Condition, error) {
	if len(source) > maxLength {
		return engine.Condition{}, &Error{End: len(source), Summary: fmt.Sprintf("a condition of more than %d bytes is too long", maxLength)}
	}
	p, err := compile(source)
	if err != nil {
		return engine.Condition{}, err
	}
	return engine.NewCondition(source, p.match), nil
}

func compile(source string) (p *program, err error) {
	defer func() {
		if r := recover(); r != nil { // the library has had panics at odd expressions
			err = &Error{End: len(source), Summary: fmt.Sprintf("this condition cannot be compiled: %v", r)}
		}
	}()
	c := config()
	tree, perr := parser.ParseWithConfig(source, c)
	if perr != nil {
		return nil, inWords(source, perr)
	}
	r := &resolver{known: names(c), slots: slots{index: map[string]bool{}}}
	r.node(&tree.Node)
	if r.err != nil {
		r.err.Start, r.err.End = bytesOf(source, r.at)
		return nil, r.err
	}
	c.WithEnv(r.slots.types())
	c.Strict = false // a field is of any type
	if _, err := checker.Check(tree, c); err != nil {
		return nil, inWords(source, err)
	}
	if err := optimizer.Optimize(&tree.Node, c); err != nil {
		return nil, inWords(source, err)
	}
	code, err := compiler.Compile(tree, c)
	if err != nil {
		return nil, inWords(source, err)
	}
	return newProgram(code, r.slots), nil
}

// config is the language as it is here. The library's own Compile would not let the fields be found before types are checked.
func config() *conf.Config {
	c := conf.CreateNew()
	c.MaxNodes = maxNodes
	c.Expect, c.ExpectAny = boolKind, true
	for name := range excluded {
		delete(c.Builtins, name)
		c.Disabled[name] = true
	}
	return c
}

// program is a compiled condition.
type program struct {
	code   *vm.Program
	slots  slots
	states sync.Pool
}

func newProgram(code *vm.Program, s slots) *program {
	p := &program{code: code, slots: s}
	p.states.New = func() any { return newState(&p.slots) }
	return p
}

// maxKept is the size of a body up to which what was made of it is kept for the next one.
const maxKept = 64 << 10

func (p *program) match(m *engine.Message) (yes bool, err error) {
	s := p.states.Get().(*state)
	if len(m.Body) <= maxKept {
		defer p.states.Put(s)
	}
	defer func() {
		if r := recover(); r != nil { // beside the machine, which recovers by itself
			yes, err = false, fmt.Errorf("the condition has no answer: %s", operation(fmt.Sprint(r)))
		}
	}()
	if err := s.load(m); err != nil {
		return false, err
	}
	out, err := s.vm.Run(p.code, s.env)
	if err != nil {
		return false, noAnswer(err)
	}
	yes, is := out.(bool)
	if !is {
		return false, fmt.Errorf("the condition has no answer: it is %s, not true or false", typeName(out))
	}
	return yes, nil
}

// bytesOf turns a place that the library counts in runes into bytes.
func bytesOf(source string, at file.Location) (start, end int) {
	start, end = len(source), len(source)
	n := 0
	for i := range source {
		if n == at.From {
			start = i
		}
		if n == at.To {
			end = i
			break
		}
		n++
	}
	return start, max(start, end)
}
