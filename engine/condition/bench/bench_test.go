// Package bench measures conditions beside cel-go, in a module of its own, so that nobody else needs that library.
package bench

import (
	"encoding/json"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/expr-lang/expr"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

const question = `level == 'error' && count >= 3`

var lines = jsonscantest.Lines("262B", 256)

// Each counts the lines that the question is true of: who is fast must also be right.
func contenders(tb testing.TB) map[string]func(line []byte) bool {
	own, err := condition.Compile(question)
	check(tb, err)
	// By itself the library takes a field that is named as one of its functions for the function.
	plain, err := expr.Compile(strings.Replace(question, "count", `$env["count"]`, 1), expr.AllowUndefinedVariables(), expr.AsBool())
	check(tb, err)
	env, err := cel.NewEnv(cel.Variable("level", cel.DynType), cel.Variable("count", cel.DynType))
	check(tb, err)
	ast, issues := env.Compile(question)
	check(tb, issues.Err())
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	check(tb, err)
	decoded := func(ask func(map[string]any) bool) func([]byte) bool {
		return func(line []byte) bool {
			var record map[string]any
			check(tb, json.Unmarshal(line, &record))
			return ask(record)
		}
	}
	var m engine.Message // as in a pipeline, nobody makes one for the question
	return map[string]func([]byte) bool{
		"condition": func(line []byte) bool {
			m.Body = line
			yes, err := own.Match(&m)
			check(tb, err)
			return yes
		},
		"expr over a decoded map": decoded(func(record map[string]any) bool {
			out, err := expr.Run(plain, record)
			check(tb, err)
			return out.(bool)
		}),
		"cel over a decoded map": decoded(func(record map[string]any) bool {
			out, _, err := program.Eval(record)
			check(tb, err)
			return out == types.True
		}),
	}
}

func check(tb testing.TB, err error) {
	if err != nil {
		tb.Helper()
		tb.Fatal(err)
	}
}

func TestSameAnswers(t *testing.T) {
	counts := map[int]bool{}
	for _, ask := range contenders(t) {
		n := 0
		for _, line := range lines {
			if ask(line) {
				n++
			}
		}
		counts[n] = true
	}
	if len(counts) != 1 || counts[0] {
		t.Errorf("the counts are %v", counts)
	}
}

func BenchmarkMatch(b *testing.B) {
	for name, ask := range contenders(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				ask(lines[n%len(lines)])
			}
		})
	}
}

// BenchmarkAnswer is the answer alone, over maps that are decoded beforehand.
func BenchmarkAnswer(b *testing.B) {
	var maps []map[string]any
	for _, line := range lines {
		var record map[string]any
		check(b, json.Unmarshal(line, &record))
		maps = append(maps, record)
	}
	plain, err := expr.Compile(strings.Replace(question, "count", `$env["count"]`, 1), expr.AllowUndefinedVariables(), expr.AsBool())
	check(b, err)
	env, err := cel.NewEnv(cel.Variable("level", cel.DynType), cel.Variable("count", cel.DynType))
	check(b, err)
	ast, _ := env.Compile(question)
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	check(b, err)
	b.Run("expr", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			_, err := expr.Run(plain, maps[n%len(maps)])
			check(b, err)
		}
	})
	b.Run("cel", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			_, _, err := program.Eval(maps[n%len(maps)])
			check(b, err)
		}
	})
}
