package condition

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/file"
)

var (
	unexpected = regexp.MustCompile(`unexpected token (\w+)(?:\("(.*)"\))?`)
	mismatched = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (.+) and (.+)\)$`)
	overload   = regexp.MustCompile(`^invalid operation: (.+) ([-+*/%<>=!^]+|in|contains|matches) (.+)$`)
	notBool    = regexp.MustCompile(`^invalid operation: bool\((.+)\)$`)
	conversion = regexp.MustCompile(`^interface conversion: interface \{\} is (.+), not (\S+)`)
)

// inWords is an error of the library at compile time, with its place.
func inWords(source string, err error) *Error {
	e := &Error{End: len(source)}
	var at *file.Error
	if !errors.As(err, &at) {
		e.Summary = strings.SplitN(err.Error(), "\n", 2)[0]
		if strings.HasPrefix(e.Summary, "expected bool") {
			e.Summary, e.Detail = "this is no question: its answer is not true or false", "Compare it with something, as in level == 'debug'."
		}
		return e
	}
	e.Start, e.End = bytesOf(source, at.Location)
	e.Summary = at.Message
	switch m := unexpected.FindStringSubmatch(at.Message); {
	case m != nil && m[1] == "EOF":
		e.Start, e.End = len(source), len(source)
		e.Summary, e.Detail = "the condition ends too early", "Write what is missing behind it."
	case m != nil:
		e.Summary, e.Detail = fmt.Sprintf("%q is not expected here", m[2]), ways[m[2]]
	case at.Message == "literal not terminated":
		e.Summary, e.Detail = "this text is not closed", "Add the quote where it ends."
	case strings.HasPrefix(at.Message, "compilation failed: expression exceeds"):
		e.Summary = "this condition has too many parts"
	default:
		e.Summary = operation(at.Message)
	}
	return e
}

// ways are what to write for what people try.
var ways = map[string]string{
	"=": "Two values are compared with ==.",
	"&": "Both must be true is written &&, or and.",
	";": "There is one question, not several.",
}

// operation tells of an operation between values that do not go together, at compile time or later.
func operation(message string) string {
	if m := mismatched.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s between %s and %s", m[1], kindName(m[2]), kindName(m[3]))
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s between %s and %s", m[2], kindName(m[1]), kindName(m[3]))
	}
	if m := conversion.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is there, not %s", kindName(m[1]), kindName(m[2]))
	}
	if m := notBool.FindStringSubmatch(message); m != nil {
		return kindName(m[1]) + " is there, not true or false"
	}
	if text := strings.ReplaceAll(message, "<nil>", "nothing"); !ofGo.MatchString(text) {
		return text
	}
	return "a function or an operation has got a value that it cannot take; has(\"name\") tells whether a field is there, type(name) what it is"
}

// ofGo finds what a text of the library, or of Go's runtime, says of its own types, which tells a writer of conditions nothing.
var ofGo = regexp.MustCompile(`reflect|runtime|interface|any\b|\bfunc\b|\bint(8|16|32|64)?\b|\bfloat(32|64)\b|\bstring\b|\bmap\[|\[\]|\btime\.|json\.|\bvm\b|\bslice\b|pointer|goroutine|%!|0x[0-9a-f]`)

// kindName is a type of Go as a writer of conditions knows it.
func kindName(t string) string {
	switch t {
	case "nil", "<nil>":
		return "nothing"
	case "string":
		return "a text"
	case "int", "int64", "float64", "integer", "float":
		return "a number"
	case "bool":
		return "true or false"
	case "map[string]interface {}", "map[string]any", "map":
		return "an object"
	case "[]interface {}", "[]any", "array":
		return "a list"
	case "time.Time":
		return "a time"
	}
	return t
}

func typeName(v any) string {
	if v == nil {
		return "nothing"
	}
	switch reflect.TypeOf(v).Kind() {
	case reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	}
	return kindName(reflect.TypeOf(v).String())
}

// answer is an error of a match. Its text is made when somebody reads it: a condition may have no answer for most messages.
type answer struct{ at *file.Error }

func noAnswer(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return &answer{at}
	}
	return fmt.Errorf("the condition has no answer: %s", operation(err.Error()))
}

func (a *answer) Error() string {
	return fmt.Sprintf("the condition has no answer at column %d: %s", a.at.Column+1, operation(a.at.Message))
}
