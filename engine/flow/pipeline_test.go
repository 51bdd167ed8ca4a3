package flow_test

import (
	"context"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// A pipeline in code: an input, an output that takes what it gets, and the books of what became of each message.
func ExamplePipeline_Run() {
	ledger := enginetest.NewLedger()
	source := enginetest.NewSource(ledger, "one", "two", "three")
	store := enginetest.NewStore(ledger, "output")

	p := &flow.Pipeline{
		Name:         "example",
		Inputs:       []engine.InputStep{{Name: "input.memory", Input: source}},
		Output:       engine.OutputStep{Name: "output.memory", Output: store},
		Workers:      1,
		DrainTimeout: time.Second,
	}
	if err := p.Run(context.Background()); err != nil { // until the source is finished
		fmt.Println(err)
	}
	fmt.Println(len(store.Bodies()), "stored,", source.Unacked(), "unacked")
	// Output: 3 stored, 0 unacked
}

// Supervise keeps pipelines running: one that fails is built and started again.
func ExampleSupervise() {
	store := enginetest.NewStore(enginetest.NewLedger(), "output")
	build := func() (*flow.Pipeline, error) {
		return &flow.Pipeline{
			Name:         "example",
			Inputs:       []engine.InputStep{{Name: "input.memory", Input: enginetest.NewSource(enginetest.NewLedger(), "one", "two")}},
			Output:       engine.OutputStep{Name: "output.memory", Output: store},
			Workers:      1,
			DrainTimeout: time.Second,
		}, nil
	}
	err := flow.Supervise(context.Background(), []flow.Spec{{Name: "example", Build: build}})
	fmt.Println(len(store.Bodies()), err)
	// Output: 2 <nil>
}
