package config

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/logpipe/logpipe/engine"
)

const (
	chunkMessages = 256     // a chunk, for sums: what an input reads at once is its own affair
	chunkBytes    = 1 << 20 //
	mostMessages  = 65_535  // a prefetch has 16 bits in AMQP 0.9.1, https://www.rabbitmq.com/amqp-0-9-1-reference#basic.qos.prefetch-count
	defaultBytes  = 64 << 20
)

// Build makes a pipeline with new instances of its plugins; one that has failed is built again. It touches no network.
func (p *Pipeline) Build(b BuildEnv) (*engine.Pipeline, error) {
	if p.partial {
		return nil, errors.New("it depends on environment variables that are not set")
	}
	if b.Log == nil {
		b.Log = slog.New(slog.DiscardHandler)
	}
	log := b.Log.With("pipeline", p.Name)
	built := &engine.Pipeline{Name: p.Name, DrainTimeout: p.DrainTimeout, Log: log, Observer: b.Observer, NewID: b.newID("")}
	env := engine.Env{Pipeline: p.Name, Version: p.version, NewID: b.newID(""), Capacity: p.Capacity()}
	for i := range p.Blocks {
		if err := p.Blocks[i].build(built, env, log); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Blocks[i].Name, err)
		}
	}
	return built, nil
}

// newID is what names the batches of a branch.
func (b BuildEnv) newID(branch string) func() string {
	if b.NewID == nil {
		return engine.NewID
	}
	return func() string { return b.NewID(branch) }
}

func (b *Block) build(into *engine.Pipeline, env engine.Env, log *slog.Logger) error {
	env.Role = b.Role
	env.Log = log.With("plugin", b.Name)
	if b.Role == engine.RoleInput {
		env.Window = b.Window(env.Capacity)
	}
	made, err := b.plugin.Build(b.Config, env)
	if err != nil {
		return err
	}
	switch b.Role {
	case engine.RoleInput:
		into.Inputs = append(into.Inputs, engine.InputStep{Name: b.Name, Input: made.(engine.Input), Window: env.Window})
	case engine.RoleProcessor:
		into.Processors = append(into.Processors, engine.ProcessorStep{Name: b.Name, Processor: made})
	case engine.RoleOutput:
		into.Output = engine.OutputStep{Name: b.Name, Output: made.(engine.Output)}
		into.Workers = b.Workers
	case engine.RoleFallback:
		into.Fallback = &engine.OutputStep{Name: b.Name, Output: made.(engine.Output)}
		into.Recover = b.Recover
	case engine.RoleDeadLetter:
		into.DeadLetter = &engine.OutputStep{Name: b.Name, Output: made.(engine.Output)}
	}
	return nil
}

// Capacity is what the pipeline can hold behind its inputs before anything is settled: what its stages hold open, a full batch for
// each worker and one that waits, and one chunk. An input with fewer messages in flight would starve the batches; more would
// only fill the memory.
func (p *Pipeline) Capacity() engine.Capacity {
	workers := int64(1)
	var c, batch engine.Capacity
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if b.Role == engine.RoleOutput {
			workers = int64(b.Workers)
		}
		if b.Role != engine.RoleProcessor || !b.plugin.IsStage() {
			continue
		}
		t := b.Traits()
		c.Messages = plus(c.Messages, int64(t.OpenMessages))
		c.Bytes += min(t.OpenBytes, 1<<50)
		batch.Messages, batch.Bytes = max(batch.Messages, t.BatchMessages), max(batch.Bytes, t.BatchBytes)
	}
	if batch.Messages == 0 {
		batch.Messages = chunkMessages // without a stage a chunk is the batch
	}
	c.Messages = plus(c.Messages, int64(saturate(int64(batch.Messages), workers+1)))
	c.Messages = plus(c.Messages, chunkMessages)
	c.Messages = min(c.Messages, mostMessages)
	c.Bytes += min(batch.Bytes, 1<<40)*(workers+1) + chunkBytes
	if batch.Bytes == 0 {
		c.Bytes = max(c.Bytes, defaultBytes)
	}
	return c
}

// Window is what the engine lets an input have unsettled: what its block says or its plugin was told to ask for, the smaller of the two,
// else the capacity of the pipeline.
func (b *Block) Window(capacity engine.Capacity) engine.Capacity {
	w := capacity
	if n, _ := b.window(); n > 0 {
		w.Messages = n
	}
	if b.MaxInFlightBytes > 0 {
		w.Bytes = int64(b.MaxInFlightBytes)
	}
	return w
}

// window is the bound in messages that was written for an input, and the attribute that sets it; 0 when none was. Where the block and the
// plugin both have one, the smaller is reached first.
func (b *Block) window() (messages int, attr string) {
	prefetch := b.Traits().Prefetch
	if b.MaxInFlight > 0 && (prefetch == 0 || b.MaxInFlight <= prefetch) {
		return b.MaxInFlight, "max_in_flight"
	}
	return prefetch, "prefetch"
}

func plus(a int, b int64) int {
	return int(min(int64(a)+min(b, 1<<31), 1<<31))
}

// saturate multiplies without running over.
func saturate(a, b int64) int {
	if a > 0 && b > (1<<31)/a {
		return 1 << 31
	}
	return int(a * b)
}
