package plugins_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/inputs/generator"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/outputs/stdout"
	"github.com/logpipe/logpipe/plugins/processors/batch"
	"github.com/logpipe/logpipe/plugins/processors/json"
)

// drop is an output in memory that keeps nothing.
type drop struct{}

func (drop) Write(context.Context, *engine.Batch) error { return nil }
func (drop) Close(context.Context) error                { return nil }

// packed is an output that does with a batch what one to a store does, but for the way there.
type packed struct{ *encode.Encoder }

func (p packed) Write(_ context.Context, b *engine.Batch) error {
	buf, err := p.Encode(b)
	if err != nil {
		return err
	}
	buf.Release()
	return nil
}

func (packed) Close(context.Context) error { return nil }

func packing(t testing.TB, c encode.Compression, level int) engine.Output {
	e, err := encode.New(encode.Lines, c, level)
	if err != nil {
		t.Fatal(err)
	}
	return packed{e}
}

// nowhere is the output stdout with /dev/null as the standard output.
func nowhere(t testing.TB) engine.Output {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	defer func(old *os.File) { os.Stdout = old }(os.Stdout)
	os.Stdout = null
	out, err := stdout.New(stdout.Defaults(), engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// move runs n generated messages through a pipeline.
func move(t testing.TB, n int, size engine.Bytes, out engine.Output, processors ...engine.ProcessorStep) {
	c := generator.Defaults()
	c.Count, c.Size = n, size
	in, err := generator.New(c, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	p := &flow.Pipeline{
		Name:       "move",
		Inputs:     []engine.InputStep{{Name: "input.generator", Input: in, Window: engine.Capacity{Messages: 20000}}},
		Processors: processors,
		Output:     engine.OutputStep{Name: "output", Output: out},
		DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: drop{}},
		Workers:    1,
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// checkedAndBatched are the processors of most pipelines.
func checkedAndBatched(t testing.TB) []engine.ProcessorStep {
	check, err := json.New(json.Defaults(), engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	c := batch.Defaults()
	c.PartitionBy = []string{"source"}
	group, err := batch.New(c, engine.Env{NewID: engine.NewID})
	if err != nil {
		t.Fatal(err)
	}
	return []engine.ProcessorStep{{Name: "processor.json", Processor: check}, {Name: "processor.batch", Processor: group}}
}

// BenchmarkPipeline is the cost of a message in whole pipelines that need no server: one operation is one message.
func BenchmarkPipeline(b *testing.B) {
	for _, size := range []engine.Bytes{0, 262} {
		for _, c := range []struct {
			name       string
			out        engine.Output
			processors []engine.ProcessorStep
		}{
			{"drop", drop{}, nil},
			{"stdout", nowhere(b), nil},
			{"json+batch+lines", packing(b, encode.None, 0), checkedAndBatched(b)},
			{"json+batch+gzip1", packing(b, encode.Gzip, 1), checkedAndBatched(b)},
		} {
			b.Run(fmt.Sprintf("%s/size%d", c.name, size), func(b *testing.B) {
				b.ReportAllocs()
				move(b, b.N, size, c.out, c.processors...)
			})
		}
	}
}

// What a message costs from its making to the bytes of an object, without the way to a store: nothing of its own in any step. One allocation a
// message more would cost a user about as much processor time as the whole JSON check.
func TestBudgetPipeline(t *testing.T) {
	const messages = 100_000
	for name, c := range map[string]struct {
		out        engine.Output
		processors func(testing.TB) []engine.ProcessorStep
		budget     enginetest.Budget
	}{
		// The generator makes one piece of memory a chunk of 256, rounded up to 288 bytes a message; the engine has 7 allocations a chunk.
		"generator to drop":   {drop{}, nil, enginetest.Budget{Allocations: 0.036, Bytes: 300}},
		"generator to stdout": {nowhere(t), nil, enginetest.Budget{Allocations: 0.036, Bytes: 300}},
		// A batch grows in steps up to 1000 messages of 72 bytes, which is 100 bytes a message.
		"json, batch, lines": {packing(t, encode.None, 0), checkedAndBatched, enginetest.Budget{Allocations: 0.036, Bytes: 420}},
		"json, batch, gzip":  {packing(t, encode.Gzip, 1), checkedAndBatched, enginetest.Budget{Allocations: 0.036, Bytes: 440}},
	} {
		t.Run(name, func(t *testing.T) {
			c.budget.Check(t, messages, func() {
				var processors []engine.ProcessorStep
				if c.processors != nil {
					processors = c.processors(t)
				}
				move(t, messages, 262, c.out, processors...)
			})
		})
	}
}
