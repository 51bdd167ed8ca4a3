package flow_test

import (
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
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

// BenchmarkEngine is the cost of the engine alone for one message of 250 bytes: read, settle, and all hand-overs, with ends in memory; and
// beside it the same with everything counted, as logpipe run does. Bookkeeping is once a chunk and a batch, so allocations per message are 0.
// Other work on the machine disturbs cpu-ns/op the least.
func BenchmarkEngine(b *testing.B) {
	pass := engine.ProcessorStep{Name: "processor.pass", Processor: transform(func(*engine.Batch) error { return nil })}
	for _, of := range []struct {
		name  string
		steps []engine.ProcessorStep
	}{
		{"direct", nil},
		{"transform", []engine.ProcessorStep{pass}},
		{"batch1000", []engine.ProcessorStep{pass, {Name: "processor.regroup", Processor: regroup(1000)}}},
	} {
		b.Run(of.name+"/uncounted", func(b *testing.B) { benchmarkEngine(b, of.steps, nil) })
		b.Run(of.name+"/counted", func(b *testing.B) { benchmarkEngine(b, of.steps, counters()) })
	}
}

// BenchmarkBranches is direct of BenchmarkEngine with branches before the output: one that takes all, two that take all, and two that take half of
// it each, by a condition that costs nothing. The work of a message is that of each branch it goes to.
func BenchmarkBranches(b *testing.B) {
	n := 0
	odd := engine.NewCondition("odd", func(*engine.Message) (bool, error) { n++; return n%2 == 1, nil })
	out := func(name string, when engine.Condition) engine.Branch {
		return engine.Branch{Name: name, When: when, Output: engine.OutputStep{Name: name + ".output.sink", Output: sink{}}, Workers: 2}
	}
	half := out("half", odd)
	rest := out("rest", engine.Condition{})
	rest.Default = true
	for _, of := range []struct {
		name     string
		branches []engine.Branch
	}{
		{"one", []engine.Branch{out("all", engine.Condition{})}},
		{"both", []engine.Branch{out("all", engine.Condition{}), out("too", engine.Condition{})}},
		{"half", []engine.Branch{half, rest}},
	} {
		b.Run(of.name, func(b *testing.B) {
			p := &flow.Pipeline{
				Name:     "bench",
				Inputs:   []engine.InputStep{{Name: "input.tap", Input: &tap{body: make([]byte, 250), left: b.N}, Window: engine.Capacity{Messages: 20000}}},
				Branches: of.branches,
			}
			b.ReportAllocs()
			before := cpuTime()
			b.ResetTimer()
			if err := p.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

func benchmarkEngine(b *testing.B, steps []engine.ProcessorStep, observer engine.Observer) {
	p := &flow.Pipeline{
		Name:       "bench",
		Inputs:     []engine.InputStep{{Name: "input.tap", Input: &tap{body: make([]byte, 250), left: b.N}, Window: engine.Capacity{Messages: 20000}}},
		Processors: steps,
		Output:     engine.OutputStep{Name: "output.sink", Output: sink{}},
		Workers:    2,
		Observer:   observer,
	}
	b.ReportAllocs()
	b.SetBytes(250)
	start, before := time.Now(), cpuTime()
	b.ResetTimer()
	if err := p.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds()/1e6, "Mmsg/s")
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// cpuTime is what the process has used so far, user and system.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// counters is what counts in logpipe run.
func counters() *stats.Pipeline {
	return stats.NewPipeline("bench", []stats.Place{
		{Name: "input.tap", Role: engine.RoleInput}, {Name: "processor.pass", Role: engine.RoleProcessor},
		{Name: "processor.regroup", Role: engine.RoleProcessor}, {Name: "output.sink", Role: engine.RoleOutput},
	})
}

// Bookkeeping is once a chunk and a batch. If it were once a message, a user with 100,000 messages a second would pay for the
// collector's work on millions of small objects: as much as for all the rest of the engine.
func TestBudgetEngine(t *testing.T) {
	const messages = 200_000
	pass := engine.ProcessorStep{Name: "processor.pass", Processor: transform(func(*engine.Batch) error { return nil })}
	for name, c := range map[string]struct {
		steps  []engine.ProcessorStep
		budget enginetest.Budget
	}{
		// About 7 a chunk of 256: its receipt, its id, the calls of plugins.
		"direct":    {nil, enginetest.Budget{Allocations: 0.030, Bytes: 1.2}},
		"transform": {[]engine.ProcessorStep{pass}, enginetest.Budget{Allocations: 0.034, Bytes: 1.4}},
		// The batches are the stage's own: a Message has 72 bytes.
		"batch1000": {[]engine.ProcessorStep{pass, {Name: "processor.regroup", Processor: regroup(1000)}}, enginetest.Budget{Allocations: 0.020, Bytes: 80}},
	} {
		t.Run(name, func(t *testing.T) {
			c.budget.Check(t, messages, func() {
				p := &flow.Pipeline{
					Name:       "budget",
					Inputs:     []engine.InputStep{{Name: "input.tap", Input: &tap{body: make([]byte, 250), left: messages}, Window: engine.Capacity{Messages: 20000}}},
					Processors: c.steps,
					Output:     engine.OutputStep{Name: "output.sink", Output: sink{}},
					Observer:   counters(), // which must cost nothing of this
				}
				if err := p.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
