package enginetest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/internal/ourwords"
)

// TestTransform runs what every transform must pass, with these messages as input. It runs under synctest: the transform may wait, but
// must not use the network. A message that it makes anew in the place of one that it got, or has twice, fails the first test: the engine holds
// such a batch.
func TestTransform(t *testing.T, make func(t *testing.T) engine.Transform, bodies ...string) {
	t.Run("in a pipeline every message is settled once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { settlesAll(t, make(t), bodies) })
	})
	t.Run("does not change the number of messages itself", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := NewBatch()
			for _, body := range bodies {
				b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: time.Now()})
			}
			if err := make(t).Process(t.Context(), b); err != nil {
				t.Fatalf("process: %v", err)
			}
			if len(b.Messages) != len(bodies) {
				t.Errorf("%d messages became %d", len(bodies), len(b.Messages))
			}
		})
	})
}

// TestStage runs what every stage must pass, with these messages as input.
func TestStage(t *testing.T, make func(t *testing.T) engine.Stage, bodies ...string) {
	t.Run("in a pipeline every message is settled once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { settlesAll(t, make(t), bodies) })
	})
	t.Run("an empty input ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			in := newChannel()
			close(in)
			if err := make(t).Run(t.Context(), in, newChannel()); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	})
	t.Run("ends with its context although nobody takes what it sends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			in, done := newChannel(), newErrors()
			stage := make(t)
			go func() { done <- stage.Run(ctx, in, newChannel()) }()
			for _, body := range bodies {
				select {
				case in <- &engine.Batch{Messages: []engine.Message{{Body: []byte(body), Time: time.Now()}}}:
				case <-time.After(time.Hour): // it stopped reading, which is its right
				}
			}
			cancel()
			<-done
		})
	})
	t.Run("a lost connection does not wait for open groups", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { reconnectsSoon(t, make(t), bodies) })
	})
}

func newChannel() chan *engine.Batch { return make(chan *engine.Batch) }
func newErrors() chan error          { return make(chan error, 1) }

// settlesAll runs bodies through a pipeline with the processor and checks the books.
func settlesAll(t *testing.T, processor any, bodies []string) {
	l := NewLedger()
	source := NewSource(l, bodies...)
	source.Chunk = 3
	out, dead := NewStore(l, "output"), NewStore(l, "dead letter")
	p := pipeline(source, processor, out, dead)
	p.Log = slog.New(slog.NewTextHandler(said{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // of synctest: a batch that breaks the contract is held for ever
	defer cancel()
	if err := p.Run(ctx); err != nil {
		t.Errorf("the pipeline left something: %v", err)
	}
	if ctx.Err() != nil {
		t.Error("the pipeline held something for an hour: see what it said")
	}
	if n := source.Unacked(); n != 0 {
		t.Errorf("%d messages are unacked", n)
	}
	reasonsAreInWords(t, dead)
}

// reasonsAreInWords checks that no reason of a dead letter, which is read by who runs the pipeline, tells of the types of Go.
func reasonsAreInWords(t *testing.T, dead *Store) {
	for _, o := range dead.Objects() {
		for i, why := range o.Reasons {
			if word := ourwords.Foreign(why); word != "" && !strings.Contains(o.Bodies[i], word) {
				t.Errorf("the reason of a dead letter says %q, which tells of the program and not of the message: %s", word, why)
			}
		}
	}
}

// said is where a pipeline's warnings go.
type said struct{ t *testing.T }

func (s said) Write(line []byte) (int, error) {
	s.t.Logf("%s", line)
	return len(line), nil
}

func pipeline(source *Source, processor any, out, dead *Store) *flow.Pipeline {
	return &flow.Pipeline{
		Name: "suite", Workers: 2, DrainTimeout: time.Minute,
		Inputs:     []engine.InputStep{{Name: "input", Input: source, Window: engine.Capacity{Messages: 10000}}},
		Processors: []engine.ProcessorStep{{Name: "processor", Processor: processor}},
		Output:     engine.OutputStep{Name: "output", Output: out},
		DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
	}
}

// reconnectsSoon cuts the connection while the stage holds its messages.
func reconnectsSoon(t *testing.T, stage engine.Stage, bodies []string) {
	l := NewLedger()
	source := NewSource(l, bodies...)
	source.Follow = true
	p := pipeline(source, stage, NewStore(l, "output"), NewStore(l, "dead letter"))
	ctx, cancel := context.WithCancel(t.Context())
	done := newErrors()
	go func() { done <- p.Run(ctx) }()
	synctest.Wait()
	source.Cut(errors.New("connection reset"))
	time.Sleep(30 * time.Second)
	if n := source.Opens(); n != 2 {
		t.Errorf("half a minute after the cut the source was opened %d times, want 2: does the stage hear sweeps?", n)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the pipeline left something: %v", err)
	}
	l.Check(t, true)
}

// TestPolicy runs what every policy must pass. make must give a policy that tries at most a few times within an hour.
func TestPolicy(t *testing.T, make func(t *testing.T) engine.Policy) {
	run := func(name string, f func(t *testing.T, p engine.Policy)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, make(t)) }) })
	}
	run("a success is passed on", func(t *testing.T, p engine.Policy) {
		out := NewStore(NewLedger(), "output")
		if err := p.Wrap(out).Write(t.Context(), NewBatch(Bodies(3)...)); err != nil || out.Calls() != 1 {
			t.Errorf("%d calls, error %v", out.Calls(), err)
		}
	})
	run("a permanent error is passed on at once", func(t *testing.T, p engine.Policy) {
		out := NewStore(NewLedger(), "output")
		out.Script = func(int, *engine.Batch) Step { return Step{Err: engine.Permanent(errors.New("too large"))} }
		if err := p.Wrap(out).Write(t.Context(), NewBatch(Bodies(3)...)); !engine.IsPermanent(err) || out.Calls() != 1 {
			t.Errorf("%d calls, error %v", out.Calls(), err)
		}
	})
	run("an ended context ends it", func(t *testing.T, p engine.Policy) {
		out := NewStore(NewLedger(), "output")
		out.Script = func(int, *engine.Batch) Step { return Step{Err: errors.New("down")} }
		ctx, cancel := context.WithCancel(t.Context())
		done := newErrors()
		go func() { done <- p.Wrap(out).Write(ctx, NewBatch(Bodies(3)...)) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		select {
		case err := <-done:
			if err == nil || engine.IsPermanent(err) {
				t.Errorf("got %v, want the temporary error", err)
			}
		default:
			t.Error("it goes on")
			<-done
		}
	})
	run("many writers, and close reaches the output", func(t *testing.T, p engine.Policy) {
		out := NewStore(NewLedger(), "output")
		wrapped := p.Wrap(out)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := wrapped.Write(t.Context(), NewBatch(Bodies(3)...)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := wrapped.Close(t.Context()); err != nil || out.Closed() != 1 {
			t.Errorf("close: %v; the output was closed %d times", err, out.Closed())
		}
	})
}
