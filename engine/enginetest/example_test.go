package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// The test of an output calls the suite: here of one that is in memory.
func ExampleTestOutput() {
	var t *testing.T // that of func TestSuite(t *testing.T)
	stores := map[string]*enginetest.Store{}
	enginetest.TestOutput(t, enginetest.OutputSuite{
		New: func(t *testing.T) engine.Output {
			if stores[t.Name()] == nil {
				stores[t.Name()] = enginetest.NewStore(enginetest.NewLedger(), "output")
			}
			return stores[t.Name()]
		},
		Stored: func(t *testing.T) (bodies [][]byte) {
			for _, o := range stores[t.Name()].Objects() {
				for _, body := range o.Bodies {
					bodies = append(bodies, []byte(body))
				}
			}
			return bodies
		},
		Idempotent: true,
	})
}

// A store fails on a script: here the first two writes do, and the batch falls back.
func ExampleStore() {
	ledger := enginetest.NewLedger()
	source := enginetest.NewSource(ledger, "one", "two")
	output, fallback := enginetest.NewStore(ledger, "output"), enginetest.NewStore(ledger, "fallback")
	output.Script = func(n int, _ *engine.Batch) enginetest.Step {
		return enginetest.Step{Err: errors.New("503 SlowDown")}
	}
	p := &flow.Pipeline{
		Inputs:       []engine.InputStep{{Name: "input", Input: source}},
		Output:       engine.OutputStep{Name: "output", Output: output},
		Fallback:     &engine.OutputStep{Name: "fallback", Output: fallback},
		Workers:      1,
		DrainTimeout: time.Second,
	}
	err := p.Run(context.Background())
	fmt.Println(len(output.Bodies()), len(fallback.Bodies()), source.Unacked(), err)
	// Output: 0 2 0 <nil>
}
