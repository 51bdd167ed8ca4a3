package flow_test

import (
	"bytes"
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

// transform makes a Transform from a function.
type transform func(b *engine.Batch) error

func (f transform) Process(_ context.Context, b *engine.Batch) error { return f(b) }

func (g *rig) before(t engine.Transform) *rig {
	step := engine.ProcessorStep{Name: "processor.test", Processor: t}
	g.p.Processors = append([]engine.ProcessorStep{step}, g.p.Processors...)
	return g
}

// Each of a processor's ways out settles its message once, and the others are untouched.
func TestRejectDropSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100)
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				body := string(b.Messages[i].Body)
				switch body[5] {
				case '1':
					b.Reject(i, errors.New("no good"))
					b.Messages[i].Body = []byte("changed after the rejection")
				case '2':
					g.ledger.Settled(body, "dropped")
					b.Drop(i)
				case '3':
					g.ledger.Split(body, body+"/a", body+"/b")
					b.Split(i, engine.Message{Body: []byte(body + "/a")}, engine.Message{Body: []byte(body + "/b")})
				case '4':
					b.Messages[i].Body = bytes.Clone(b.Messages[i].Body)
				}
			}
			return nil
		}))
		g.finish(t)
		if n := len(g.dead.Bodies()); n != 10 {
			t.Errorf("%d messages are dead letters, want 10", n)
		}
		for _, o := range g.dead.Objects() {
			for i := range o.Bodies {
				if o.Reasons[i] != "no good" || strings.HasPrefix(o.Bodies[i], "changed") {
					t.Errorf("dead letter %q, reason %q", o.Bodies[i], o.Reasons[i])
				}
			}
		}
		if n := len(g.output.Bodies()); n != 70+20 {
			t.Errorf("%d messages are stored, want 90", n)
		}
	})
}

// A bug that one message meets must not stop the others, nor lose it.
func TestAPanickingMessageIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(50)
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				if string(b.Messages[i].Body) == "m00017" {
					panic("index out of range")
				}
			}
			return nil
		}))
		g.finish(t)
		if got := g.dead.Bodies(); len(got) != 1 || got["m00017"] != 1 {
			t.Errorf("dead letters are %v, want m00017", got)
		}
	})
}

// "Cannot work now" is no reason to lose or reject anything.
func TestATransformsErrorIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(50)
		calls := 0
		g.before(transform(func(b *engine.Batch) error {
			if calls++; calls%2 == 1 {
				b.Reject(0, errors.New("of a try that failed"))
				return errors.New("lookup table is not loaded")
			}
			return nil
		}))
		g.finish(t)
		if n := len(g.output.Bodies()); n != 50 {
			t.Errorf("%d of 50 messages are stored", n)
		}
	})
}

// A transform that shortens the slice itself would lose what it cut off.
func TestATransformThatLosesMessagesIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		broken := true
		g.before(transform(func(b *engine.Batch) error {
			if broken {
				broken = false
				b.Messages = b.Messages[:3]
			}
			return nil
		}))
		g.finish(t)
	})
}

// What can never be stored goes to the dead letter, alone; the rest of its batch is stored.
func TestPermanentFailuresLeaveTheBatch(t *testing.T) {
	poison := errors.New("larger than the store takes")
	for name, script := range map[string]func(b *engine.Batch) enginetest.Step{
		"write error": func(b *engine.Batch) enginetest.Step {
			return enginetest.Step{Fail: find(b, "m00003"), FailErr: engine.Permanent(poison)}
		},
		"reject": func(b *engine.Batch) enginetest.Step {
			return enginetest.Step{Reject: find(b, "m00003"), FailErr: poison}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(20).withFallback()
				g.output.Script = func(_ int, b *engine.Batch) enginetest.Step { return script(b) }
				g.finish(t)
				if got := g.dead.Bodies(); len(got) != 1 || got["m00003"] != 1 {
					t.Errorf("dead letters are %v, want m00003", got)
				}
				if n := len(g.output.Bodies()); n != 19 {
					t.Errorf("%d messages are stored, want 19", n)
				}
				if g.fallback.Calls() != 0 {
					t.Error("the fallback got what recovery would bring home as good")
				}
			})
		})
	}
	t.Run("whole batch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(20).withFallback()
			g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
				if len(find(b, "m00003")) > 0 {
					return enginetest.Step{Err: engine.Permanent(poison)}
				}
				return enginetest.Step{}
			}
			g.finish(t)
			if n := len(g.dead.Bodies()); n != 10 {
				t.Errorf("%d dead letters, want the batch of 10", n)
			}
		})
	})
}

func find(b *engine.Batch, body string) []int {
	for i := range b.Messages {
		if string(b.Messages[i].Body) == body {
			return []int{i}
		}
	}
	return nil
}

// Without a dead letter what can never be stored is held: it must not be dropped, nor overwrite the object of its neighbours.
func TestPermanentWithoutDeadLetterIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(20)
		g.p.DeadLetter = nil
		g.source.Follow = true
		var healed atomic.Bool
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if healed.Load() {
				return enginetest.Step{}
			}
			return enginetest.Step{Reject: find(b, "m00003"), FailErr: errors.New("has a newline")}
		}
		stop := g.start(t)
		time.Sleep(time.Hour)
		if n := len(g.output.Bodies()); n != 19 {
			t.Errorf("%d messages are stored, want 19", n)
		}
		healed.Store(true)
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
		if n := len(g.output.Bodies()); n != 20 {
			t.Errorf("%d messages are stored, want 20", n)
		}
	})
}

// Only the failed part of a batch is written again.
func TestPartialFailureWritesOnlyTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n == 0 {
				return enginetest.Step{Fail: []int{2, 5}, FailErr: errDown}
			}
			if len(b.Messages) != 2 {
				t.Errorf("%d messages are written again, want 2", len(b.Messages))
			}
			return enginetest.Step{}
		}
		g.finish(t)
		for body, n := range g.output.Bodies() {
			if n != 1 {
				t.Errorf("message %s is stored %d times", body, n)
			}
		}
	})
}

// A batch that nobody can take is held. The output is tried again although the fallback still fails.
func TestHeldWhenOutputAndFallbackAreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(40).withFallback()
		g.source.Follow = true
		var up atomic.Bool
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			if up.Load() {
				return enginetest.Step{}
			}
			return enginetest.Step{Err: errDown}
		}
		g.fallback.Script = func(int, *engine.Batch) enginetest.Step {
			return enginetest.Step{Err: errors.New("no space left on device")}
		}
		stop := g.start(t)
		time.Sleep(24 * time.Hour)
		if n := g.source.Unacked(); n != 40 {
			t.Errorf("%d of 40 messages are held", n)
		}
		if g.output.Calls() > 40000 {
			t.Errorf("the output was tried %d times in a day: no back-off", g.output.Calls())
		}
		up.Store(true)
		time.Sleep(time.Minute)
		if n := len(g.output.Bodies()); n != 40 {
			t.Errorf("%d of 40 messages are stored", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// One message that the dead letter does not take must not keep the acks of others back.
func TestOneStuckDeadLetterDoesNotHoldTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100)
		g.source.Follow = true
		g.source.Chunk = 1
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				if b.Messages[i].Body[5] == '1' {
					b.Reject(i, errors.New("no good"))
				}
			}
			return nil
		}))
		var healed atomic.Bool
		g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if at := find(b, "m00031"); len(at) > 0 && !healed.Load() {
				if len(b.Messages) == 1 {
					return enginetest.Step{Err: errors.New("frame too large")}
				}
				return enginetest.Step{Fail: at, FailErr: errors.New("frame too large")}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(5 * time.Minute)
		if n := g.source.Unacked(); n != 1 {
			t.Errorf("%d messages are unacked, want only the stuck one", n)
		}
		healed.Store(true)
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// A dead letter that is down holds what it has to take; nothing goes elsewhere.
func TestDeadLetterDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(500).withFallback()
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				b.Reject(i, errors.New("no good"))
			}
			return nil
		}))
		g.dead.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if n < 30 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		g.finish(t)
		if n := len(g.dead.Bodies()); n != 500 {
			t.Errorf("%d of 500 dead letters are stored", n)
		}
		if g.source.MostHeld() > 110 {
			t.Errorf("%d messages were held, the window is 100", g.source.MostHeld())
		}
	})
}

// A rejected message with nowhere to go fails the pipeline instead of vanishing.
func TestRejectWithoutDeadLetterFailsThePipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.p.DeadLetter = nil
		g.before(transform(func(b *engine.Batch) error { b.Reject(0, errors.New("no good")); return nil }))
		err := g.p.Run(t.Context())
		var left *flow.LeftError
		if err == nil || errors.As(err, &left) {
			t.Errorf("got %v, want a failure", err)
		}
		g.ledger.Check(t, false)
	})
}

// again is a pipeline of the same parts.
func again(p *flow.Pipeline) *flow.Pipeline {
	return &flow.Pipeline{
		Name: p.Name, Inputs: p.Inputs, Processors: p.Processors, Output: p.Output, Fallback: p.Fallback, DeadLetter: p.DeadLetter,
		Workers: p.Workers, Recover: p.Recover, DrainTimeout: p.DrainTimeout, Log: p.Log, Observer: p.Observer, NewID: p.NewID,
	}
}

// A stage that fails must not take what it swallowed with it: it stays unacked, and the next life of the pipeline has it again.
func TestAFailedStageIsStartedAgain(t *testing.T) {
	for _, panics := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(100)
			lives := 0
			spec := flow.Spec{Name: "test", Build: func() (*flow.Pipeline, error) {
				if lives++; lives == 3 {
					return nil, errors.New("out of file descriptors")
				}
				p := again(g.p)
				if lives < 3 {
					p.Processors = []engine.ProcessorStep{{Name: "processor.broken", Processor: brokenStage(panics)}}
				}
				return p, nil
			}}
			if err := flow.Supervise(t.Context(), []flow.Spec{spec}); err != nil {
				t.Error(err)
			}
			if lives != 4 {
				t.Errorf("the pipeline lived %d times, want 4", lives)
			}
			g.ledger.Check(t, true)
		})
	}
}

type brokenStage bool

func (s brokenStage) Run(_ context.Context, in <-chan *engine.Batch, _ chan<- *engine.Batch) error {
	<-in
	if s {
		panic("index out of range")
	}
	return fmt.Errorf("state is broken")
}

// A pipeline that ends does not stop the others.
func TestPipelinesEndAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		short, long := newRig(10), newRig(10)
		long.source.Follow = true
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		build := func(g *rig) func() (*flow.Pipeline, error) {
			return func() (*flow.Pipeline, error) { return g.p, nil }
		}
		go func() {
			done <- flow.Supervise(ctx, []flow.Spec{{Name: "short", Build: build(short)}, {Name: "long", Build: build(long)}})
		}()
		time.Sleep(time.Hour)
		short.ledger.Check(t, true)
		long.source.Send("later")
		time.Sleep(time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		long.ledger.Check(t, true)
	})
}
