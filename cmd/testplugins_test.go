package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// testPlugins are what the commands are tested with.
func testPlugins() []engine.Plugin {
	return []engine.Plugin{
		engine.NewInput("numbers", "Reads the numbers from 1 on. They end where count says.", defaultNumbers, newNumbers),
		engine.NewStage("hold", "Holds all messages until the pipeline drains.", func() struct{} { return struct{}{} }, newHold),
		engine.NewTransform("odd", "Rejects even numbers.", func() oddConfig { return oddConfig{} }, newOdd),
		engine.NewOutput("sink", "Appends lines to a file. It can also fail or hang.", defaultSink, newSink),
		engine.NewOutput("everything", everythingDoc, defaultEverything, newEverything),
		engine.NewInput("everything", "Does nothing.", func() struct{} { return struct{}{} }, newNothing),
	}
}

type numbersConfig struct {
	Count int    `hcl:"count,optional" doc:"How many messages to read."`
	Stay  bool   `hcl:"stay,optional" doc:"Wait for a signal after the last message."`
	Ready string `hcl:"ready,optional" doc:"File to make when it waits."`
}

func defaultNumbers() numbersConfig { return numbersConfig{Count: 10} }

type numbers struct {
	numbersConfig
	log  *slog.Logger
	next int
}

func newNumbers(c numbersConfig, e engine.Env) (engine.Input, error) {
	return &numbers{numbersConfig: c, log: e.Log}, nil
}

func (in *numbers) Open(context.Context) error { return nil }

func (in *numbers) Read(ctx context.Context, b *engine.Batch) error {
	if in.next >= in.Count {
		if !in.Stay {
			return io.EOF
		}
		// The last chunk was taken by what follows.
		in.log.Debug("all numbers are read")
		if in.Ready != "" {
			if err := os.WriteFile(in.Ready, nil, 0o600); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}
	in.next++
	b.Tag = uint64(in.next)
	body := fmt.Appendf(nil, "%d", in.next)
	b.Messages = append(b.Messages, engine.Message{Body: body[:len(body):len(body)]})
	return nil
}

func (in *numbers) Ack(context.Context, []uint64) error { return nil }
func (in *numbers) Close(context.Context) error         { return nil }

type hold struct{}

func newHold(struct{}, engine.Env) (engine.Stage, error) { return hold{}, nil }

func (hold) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	all := &engine.Batch{ID: "held", SealedBy: engine.SealedByDrain}
	for b := range in {
		all.Messages = append(all.Messages, b.Messages...)
	}
	if len(all.Messages) == 0 {
		return nil
	}
	select {
	case out <- all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type oddConfig struct{}

func (oddConfig) Traits() engine.Traits { return engine.Traits{Rejects: true} }

type odd struct{}

func newOdd(oddConfig, engine.Env) (engine.Transform, error) { return odd{}, nil }

func (odd) Process(_ context.Context, b *engine.Batch) error {
	for i, m := range b.Messages {
		if (m.Body[len(m.Body)-1]-'0')%2 == 0 {
			b.Reject(i, errors.New("it is even"))
		}
	}
	return nil
}

type sinkConfig struct {
	Path string `hcl:"path,optional" doc:"File to append to."`
	Mode string `hcl:"mode,optional" values:"store,fail,hang" doc:"What to do."`
}

func defaultSink() sinkConfig { return sinkConfig{Mode: "store"} }

type sink struct {
	sinkConfig
	mu sync.Mutex
}

func newSink(c sinkConfig, _ engine.Env) (engine.Output, error) { return &sink{sinkConfig: c}, nil }

func (s *sink) Write(_ context.Context, b *engine.Batch) error {
	switch s.Mode {
	case "fail":
		return errors.New("the sink is told to fail")
	case "hang":
		select {} // it ignores its context on purpose
	}
	if s.Path == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.OpenFile(s.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, m := range b.Messages {
		if _, err := fmt.Fprintf(f, "%s\n", m.Body); err != nil {
			return err
		}
	}
	return f.Close()
}

func (s *sink) Close(context.Context) error { return nil }

const everythingDoc = `Has an option of each type. It is there to show how options are described, and to see how a
long text is broken into lines.

A second paragraph has an example:

    everything = true`

type everythingConfig struct {
	Bucket      string            `hcl:"bucket" doc:"Name of the bucket." example:"my-logs"`
	Key         engine.Template   `hcl:"key,optional" doc:"Name of an object."`
	Password    engine.Secret     `hcl:"password" doc:"Nobody reads it."`
	Region      string            `hcl:"region,optional" doc:"Where; a | in a text must not end the cell of a table."`
	Endpoint    string            `hcl:"endpoint,optional" doc:"Another server." example:"http://localhost:9000"`
	Compression string            `hcl:"compression,optional" values:"none,gzip,zstd" doc:"How objects are compressed."`
	Level       int               `hcl:"level,optional" doc:"How much."`
	Share       float64           `hcl:"share,optional" doc:"A part of the whole."`
	Verify      bool              `hcl:"verify,optional" doc:"Read back what was written."`
	Timeout     time.Duration     `hcl:"timeout,optional" doc:"For one attempt."`
	Size        engine.Bytes      `hcl:"size,optional" doc:"Of one part."`
	URLs        []string          `hcl:"urls,optional" doc:"Several servers."`
	Labels      map[string]string `hcl:"labels,optional" doc:"What to add." example:"{ team = \"logs\" }"`
	TLS         *everythingTLS    `hcl:"tls,block" doc:"Encryption. Without the block there is none."`
	Bindings    []everythingBind  `hcl:"binding,block" doc:"Where from."`
}

type everythingTLS struct {
	CA string `hcl:"ca,optional" doc:"File with certificates."`
}

type everythingBind struct {
	Exchange string `hcl:"exchange" doc:"Its name."`
}

func defaultEverything() everythingConfig {
	return everythingConfig{
		Key: engine.Literal("logs/${batch.id}"), Region: "us-east-1", Compression: "gzip", Share: 0.5,
		Timeout: 5 * time.Minute, Size: 16 << 20, URLs: []string{"a", "${b}"}, Labels: map[string]string{"z": "1", "a": "2"},
	}
}

func newEverything(everythingConfig, engine.Env) (engine.Output, error) { return &sink{}, nil }
func newNothing(struct{}, engine.Env) (engine.Input, error)             { return &numbers{}, nil }
