package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// upper is a transform. It puts a new slice in the place of a body: the bytes of the old one are the source's.
type upper struct{}

func (upper) Process(_ context.Context, b *engine.Batch) error {
	for i, m := range b.Messages {
		if len(m.Body) == 0 {
			b.Reject(i, errors.New("there is nothing to write"))
			continue
		}
		b.Messages[i].Body = bytes.ToUpper(m.Body)
	}
	return nil
}

// upperConfig says what a file may set; an empty message is rejected, so the pipeline needs a dead_letter.
type upperConfig struct{}

func (upperConfig) Traits() engine.Traits { return engine.Traits{Rejects: true} }

func ExampleNewTransform() {
	plugin := engine.NewTransform("upper", "Writes messages in upper case.",
		func() upperConfig { return upperConfig{} },
		func(upperConfig, engine.Env) (engine.Transform, error) { return upper{}, nil })

	fmt.Println(plugin.Kind(), plugin.Name())
	fmt.Println("may reject:", engine.TraitsOf(plugin.NewConfig()).Rejects)
	// Output:
	// processor upper
	// may reject: true
}

// A test of a transform without a pipeline: Marks tells what it said of messages.
func ExampleMarks() {
	b := enginetest.NewBatch([]byte("one"), nil)
	if err := (upper{}).Process(context.Background(), b); err != nil {
		fmt.Println(err)
	}
	_, rejected := engine.Marks(b)
	fmt.Printf("%s, %v\n", b.Messages[0].Body, rejected[1])
	// Output: ONE, there is nothing to write
}

// fileConfig shows what the tags of a configuration say. Everything that a user sees of the plugin comes from them.
type fileConfig struct {
	Path    engine.Template `hcl:"path" doc:"The file to write." example:"logs/$${batch.date}.ndjson"`
	Mode    string          `hcl:"mode,optional" values:"append,replace" doc:"What becomes of a file that is there."`
	Timeout time.Duration   `hcl:"timeout,optional" doc:"How long a write may take."`
}

func (c fileConfig) Validate() error {
	if c.Timeout <= 0 {
		return engine.AttrErrorf("timeout", "must be longer than nothing, not %s", c.Timeout)
	}
	return nil
}

func ExampleNewOutput() {
	plugin := engine.NewOutput("example", "Writes to a file. It stands for your output.",
		func() fileConfig { return fileConfig{Mode: "append", Timeout: 5 * time.Second} },
		func(fileConfig, engine.Env) (engine.Output, error) {
			return enginetest.NewStore(enginetest.NewLedger(), "output"), nil
		})

	cfg := plugin.NewConfig().(*fileConfig)
	fmt.Println(cfg.Mode, cfg.Timeout, engine.Validate(cfg, engine.RoleOutput))
	cfg.Timeout = 0
	fmt.Println(engine.Validate(cfg, engine.RoleOutput))
	// Output:
	// append 5s <nil>
	// timeout: must be longer than nothing, not 0s
}

// every is a stage without anything to hold: chunks, and the engine's sweeps among them, pass one after the other.
type every struct{ pause time.Duration }

func (s every) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	for b := range in {
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func ExampleNewStage() {
	plugin := engine.NewStage("every", "Lets a chunk pass now and then.",
		func() struct{} { return struct{}{} },
		func(struct{}, engine.Env) (engine.Stage, error) { return every{time.Millisecond}, nil })

	stage, err := plugin.Build(plugin.NewConfig(), engine.Env{})
	if err != nil {
		fmt.Println(err)
	}
	store := enginetest.NewStore(enginetest.NewLedger(), "output")
	p := &flow.Pipeline{
		Inputs:       []engine.InputStep{{Name: "input", Input: enginetest.NewSource(enginetest.NewLedger(), "one", "two")}},
		Processors:   []engine.ProcessorStep{{Name: "processor.every", Processor: stage}},
		Output:       engine.OutputStep{Name: "output", Output: store},
		Workers:      1,
		DrainTimeout: time.Second,
	}
	fmt.Println(plugin.IsStage(), p.Run(context.Background()), len(store.Bodies()))
	// Output: true <nil> 2
}

// once is a policy: it tries a second time, at once.
type once struct{}

func (once) Wrap(next engine.Output) engine.Output { return twice{next} }

type twice struct{ engine.Output }

func (o twice) Write(ctx context.Context, b *engine.Batch) error {
	err := o.Output.Write(ctx, b)
	if err != nil && !engine.Futile(err) {
		return o.Output.Write(ctx, b)
	}
	return err
}

func ExampleNewPolicy() {
	plugin := engine.NewPolicy("once", "Tries once more.",
		func() struct{} { return struct{}{} },
		func(struct{}, engine.Env) (engine.Policy, error) { return once{}, nil })

	store := enginetest.NewStore(enginetest.NewLedger(), "output")
	store.Script = func(n int, _ *engine.Batch) enginetest.Step {
		if n == 0 {
			return enginetest.Step{Err: errors.New("503 SlowDown")}
		}
		return enginetest.Step{}
	}
	err := once{}.Wrap(store).Write(context.Background(), enginetest.NewBatch([]byte("one")))
	fmt.Println(plugin.IsPolicy(), store.Calls(), err)
	// Output: true 2 <nil>
}

func ExampleNewInput() {
	plugin := engine.NewInput("memory", "Reads what it was given.",
		func() struct{} { return struct{}{} },
		func(struct{}, engine.Env) (engine.Input, error) {
			return enginetest.NewSource(enginetest.NewLedger(), "one"), nil
		})

	made, err := plugin.Build(plugin.NewConfig(), engine.Env{})
	_, ok := made.(engine.Input)
	fmt.Println(ok, err)
	// Output: true <nil>
}

// An output that stores a part of a batch names the rest, and says of each message whether it can ever be stored.
func ExampleWriteError() {
	err := error(&engine.WriteError{Failed: []engine.Failure{
		{Index: 2, Err: errors.New("no room now")},
		{Index: 5, Err: engine.Permanent(errors.New("too large"))},
	}})
	fmt.Println(err)
	// Output: 2 messages: no room now
}

func ExampleJoinPartition() {
	partition := engine.JoinPartition([]string{"source", "level"}, []string{"app/1", "warn"})
	fmt.Println(partition)
	for name, value := range engine.PartitionFields(partition) {
		fmt.Println(name, value)
	}
	// Output:
	// source=app%2F1/level=warn
	// source app/1
	// level warn
}
