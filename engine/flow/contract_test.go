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

// copies is a policy that does not pass on the batch that it was given.
type copies struct{ broken *atomic.Bool }

func (p copies) Wrap(next engine.Output) engine.Output {
	return outputFunc(func(ctx context.Context, b *engine.Batch) error {
		if !p.broken.Load() {
			return next.Write(ctx, b)
		}
		c := *b
		return next.Write(ctx, &c)
	})
}

// What the engine takes out of a copy would stay in the batch, and be settled twice: an ack for messages that nobody has stored.
func TestAPolicyMustPassOnTheBatchItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(40)
		g.source.Follow = true
		g.source.Chunk = 20
		var broken atomic.Bool
		broken.Store(true)
		g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "p", Processor: copies{&broken}})
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			return enginetest.Step{Reject: find(b, "m00003"), FailErr: errPoison}
		}
		stop := g.start(t)
		time.Sleep(time.Hour)
		if n := g.source.Unacked(); n != 40 {
			t.Errorf("%d of 40 messages are unacked", n)
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		g.finishNow(t, stop)
	})
}

// tellsOnClose says that it is lost when it is closed, as it may.
type tellsOnClose struct {
	*enginetest.Source
	lost chan error
}

func (s *tellsOnClose) Open(ctx context.Context) error {
	s.lost = make(chan error, 1)
	return s.Source.Open(ctx)
}

func (s *tellsOnClose) Lost() <-chan error { return s.lost }

func (s *tellsOnClose) Close(ctx context.Context) error {
	s.lost <- errors.New("closed")
	time.Sleep(time.Millisecond) // so that whoever listens has heard it
	return s.Source.Close(ctx)
}

// What the end of a connection by ourselves left unsettled counts: exit code 0 would say that all is stored.
func TestClosingMakesNothingVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(40)
		g.source.Follow = true
		g.p.Inputs[0].Input = &tellsOnClose{Source: g.source}
		g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Hang: true} }
		stop := g.start(t)
		synctest.Wait()
		var left *flow.LeftError
		if err := stop(); !errors.As(err, &left) || left.Messages != 40 {
			t.Errorf("the pipeline ended with %v, want 40 messages left", err)
		}
	})
}

// panics is an input that panics where it is asked beside Read.
type panics struct {
	*enginetest.Source
	lost, stop bool
}

func (s *panics) Lost() <-chan error {
	if s.lost {
		s.lost = false
		panic("lost")
	}
	return s.Source.Lost()
}

func (s *panics) Stop() {
	if s.stop {
		panic("stop")
	}
	s.End()
}

// A bug of one plugin must not end the process, and with it the other pipelines.
func TestAPanicBesideReadIsAnError(t *testing.T) {
	for _, input := range []*panics{{lost: true}, {stop: true}} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(40)
			g.source.Follow = true
			input.Source = g.source
			g.p.Inputs[0].Input = input
			stop := g.start(t)
			time.Sleep(time.Minute)
			g.finishNow(t, stop)
		})
	}
	g := newRig(0)
	ctx, cancel := context.WithCancel(t.Context())
	err := flow.Supervise(ctx, []flow.Spec{{Name: "test", Build: func() (*flow.Pipeline, error) {
		cancel()
		panic("build")
	}}})
	if err == nil || !strings.Contains(err.Error(), "build") {
		t.Errorf("a panic in Build gives %v", err)
	}
	g.ledger.Check(t, false)
}

// An output that moves its messages about would have one acked that it never stored.
func TestAnOutputThatShiftsItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		broken := true
		g.p.Output.Output = outputFunc(func(ctx context.Context, b *engine.Batch) error {
			if broken {
				broken = false
				copy(b.Messages[3:], b.Messages[4:])
				return nil
			}
			return g.output.Write(ctx, b)
		})
		g.finish(t)
		if n := len(g.output.Bodies()); n != 10 {
			t.Errorf("%d of 10 messages are stored", n)
		}
	})
}

// A pipeline that broke must not wait for what its input still has to give: Supervise starts it again, the others' logs wait.
func TestABrokenPipelineStopsItsStopper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1000)
		g.source.Follow = true
		g.p.Inputs[0].Input = stoppable{g.source}
		g.p.DrainTimeout = 10 * time.Minute
		g.p.Processors = []engine.ProcessorStep{{Name: "processor.broken", Processor: brokenStage(false)}}
		began := time.Now()
		if err := g.p.Run(t.Context()); err == nil {
			t.Error("a broken stage is no error")
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the broken pipeline ended after %v", took)
		}
	})
}

// A drain must not find a batch asleep: the output may be well by then, and what stays unsettled is delivered twice.
func TestADrainWakesWhatIsHeld(t *testing.T) {
	held := map[string]time.Duration{"by its worker": 30 * time.Second, "by the holder": 5 * time.Minute}
	for by, since := range held {
		for _, fallback := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, with a fallback %v", by, fallback), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { drainWakes(t, since, fallback) })
			})
		}
	}
}

func drainWakes(t *testing.T, since time.Duration, fallback bool) {
	g := newRig(10)
	if fallback {
		g.withFallback()
	}
	g.source.Follow = true
	g.p.DrainTimeout = 4 * time.Second
	var up atomic.Bool
	script := func(int, *engine.Batch) enginetest.Step {
		if up.Load() {
			return enginetest.Step{}
		}
		return enginetest.Step{Err: errDown}
	}
	g.output.Script, g.fallback.Script = script, script
	stop := g.start(t)
	time.Sleep(since)
	for calls := g.output.Calls(); g.output.Calls() == calls; { // just tried: the longest rest is ahead
		time.Sleep(time.Millisecond)
	}
	up.Store(true)
	if err := stop(); err != nil {
		t.Error(err)
	}
	g.ledger.Check(t, true)
}
