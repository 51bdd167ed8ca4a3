package config

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
)

const (
	chunkMessages = 256     // a chunk, for sums: what an input reads at once is its own affair
	chunkBytes    = 1 << 20 //
	mostMessages  = 65_535  // a prefetch has 16 bits in AMQP 0.9.1, https://www.rabbitmq.com/amqp-0-9-1-reference#basic.qos.prefetch-count
	defaultBytes  = 64 << 20
)

// Build makes a pipeline with new instances of its plugins; one that has failed is built again. It touches no network.
func (p *Pipeline) Build(b BuildEnv) (*flow.Pipeline, error) {
	if p.partial {
		return nil, errors.New("it depends on environment variables that are not set")
	}
	if b.Log == nil {
		b.Log = slog.New(slog.DiscardHandler)
	}
	log := b.Log.With("pipeline", p.Name)
	built := &flow.Pipeline{Name: p.Name, DrainTimeout: p.DrainTimeout, DropUnmatched: p.DropUnmatched, Log: log, Observer: b.Observer, NewID: b.newID("")}
	env := engine.Env{Pipeline: p.Name, Version: p.version, Capacity: p.Capacity()}
	ways := make([]engine.Branch, 1+len(p.Branches)) // the first is what the pipeline has beside branches
	for i, b := range p.Branches {
		ways[i+1] = engine.Branch{Name: b.Name, When: b.When, Default: b.Default}
	}
	for i := range p.Blocks {
		env.NewID = b.newID(p.Blocks[i].Branch)
		if err := p.Blocks[i].build(built, &ways[p.Blocks[i].branch], env, log); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Blocks[i].Name, err)
		}
	}
	common := ways[0]
	built.Processors, built.Output, built.Fallback, built.DeadLetter = common.Processors, common.Output, common.Fallback, common.DeadLetter
	built.Workers, built.Recover, built.Branches = common.Workers, common.Recover, ways[1:]
	return built, nil
}

// newID is what names the batches of a branch.
func (b BuildEnv) newID(branch string) func() string {
	if b.NewID == nil {
		return engine.NewID
	}
	return func() string { return b.NewID(branch) }
}

// build adds an instance of the block's plugin to the inputs of the pipeline or to one of its ways.
func (b *Block) build(pipeline *flow.Pipeline, way *engine.Branch, env engine.Env, log *slog.Logger) error {
	env.Role, env.Branch = b.Role, b.Branch
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
		pipeline.Inputs = append(pipeline.Inputs, engine.InputStep{Name: b.Name, Input: made.(engine.Input), Window: env.Window})
	case engine.RoleProcessor:
		way.Processors = append(way.Processors, engine.ProcessorStep{Name: b.Name, Processor: made})
	case engine.RoleOutput:
		way.Output = engine.OutputStep{Name: b.Name, Output: made.(engine.Output)}
		way.Workers = b.Workers
	case engine.RoleFallback:
		way.Fallback = &engine.OutputStep{Name: b.Name, Output: made.(engine.Output)}
		way.Recover = b.Recover
	case engine.RoleDeadLetter:
		way.DeadLetter = &engine.OutputStep{Name: b.Name, Output: made.(engine.Output)}
	}
	return nil
}

// Capacity is what the pipeline can hold behind its inputs before anything is settled: what its stages hold open, a full batch for
// each worker and one that waits on each way, and one chunk. An input with fewer messages in flight would starve the batches; more would
// only fill the memory.
func (p *Pipeline) Capacity() engine.Capacity {
	c := engine.Capacity{Messages: chunkMessages, Bytes: chunkBytes}
	for i := range p.Blocks {
		if b := &p.Blocks[i]; b.Role == engine.RoleProcessor && b.plugin.IsStage() {
			t := b.Traits()
			c.Messages = plus(c.Messages, int64(t.OpenMessages))
			c.Bytes += min(t.OpenBytes, 1<<50)
		}
	}
	unsized := false
	for _, w := range p.ways() {
		batch, workers := w.batches()
		if batch.Messages == 0 {
			batch.Messages = chunkMessages // without a stage a chunk is the batch
		}
		unsized = unsized || batch.Bytes == 0
		c.Messages = plus(c.Messages, int64(saturate(int64(batch.Messages), workers+1)))
		c.Bytes += min(batch.Bytes, 1<<40) * (workers + 1)
	}
	c.Messages = min(c.Messages, mostMessages)
	if unsized {
		c.Bytes = max(c.Bytes, defaultBytes)
	}
	return c
}

// batches are how large one may be that comes to the output, and by how many workers they are written.
func (w way) batches() (largest engine.Capacity, workers int64) {
	workers = 1
	for _, b := range w {
		switch {
		case b.Role == engine.RoleOutput:
			workers = int64(b.Workers)
		case b.Role == engine.RoleProcessor && b.plugin.IsStage():
			t := b.Traits()
			largest.Messages, largest.Bytes = max(largest.Messages, t.BatchMessages), max(largest.Bytes, t.BatchBytes)
		}
	}
	return largest, workers
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

// InFlight is how many bytes of messages the pipeline may have in memory: what its inputs may have unsettled, and what they keep beside
// that.
func (p *Pipeline) InFlight() int64 {
	const most = 1 << 60 // so that a sum of some never runs over
	capacity, sum := p.Capacity(), int64(0)
	for i := range p.Blocks {
		if b := &p.Blocks[i]; b.Role == engine.RoleInput {
			sum = min(sum+min(b.Window(capacity).Bytes, most)+min(b.Traits().HoldsBytes, most), most)
		}
	}
	return sum
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
