// Package ourwords keeps the words of Go out of what people read: the reasons of dead letters, and lines of the log about a message or a file. They
// say what is there and what should be, not how the program is made.
package ourwords

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// foreign finds what Go and its library say of their own types and packages.
var foreign = regexp.MustCompile(`\breflect\b|\binterface ?\{|interface conversion|\bstrconv\b|\bjson: |\bbase64\b data|unmarshal|Go (value|struct|type)|runtime error|goroutine|` +
	`\bmap\[|\[\](byte|string|any|interface|u?int)|\bu?int(8|16|32|64)\b|\bfloat(32|64)\b|\bstruct \{|\bfunc\(|\btime\.[A-Z]|\*?\b[a-z0-9]+\.[A-Z][A-Za-z]+(Error|Value|Type|Table|Writer|Reader)\b|<nil>|%!|0x[0-9a-f]{6,}|parsing time`)

// Foreign returns the first word of Go in a text, "" where there is none. It is for tests: what a text quotes of a message may be any word.
func Foreign(text string) string { return foreign.FindString(text) }

// Of is an error of Go's library about a value, in our words; an error of another kind is left as it is. errors.Is and As find the first one in it.
func Of(err error) error {
	var done *inWords
	if errors.As(err, &done) {
		return err
	}
	text := words(err)
	if text == "" {
		return err
	}
	return &inWords{text, err}
}

type inWords struct {
	text string
	err  error
}

func (e *inWords) Error() string { return e.text }

func (e *inWords) Unwrap() error { return e.err }

func words(err error) string {
	var (
		kind   *json.UnmarshalTypeError
		syntax *json.SyntaxError
		number *strconv.NumError
		base   base64.CorruptInputError
		at     *time.ParseError
	)
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Sprintf("it is a JSON %s, which should be another kind of value", word(kind.Value))
	case errors.As(err, &kind):
		return fmt.Sprintf("%s is a %s, which should be another kind of value", kind.Field, word(kind.Value))
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON from byte %d on: %s", syntax.Offset, strings.TrimPrefix(syntax.Error(), "json: "))
	case errors.As(err, &number) && errors.Is(err, strconv.ErrRange):
		return fmt.Sprintf("the number %.40q is out of range", number.Num)
	case errors.As(err, &number):
		return fmt.Sprintf("%.40q is no number", number.Num)
	case errors.As(err, &base):
		return fmt.Sprintf("it is no base64 from byte %d on", int64(base))
	case errors.As(err, &at):
		return fmt.Sprintf("%.40q is no time", at.Value)
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return "it ends too early"
	}
	return ""
}

// word is a kind of JSON as encoding/json names it, which may have the number itself behind it.
func word(kind string) string {
	kind, _, _ = strings.Cut(kind, " ")
	switch kind {
	case "string":
		return "text"
	case "bool":
		return "boolean"
	case "array":
		return "list"
	}
	return kind
}
