package pipetest_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
	"github.com/logpipe/logpipe/plugins"
)

// testPlugins are those that come with logpipe, and some such as people compile in.
func testPlugins() []engine.Plugin {
	transform := func(name string, process func(b *engine.Batch) error) engine.Plugin {
		return engine.NewTransform(name, "Is for tests.", none, func(struct{}, engine.Env) (engine.Transform, error) { return transformFunc(process), nil })
	}
	return append([]engine.Plugin{
		transform("words", func(b *engine.Batch) error {
			for i, m := range b.Messages {
				var parts []engine.Message
				for _, word := range bytes.Fields(m.Body) {
					m.Body = word
					parts = append(parts, m)
				}
				b.Split(i, parts...)
			}
			return nil
		}),
		transform("panics", func(b *engine.Batch) error {
			for _, m := range b.Messages {
				if string(m.Body) == "poison" {
					panic("it is poison")
				}
			}
			return nil
		}),
		transform("upper", func(b *engine.Batch) error {
			for i := range b.Messages {
				b.Messages[i].Body = bytes.ToUpper(b.Messages[i].Body)
			}
			return nil
		}),
		transform("fails", func(*engine.Batch) error { return errors.New("no licence") }),
		transform("waits", func(*engine.Batch) error { <-outside; return nil }),
		engine.NewTransform("leaves", "Leaves a goroutine behind.", none, func(struct{}, engine.Env) (engine.Transform, error) {
			go func() { <-make(chan int) }()
			return transformFunc(func(*engine.Batch) error { return nil }), nil
		}),
		engine.NewTransform("ticks", "Does something each second.", none, func(struct{}, engine.Env) (engine.Transform, error) {
			go func() {
				for range time.Tick(time.Second) {
					ticks.Add(1)
				}
			}()
			return transformFunc(func(*engine.Batch) error { return nil }), nil
		}),
		engine.NewStage("hoard", "Holds all until the end.", none, func(_ struct{}, e engine.Env) (engine.Stage, error) { return hoard{e.NewID}, nil }),
		engine.NewStage("broken", "Breaks.", none, func(struct{}, engine.Env) (engine.Stage, error) { return broken{}, nil }),
		engine.NewOutput("plain", "Says nothing of what it would do.", func() plainConfig { return plainConfig{} },
			func(plainConfig, engine.Env) (engine.Output, error) { return plain{}, nil }),
	}, plugins.All...)
}

func none() struct{} { return struct{}{} }

// outside is a channel of another clock: who waits for it waits for something that the run cannot know.
var outside = make(chan int)

// ticks counts what the processor "ticks" does.
var ticks atomic.Int64

type transformFunc func(b *engine.Batch) error

func (f transformFunc) Process(_ context.Context, b *engine.Batch) error { return f(b) }

type hoard struct{ newID func() string }

func (h hoard) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	all := &engine.Batch{ID: h.newID(), SealedBy: engine.SealedByDrain}
	for b := range in {
		all.Messages = append(all.Messages, b.Messages...)
	}
	select {
	case out <- all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type broken struct{}

func (broken) Run(context.Context, <-chan *engine.Batch, chan<- *engine.Batch) error {
	return errors.New("a cog is missing")
}

type plainConfig struct{}

func (plainConfig) Traits() engine.Traits { return engine.Traits{LinesOnly: true} }

type plain struct{}

func (plain) Write(context.Context, *engine.Batch) error { panic("a test wrote to the real output") }
func (plain) Close(context.Context) error                { return nil }

// load reads a pipeline with these blocks between an input and what follows.
func load(t testing.TB, blocks string) *config.Pipeline {
	t.Helper()
	src := "pipeline \"logs\" {\n  input \"amqp\" {\n    queue = \"q\"\n  }\n" + blocks + "\n}\n"
	c, found := config.LoadSource("a.hcl", []byte(src), config.Options{Plugins: testPlugins(), LookupEnv: func(string) (string, bool) { return "", false }})
	if c == nil {
		var text bytes.Buffer
		found.WriteText(&text, false, 100)
		t.Fatal(text.String())
	}
	return c.Pipelines[0]
}

func send(bodies ...string) (all []config.TestMessage) {
	for _, body := range bodies {
		all = append(all, config.TestMessage{Body: []byte(body)})
	}
	return all
}

func run(t testing.TB, c pipetest.Case) *pipetest.Outcome {
	t.Helper()
	o, err := pipetest.Run(c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func bodies(p *pipetest.Place) (all []string) {
	if p == nil {
		return nil
	}
	for _, b := range p.Batches {
		for _, m := range b.Messages {
			all = append(all, m.Body)
		}
	}
	return all
}

const second = time.Second
