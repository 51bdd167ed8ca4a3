package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
)

// evaluate returns what a text attribute makes of an expression, or what is said of it.
func evaluate(t *testing.T, expr string, env map[string]string) (string, string) {
	t.Helper()
	o := options(nil)
	o.LookupEnv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	src := fmt.Sprintf("pipeline \"a\" {\n  input \"amqp\" {\n    queue = %s\n  }\n  output \"stdout\" {}\n}\n", expr)
	c, found := config.LoadSource("a.hcl", []byte(src), o)
	if c == nil {
		return "", found.All()[0].Summary
	}
	return c.Pipelines[0].Blocks[0].Config.(*amqpInput).Queue, ""
}

func TestFunctions(t *testing.T) {
	env := map[string]string{"SET": "x", "EMPTY": "", "NUMBER": " 12 ", "BOOL": "true", "LIST": "a, b,,c"}
	for expr, want := range map[string]string{
		`env("SET")`: "x", `env("SET", "y")`: "x", `env("EMPTY", "y")`: "y", `env("UNSET", "y")`: "y", `env("UNSET", env("SET"))`: "x",
		`env("UNSET", 5)`: "5", `env("NUMBER", 5) + 1`: "13", `env("BOOL", false) ? "yes" : "no"`: "yes",
		`join("|", env("LIST", []))`: "a|b|c", `join("|", env("UNSET", ["p", "q"]))`: "p|q", `env("SET", null)`: "x",
		`env(format("%s%s", "S", "ET"))`: "x", `"${env("SET")}-${env("UNSET", "z")}"`: "x-z",
		`coalesce(env("EMPTY", ""), null, "c")`: "c", `format("%s-%03d-%5.1f", "a", 7, 2.25)`: "a-007-  2.2",
		`formatdate("YYYY-MM-DD", "2026-03-04T05:06:07Z")`: "2026-03-04",
		`lower("ÄB")`: "äb", `upper("äb")`: "ÄB", `title("a b")`: "A B", `trimspace(" a\n")`: "a", `chomp("a\n")`: "a",
		`trim("--a--", "-")`: "a", `trimprefix("abc", "a")`: "bc", `trimsuffix("abc", "c")`: "ab", `replace("a.b.c", ".", "/")`: "a/b/c",
		`substr("hello", 1, 3)`: "ell", `tostring(length("häa"))`: "3", `length(["a", "b"])`: "2", `length({ a = 1 })`: "1", `strlen("ab")`: "2",
		`split(",", "a,b")[1]`: "b", `join(",", concat(["a"], ["b"]), sort(["d", "c"]))`: "a,b,c,d",
		`contains(["a"], "a") ? "y" : "n"`: "y", `element(["a", "b"], 3)`: "b", `lookup({ a = "x" }, "b", "z")`: "z",
		`join(",", keys(merge({ b = 1 }, { a = 2 })))`: "a,b", `join(",", distinct(["a", "a"]), reverse(["x", "y"]))`: "a,y,x",
		`jsonencode({ a = [1, true, null] })`: `{"a":[1,true,null]}`, `jsondecode("{\"a\":[1]}").a[0]`: "1",
		`base64encode("hi")`: "aGk=", `base64decode("aGk=")`: "hi", `tonumber("5") + max(1, 2) + min(3, 4) + abs(-1) + ceil(0.1) + floor(1.9)`: "13",
		`tobool("true") ? "y" : "n"`: "y", `values({ a = "v" })[0]`: "v", `5`: "5", `true`: "true", `1.50`: "1.5", `"a\u00e4\\"`: `aä\`,
		"chomp(<<-E\n      text\n        in\n    E\n)": "text\n  in",
	} {
		if got, wrong := evaluate(t, expr, env); got != want || wrong != "" {
			t.Errorf("%s is %q (%s), not %q", expr, got, wrong, want)
		}
	}
}

func TestFunctionErrors(t *testing.T) {
	env := map[string]string{"SET": "x", "HUGE": "1e999999999"}
	for expr, want := range map[string]string{
		`env("UNSET")`:              "the environment variable UNSET is not set, and has no default here",
		`env("SET", 5)`:             `SET="x" is not a number`,
		`env("SET", true)`:          `SET="x" is not true or false`,
		`env("SET", {})`:            `SET="x" is not a text, a number, true or false, or a list`,
		`env("HUGE", 5)`:            `HUGE="1e999999999" is not a number`,
		`env("A B")`:                `"A B" is no name of an environment variable`,
		`env("A", 1, 2)`:            "env takes a name and a default, and nothing more",
		`env(null)`:                 "env cannot work with what it was given: argument must not be null",
		`now()`:                     "there is no function now",
		`uuid()`:                    "there is no function uuid",
		`a::b()`:                    "there is no function a::b",
		`tonumber("1e999999999")`:   "tonumber cannot work with what it was given: its argument is not a number",
		`jsondecode("1e999999999")`: "jsondecode cannot work with what it was given: it holds a number that is too long",
		`1e99 * 1e99 * 1e99 * 1e99 * 1e99 * 1e99 * 1e99 * 1e99`: "1e+792 is not a text",
		`1 / 0`:                            "this divides by zero",
		`format("%99999d", 1)`:             "format cannot work with what it was given: the result would be larger than 1 MiB",
		`base64decode("/w==")`:             "base64decode cannot work with what it was given: what it stands for is no text in UTF-8",
		`coalesce(null, "")`:               "coalesce cannot work with what it was given: all of its arguments are empty",
		`length(5)`:                        "length cannot work with what it was given: it takes a list, a map or a text",
		`[for a in ["b"] : a][0]`:          "there are no for expressions here",
		`"%{for a in ["b"]}${a}%{endfor}"`: "there are no for expressions here",
		`"a${null}"`:                       "the expression result is null",
		`replace("` + strings.Repeat("a", 2000) + `", "a", "` + strings.Repeat("b", 2000) + `")`:    "replace cannot work with what it was given: the result would be larger than 1 MiB",
		`join("` + strings.Repeat("b", 2000) + `", split("", "` + strings.Repeat("a", 2000) + `"))`: "join cannot work with what it was given: the result would be larger than 1 MiB",
	} {
		if got, wrong := evaluate(t, expr, env); wrong != want {
			t.Errorf("%.80s is %.50q (%s)\nnot %s", expr, got, wrong, want)
		}
	}
}
