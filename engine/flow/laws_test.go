package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// rig is a pipeline between a source and stores in memory.
type rig struct {
	ledger   *enginetest.Ledger
	source   *enginetest.Source
	output   *enginetest.Store
	fallback *enginetest.Spool
	dead     *enginetest.Store
	p        *flow.Pipeline
	events   *events
}

func bodies(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("m%05d", i)
	}
	return all
}

// newRig makes source → group by 10 → output with a dead letter and no fallback; tests change what they need.
func newRig(n int) *rig {
	l := enginetest.NewLedger()
	g := &rig{
		ledger: l, source: enginetest.NewSource(l, bodies(n)...), events: &events{},
		output: enginetest.NewStore(l, "output"), fallback: enginetest.NewSpool(l), dead: enginetest.NewStore(l, "dead letter"),
	}
	g.p = &flow.Pipeline{
		Name:         "test",
		Inputs:       []engine.InputStep{{Name: "input.source", Input: g.source, Window: engine.Capacity{Messages: 100}}},
		Processors:   []engine.ProcessorStep{{Name: "processor.group", Processor: enginetest.Group{Count: 10, Age: time.Second}}},
		Output:       engine.OutputStep{Name: "output.store", Output: g.output},
		DeadLetter:   &engine.OutputStep{Name: "dead_letter.store", Output: g.dead},
		Workers:      2,
		Recover:      true,
		DrainTimeout: 30 * time.Second,
		Observer:     g.events,
	}
	return g
}

func (g *rig) withFallback() *rig {
	g.p.Fallback = &engine.OutputStep{Name: "fallback.spool", Output: g.fallback}
	return g
}

// finish ends the source and runs the pipeline to its own end.
func (g *rig) finish(t *testing.T) {
	t.Helper()
	g.source.End()
	if err := g.p.Run(t.Context()); err != nil {
		t.Errorf("the pipeline left something: %v", err)
	}
	g.ledger.Check(t, true)
}

// finishNow drains the pipeline and looks whether all is settled.
func (g *rig) finishNow(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Error(err)
	}
	g.ledger.Check(t, true)
}

// start runs the pipeline; stop drains it and gives Run's answer.
func (g *rig) start(t *testing.T) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.p.Run(ctx) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !stopped {
			stop()
		}
	})
	return stop
}

var errDown = errors.New("store is down")

func down(int, *engine.Batch) enginetest.Step { return enginetest.Step{Err: errDown} }

// Law 1. Without it a crash loses what was acked and not yet stored.
func TestLaw1AckOnlyAfterDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30)
		g.source.Follow = true
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step { return enginetest.Step{Slow: time.Minute} }
		stop := g.start(t)
		time.Sleep(30 * time.Second)
		if got := g.source.Unacked(); got != 30 {
			t.Errorf("%d of 30 messages are unacked while none is stored", got)
		}
		time.Sleep(2 * time.Minute)
		if got := g.source.Unacked(); got != 0 {
			t.Errorf("%d messages are unacked after all are stored", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// Law 2. Without it a message is forgotten in memory, or a chunk is acked twice and closes the channel.
func TestLaw2EveryChunkSettledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1000)
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			switch n % 5 {
			case 0:
				return enginetest.Step{Err: errDown}
			case 1:
				return enginetest.Step{Fail: []int{0, 3}, FailErr: errDown}
			case 2:
				return enginetest.Step{Fail: []int{1}, FailErr: engine.Permanent(errors.New("poison"))}
			case 3:
				return enginetest.Step{Lose: errDown}
			}
			return enginetest.Step{}
		}
		g.finish(t)
		if got := g.source.Unacked(); got != 0 {
			t.Errorf("%d messages are unsettled after the drain", got)
		}
	})
}

// Law 3. Without it memory grows for as long as the store is down, or with each reconnect.
func TestLaw3MemoryIsOneWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(5000)
		g.source.Follow = true
		var up atomic.Bool
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			if up.Load() {
				return enginetest.Step{}
			}
			return enginetest.Step{Err: errDown}
		}
		stop := g.start(t)
		for range 5 {
			time.Sleep(time.Hour)
			g.source.Cut(errors.New("connection reset"))
		}
		time.Sleep(time.Hour)
		if most := g.source.MostHeld(); most > 110 {
			t.Errorf("%d messages were held, the window is 100 and a chunk 10", most)
		}
		if read := g.events.sum(engine.Received); read != g.source.Unacked()+g.events.sum(engine.Voided) {
			t.Errorf("%d messages were read, but only %d are held and %d were discarded", read, g.source.Unacked(), g.events.sum(engine.Voided))
		}
		up.Store(true)
		time.Sleep(time.Hour)
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// Large messages fill memory before their number does.
func TestLaw3BytesCountToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(500) // of 6 bytes each, 10 a chunk
		g.source.Follow = true
		g.p.Inputs[0].Window = engine.Capacity{Messages: 10_000, Bytes: 300}
		var up atomic.Bool
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			if up.Load() {
				return enginetest.Step{}
			}
			return enginetest.Step{Err: errDown}
		}
		g.p.Processors[0].Processor = enginetest.Group{Count: 1000, Age: time.Hour}
		stop := g.start(t)
		time.Sleep(24 * time.Hour)
		if n := g.source.MostHeld(); n > 60 {
			t.Errorf("%d messages of 6 bytes were held; the window is 300 bytes and a chunk 60", n)
		}
		up.Store(true)
		time.Sleep(24 * time.Hour)
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// Law 4. Without it an outage turns good messages into dead letters, or drops them.
func TestLaw4AFaultNeverDropsNorDeadLetters(t *testing.T) {
	faults := map[string]enginetest.Step{
		"error": {Err: errDown}, "hang": {Hang: true}, "panic": {Panic: "nil map"}, "lost answer": {Lose: errDown},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(200)
				g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "processor.timeout", Processor: timeout(time.Minute)})
				begin := time.Now()
				g.output.Script = func(int, *engine.Batch) enginetest.Step {
					if time.Since(begin) < 6*time.Hour {
						return fault
					}
					return enginetest.Step{}
				}
				g.finish(t)
				if n := len(g.dead.Bodies()); n != 0 {
					t.Errorf("%d good messages were dead-lettered", n)
				}
				if n := len(g.output.Bodies()); n != 200 {
					t.Errorf("%d of 200 messages are stored", n)
				}
			})
		})
	}
}

// Law 5. Without it a retry whose answer was lost, or a recovery, makes a second object.
func TestLaw5OneBatchOneObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if n < 8 {
				return enginetest.Step{Lose: errDown} // stored, but nobody knows
			}
			return enginetest.Step{}
		}
		g.finish(t)
		for body, n := range g.output.Bodies() {
			if n != 1 {
				t.Errorf("message %s is in %d objects", body, n)
			}
		}
		if n := g.events.sum(engine.Recovered); n == 0 {
			t.Error("nothing went through the fallback: the test tests nothing")
		}
	})
}

// Law 6. Without it a rolling update loses what was read, or hangs the pod until it is killed.
func TestLaw6DrainWithinTimeout(t *testing.T) {
	t.Run("well", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(95)
			g.source.Follow = true
			g.p.Processors[0].Processor = enginetest.Group{Count: 10, Age: time.Hour}
			stop := g.start(t)
			synctest.Wait()
			if err := stop(); err != nil {
				t.Errorf("drain of a healthy pipeline: %v", err)
			}
			g.ledger.Check(t, true)
		})
	})
	t.Run("output hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(40)
			g.source.Follow = true
			g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Hang: true} }
			stop := g.start(t)
			synctest.Wait()
			begin := time.Now()
			var left *flow.LeftError
			if err := stop(); !errors.As(err, &left) || left.Messages != 40 {
				t.Errorf("got %v, want 40 messages left", err)
			}
			if took := time.Since(begin); took != 30*time.Second {
				t.Errorf("the drain took %v of 30s", took)
			}
			if g.source.Unacked() != 0 || g.source.Requeued() != 40 {
				t.Error("what was left is not back in the queue")
			}
			g.ledger.Check(t, false)
		})
	})
	t.Run("output hangs, fallback takes it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(40).withFallback()
			g.source.Follow = true
			g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Hang: true} }
			stop := g.start(t)
			synctest.Wait()
			begin := time.Now()
			if err := stop(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took != 15*time.Second {
				t.Errorf("the drain took %v; half of 30s is for the output", took)
			}
			g.ledger.Check(t, true)
		})
	})
	t.Run("plugin ignores its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(40)
			g.source.Follow = true
			release := make(chan struct{})
			g.p.Output.Output = deaf{release}
			stop := g.start(t)
			synctest.Wait()
			begin := time.Now()
			if err := stop(); err == nil {
				t.Error("no error although messages are left")
			}
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("Run returned after %v", took)
			}
			close(release)
		})
	})
}

// Law 7. Without it a log says something else than its service did.
func TestLaw7ByteForByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := enginetest.NewLedger()
		odd := []string{"", "\x00", "a\nb", "\xff\xfe", strings.Repeat("x", 1<<20), `{"a":1}`, " ", "\r\n"}
		g := newRig(0)
		g.source = enginetest.NewSource(l, odd...)
		g.p.Inputs[0].Input = g.source
		g.ledger = l
		g.output = enginetest.NewStore(l, "output")
		g.p.Output.Output = g.output
		g.finish(t)
		got := g.output.Bodies()
		for _, body := range odd {
			if got[body] != 1 {
				t.Errorf("body %.20q is stored %d times", body, got[body])
			}
		}
	})
}

// timeout is a policy that bounds each write, as real outputs do.
type timeout time.Duration

func (d timeout) Wrap(next engine.Output) engine.Output { return timed{time.Duration(d), next} }

type timed struct {
	d time.Duration
	engine.Output
}

func (o timed) Write(ctx context.Context, b *engine.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, o.d)
	defer cancel()
	return o.Output.Write(ctx, b)
}

// deaf is an output that hears no context.
type deaf struct{ release chan struct{} }

func (d deaf) Write(context.Context, *engine.Batch) error { <-d.release; return errDown }
func (deaf) Close(context.Context) error                  { return nil }
