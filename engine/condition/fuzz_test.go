package condition_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/expr-lang/expr"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/internal/ourwords"
)

// Whatever a file has as a condition, and whatever comes as a message, nothing panics, and a mistake has a place in the source.
func FuzzCompileAndMatch(f *testing.F) {
	for _, source := range []string{`level == 'debug' && status >= 500`, `any(tags, .k == 'b')`, `let x = lower(a); x in ["b"]`, `message.headers["x"] ?? field('y')`,
		`a?.b[0:2] | len() > 1..3`, `{"a": b}.a == map(c, #)`, `é = 'x`, `reduce(a, #acc + #, 0) > 1`, `a ? b : c`, `message.time.Hour() == 3`, `sortBy(a, .b)[0]`, `-a ** 2 > 1e9`} {
		f.Add(source, record)
		f.Add(source, `{"a":[1,"x",null,{"b":2}],"b":{"c":true},"c":[[]]}`)
	}
	f.Fuzz(func(t *testing.T, source, body string) {
		c, err := condition.Compile(source)
		if err != nil {
			var e *condition.Error
			if !errors.As(err, &e) || e.Start < 0 || e.Start > e.End || e.End > len(source) || e.Summary == "" {
				t.Fatalf("%q: %#v", source, err)
			}
			return
		}
		for _, m := range []*engine.Message{message(body), {Body: []byte(body)}} {
			got, err := c.Match(m)
			again, errAgain := c.Match(m)
			if got != again || (err == nil) != (errAgain == nil) {
				t.Fatalf("%q is %v, %v and then %v, %v", source, got, err, again, errAgain)
			}
			if err != nil && err.Error() == "" {
				t.Fatal("an error without a text")
			}
			if err != nil {
				inOurWords(t, source, err)
			}
		}
	})
}

// inOurWords checks that a reason, which stands in a dead letter, says nothing of how the program is made.
func inOurWords(t *testing.T, source string, err error) {
	t.Helper()
	if word := ourwords.Foreign(err.Error()); word != "" && !strings.Contains(source, word) {
		t.Fatalf("%q says %s: %v", source, word, err)
	}
}

// What a field has that a function cannot take is in a dead letter, read by who wrote the condition and not by who wrote the program.
func TestReasonsAreInOurWords(t *testing.T) {
	for _, f := range []string{"int", "float", "abs", "ceil", "floor", "round", "lower", "upper", "trim", "len", "sum", "mean", "median", "min", "max", "first", "last", "fromJSON", "fromBase64",
		"date", "duration", "reverse", "uniq", "flatten", "sort", "toJSON", "string", "bitnot", "-", "not ", "1 + ", "1 < ", "1 in ", "'x' contains ", "'x' matches ", "1 .. "} {
		for _, field := range []string{"missing", "level", "status", "took", "ok", "none", "user", "tags", "message.time", "message.headers"} {
			source := f + "(" + field + ") == 1"
			c, err := condition.Compile(source)
			if err != nil {
				continue // it is said at validate
			}
			if _, err := c.Match(message(record)); err != nil {
				inOurWords(t, source, err)
			}
		}
	}
}

// questions are such as have the same meaning over a map in which everything is decoded: nothing but top-level fields.
var questions = []string{
	`a == 'x'`, `a != b`, `a < b`, `a >= 1`, `a == nil`, `a in b`, `a contains 'x'`, `len(a) > 1`, `a && b`, `(a ?? b) == 1`, `c == 9007199254740993`,
	`any(a, # == b)`, `lower(a) == b`, `string(a) == string(b)`, `type(a) == type(b)`, `a == b || c`, `toJSON(a) == toJSON(b)`, `a[0] == b`, `"k" in a`,
}

// A condition takes out of a message only what it asks for. It must answer as if everything had been decoded: a filter that answers otherwise
// drops what it was not told to drop.
func FuzzAsIfAllWereDecoded(f *testing.F) {
	for _, body := range []string{record, `{"a":"x","b":"x"}`, `{"a":1,"b":1.0,"c":9007199254740993}`, `{"a":[1,{"k":2}],"b":{"k":[]},"c":true}`, `{"a":"\u0078\n","a":"x"}`,
		`{"a":{"k":null},"b":1e5,"c":-0}`, `{"a":null,"b":"","c":0.1}`} {
		f.Add(body)
	}
	var made []engine.Condition
	for _, q := range questions {
		c, err := condition.Compile(q)
		if err != nil {
			f.Fatal(err)
		}
		made = append(made, c)
	}
	f.Fuzz(func(t *testing.T, body string) {
		all, ok := decodeAll(body)
		if !ok || !utf8.ValidString(body) {
			return
		}
		for i, q := range questions {
			program, err := expr.Compile(q, expr.AllowUndefinedVariables(), expr.AsBool())
			if err != nil {
				t.Fatal(err)
			}
			want, wantErr := expr.Run(program, all)
			got, gotErr := made[i].Match(&engine.Message{Body: []byte(body)})
			if (wantErr == nil) != (gotErr == nil) || wantErr == nil && want != got {
				t.Fatalf("%s of %s is %v, %v; with everything decoded %v, %v", q, body, got, gotErr, want, wantErr)
			}
		}
	})
}

// decodeAll decodes an object with encoding/json. Numbers become what the language computes with.
func decodeAll(body string) (map[string]any, bool) {
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	var all map[string]any
	if !json.Valid([]byte(body)) || dec.Decode(&all) != nil || all == nil || bytes.TrimSpace([]byte(body))[0] != '{' {
		return nil, false
	}
	return computable(all).(map[string]any), true
}

func computable(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return int(n)
		}
		x, _ := v.Float64()
		return x
	case []any:
		for i := range v {
			v[i] = computable(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = computable(v[k])
		}
	}
	return v
}
