package engine_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// tap is an input that gives the same bodies again and again, 256 a chunk, and allocates nothing itself.
type tap struct {
	body []byte
	left int
	tag  uint64
}

func (t *tap) Open(context.Context) error          { return nil }
func (t *tap) Close(context.Context) error         { return nil }
func (t *tap) Ack(context.Context, []uint64) error { return nil }

func (t *tap) Read(_ context.Context, b *engine.Batch) error {
	if t.left <= 0 {
		return io.EOF
	}
	n := min(256, t.left)
	t.left -= n
	t.tag++
	b.Tag = t.tag
	for range n {
		b.Messages = append(b.Messages, engine.Message{Body: t.body})
	}
	return nil
}

// sink is an output that keeps nothing.
type sink struct{}

func (sink) Write(context.Context, *engine.Batch) error { return nil }
func (sink) Close(context.Context) error                { return nil }

// regroup is the least a batching stage does: it copies messages into batches of its own.
type regroup int

func (n regroup) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	next := &engine.Batch{ID: "x", Messages: make([]engine.Message, 0, n)}
	for b := range in {
		for _, m := range b.Messages {
			if next.Messages = append(next.Messages, m); len(next.Messages) == int(n) {
				out <- next
				next = &engine.Batch{ID: "x", Messages: make([]engine.Message, 0, n)}
			}
		}
		b.Recycle()
	}
	if len(next.Messages) > 0 {
		out <- next
	}
	return nil
}

// BenchmarkEngine is the cost of the engine alone for one message of 250 bytes: read, settle, and all hand-overs, with ends in memory.
// Bookkeeping is once a chunk and a batch, so allocations per message are 0.
func BenchmarkEngine(b *testing.B) {
	pass := engine.ProcessorStep{Name: "processor.pass", Processor: transform(func(*engine.Batch) error { return nil })}
	for name, steps := range map[string][]engine.ProcessorStep{
		"direct":    nil,
		"transform": {pass},
		"batch1000": {pass, {Name: "processor.regroup", Processor: regroup(1000)}},
	} {
		b.Run(name, func(b *testing.B) {
			p := &engine.Pipeline{
				Name:       "bench",
				Inputs:     []engine.InputStep{{Name: "tap", Input: &tap{body: make([]byte, 250), left: b.N}, Window: engine.Capacity{Messages: 20000}}},
				Processors: steps,
				Output:     engine.OutputStep{Name: "sink", Output: sink{}},
				Workers:    2,
			}
			b.ReportAllocs()
			b.SetBytes(250)
			start := time.Now()
			b.ResetTimer()
			if err := p.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds()/1e6, "Mmsg/s")
		})
	}
}

// TestAllocationsPerMessage says what the garbage collector would pay: a budget of bookkeeping per chunk, nothing per message.
func TestAllocationsPerMessage(t *testing.T) {
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		p := &engine.Pipeline{
			Name:       "budget",
			Inputs:     []engine.InputStep{{Name: "tap", Input: &tap{body: make([]byte, 250), left: b.N}, Window: engine.Capacity{Messages: 20000}}},
			Processors: []engine.ProcessorStep{{Name: "processor.regroup", Processor: regroup(1000)}},
			Output:     engine.OutputStep{Name: "sink", Output: sink{}},
		}
		if err := p.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
	if result.N < 10000 {
		t.Skipf("only %d messages were moved", result.N)
	}
	if n := float64(result.MemAllocs) / float64(result.N); n > 0.1 {
		t.Errorf("%.3f allocations per message", n)
	}
	t.Logf("%d messages, %d allocations", result.N, result.MemAllocs)
}
