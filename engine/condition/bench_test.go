package condition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/expr-lang/expr"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/condition"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
)

// typical is the kind of question that most filters ask; it is true of some lines and not of others.
const typical = `level == 'error' && count >= 3`

func messages() []engine.Message {
	lines := jsonscantest.Lines("262B", 256)
	all := make([]engine.Message, len(lines))
	for i := range lines {
		all[i].Body = lines[i]
	}
	return all
}

// A filter looks at every message. What it allocates for one, it allocates for all.
func TestBudgetMatch(t *testing.T) {
	all := messages()
	c, err := condition.Compile(typical)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Budget{}.Check(t, len(all), func() {
		for i := range all {
			if _, err := c.Match(&all[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, source := range map[string]string{"typical": typical, "text": `message contains 'timeout'`, "list": `level in ['warn', 'error']`, "own": `message.size > 100`, "no answer": `missing > 1`} {
		c, err := condition.Compile(source)
		if err != nil {
			b.Fatal(err)
		}
		all := messages()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				c.Match(&all[n%len(all)])
			}
		})
	}
}

// BenchmarkDecodedMap is the plain way: decode all of the body, and ask the library over the map.
func BenchmarkDecodedMap(b *testing.B) {
	// By itself the library takes a field that is named as one of its functions for the function.
	program, err := expr.Compile(strings.Replace(typical, "count", `$env["count"]`, 1), expr.AllowUndefinedVariables(), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	all := messages()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		var record map[string]any
		if err := json.Unmarshal(all[n%len(all)].Body, &record); err != nil {
			b.Fatal(err)
		}
		if _, err := expr.Run(program, record); err != nil {
			b.Fatal(err)
		}
	}
}
