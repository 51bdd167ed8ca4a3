package flow_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// An output that names a message it does not have, or gives no reason, must not have others count as stored.
func TestAWriteErrorThatCannotBeTrusted(t *testing.T) {
	for _, f := range []engine.Failure{{Index: 10, Err: errDown}, {Index: 3, Err: nil}} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(10)
			calls := 0
			g.p.Output.Output = outputFunc(func(_ context.Context, b *engine.Batch) error {
				if calls++; calls == 1 { // stores all but m00009 / m00003
					for i, m := range b.Messages {
						if i != min(f.Index, 9) {
							g.ledger.Settled(string(m.Body), "out")
						}
					}
					return &engine.WriteError{Failed: []engine.Failure{f}}
				}
				for _, m := range b.Messages {
					g.ledger.Settled(string(m.Body), "out")
				}
				return nil
			})
			g.finish(t)
		})
	}
}

type outputFunc func(context.Context, *engine.Batch) error

func (f outputFunc) Write(ctx context.Context, b *engine.Batch) error { return f(ctx, b) }
func (outputFunc) Close(context.Context) error                        { return nil }

// A transform behind a stage may put messages of several chunks into another order: each keeps its own chunk.
func TestATransformMaySort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.source.Chunk = 1
		g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "processor.sort", Processor: transform(func(b *engine.Batch) error {
			slices.Reverse(b.Messages)
			return nil
		})})
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n == 0 {
				return enginetest.Step{Fail: []int{0, 1, 2}, FailErr: errDown} // m9 m8 m7 not stored
			}
			return enginetest.Step{Slow: time.Minute}
		}
		g.finish(t)
	})
}

// A source that is lost when nobody reads any more has what was void: nil would say that all is stored.
func TestFiniteSourceLostAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30)
		g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Slow: time.Minute} }
		done := make(chan error, 1)
		go func() { done <- g.p.Run(t.Context()) }()
		time.Sleep(10 * time.Second)
		g.source.Cut(errReset)
		err := <-done
		t.Logf("Run: %v; stored %d of 30, opens %d", err, len(g.output.Bodies()), g.source.Opens())
		if err == nil && len(g.output.Bodies()) < 30 {
			t.Error("nil although not all is stored")
		}
	})
}

// A try that failed half-way must not transform messages twice.
func TestAFailedTryLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := enginetest.NewLedger()
		g := newRig(0)
		g.source = enginetest.NewSource(l, "a", "b", "c")
		g.p.Inputs[0].Input = g.source
		calls := 0
		g.before(transform(func(b *engine.Batch) error {
			calls++
			if calls == 1 {
				panic("once")
			}
			if calls == 3 { // message b of one by one
				return errors.New("cannot work now")
			}
			for i := range b.Messages {
				b.Messages[i].Body = append([]byte("x"), b.Messages[i].Body...)
			}
			return nil
		}))
		if err := g.p.Run(t.Context()); err != nil {
			t.Error(err)
		}
		for body := range g.output.Bodies() {
			if len(body) != 2 {
				t.Errorf("stored %q", body)
			}
		}
	})
}

// Parts of one body must not write into each other.
func TestPartsDoNotShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		g.source = enginetest.NewSource(enginetest.NewLedger(), "aaabbb")
		g.p.Inputs[0].Input = g.source
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				b.Messages[i].Body = append(b.Messages[i].Body, '\n')
			}
			return nil
		}))
		g.before(transform(func(b *engine.Batch) error {
			body := b.Messages[0].Body
			b.Split(0, engine.Message{Body: body[:3]}, engine.Message{Body: body[3:]})
			return nil
		}))
		if err := g.p.Run(t.Context()); err != nil {
			t.Error(err)
		}
		for body := range g.output.Bodies() {
			if body != "aaa\n" && body != "bbb\n" {
				t.Errorf("stored %q", body)
			}
		}
	})
}

type earlyStage struct{}

func (earlyStage) Run(_ context.Context, in <-chan *engine.Batch, _ chan<- *engine.Batch) error {
	<-in
	return nil
}

// A stage that ends early keeps what it swallowed until somebody notices.
func TestAStageThatEndsEarlyIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.source.Follow = true
		g.p.Processors[0].Processor = earlyStage{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.p.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		select {
		case <-done:
		default:
			t.Errorf("a day later the pipeline still runs; %d unacked", g.source.Unacked())
		}
		cancel()
		synctest.Wait()
	})
}

// A transform that drops what pressure sealed must not end the asking for more.
func TestPressureGoesOnBehindDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(2000)
		key := func(body []byte) string { return string(body[5:]) } // last digit: ten groups, every chunk has one of each
		g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Hour, Key: key}
		g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "processor.drop", Processor: transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				if b.Messages[i].Body[5] != '9' {
					g.ledger.Settled(string(b.Messages[i].Body), "dropped")
					b.Drop(i)
				}
			}
			return nil
		})})
		begin := time.Now()
		g.finish(t)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// Without an age nothing else would ever empty the groups.
func TestPressureNeedsNoAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(2000)
		g.p.Processors[0].Processor = enginetest.Group{Count: 1000, Age: 100 * 365 * 24 * time.Hour, Key: func(body []byte) string { return string(body[5:]) }}
		g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "processor.drop", Processor: transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				g.ledger.Settled(string(b.Messages[i].Body), "dropped")
				b.Drop(i)
			}
			return nil
		})})
		begin := time.Now()
		g.finish(t)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// One batch that is held must not stop the flow of the others.
func TestAHeldBatchDoesNotEndPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(2000)
		g.source.Follow = true
		g.p.Workers = 5
		g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Hour, Key: func(body []byte) string {
			if body[5] == '7' {
				return "rare"
			}
			return "common"
		}}
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if len(find(b, "m00003")) > 0 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(30 * time.Minute)
		if n := len(g.output.Bodies()); n < 1900 {
			t.Errorf("%d of 2000 stored after 30 min: one held batch of 20 stalls the flow", n)
		}
		stop()
	})
}

// What is in the fallback is safe: a stop leaves nothing.
func TestStopWhileRecoveryWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10).withFallback()
		g.source.Follow = true
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if n == 0 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{Hang: true}
		}
		stop := g.start(t)
		time.Sleep(time.Minute)
		if g.source.Unacked() != 0 {
			t.Fatal("setup")
		}
		begin := time.Now()
		if err := stop(); err != nil {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

type ackFails struct {
	engine.Input
	n int
}

func (a *ackFails) Ack(ctx context.Context, tags []uint64) error {
	if a.n++; a.n == 1 {
		return errors.New("input/output error")
	}
	return a.Input.Ack(ctx, tags)
}

type spoolAckFails struct{ *enginetest.Spool }

func (s spoolAckFails) Recovery() engine.Input { return &ackFails{Input: s.Spool.Recovery()} }

// A batch that cannot leave the fallback is tried again, and is not forgotten by a finite pipeline.
func TestTheFallbackFailsToForget(t *testing.T) {
	for _, endless := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(30).withFallback()
			g.p.Fallback.Output = spoolAckFails{g.fallback}
			g.output.Script = func(n int, _ *engine.Batch) enginetest.Step {
				if n < 3 {
					return enginetest.Step{Err: errDown}
				}
				return enginetest.Step{}
			}
			if endless {
				g.source.Follow = true
				stop := g.start(t)
				time.Sleep(24 * time.Hour)
				if n := len(g.fallback.Objects()); n != 0 {
					t.Errorf("endless: %d batches in the fallback after a day in which all was well", n)
				}
				stop()
				return
			}
			err := g.p.Run(t.Context())
			if n := len(g.fallback.Objects()); err == nil && n != 0 {
				t.Errorf("Run gave nil; the fallback still has %d batches", n)
			}
		})
	}
}

// One batch that can go nowhere must not keep all others in the fallback.
func TestAPoisonedBatchDoesNotBlockRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.p.DeadLetter = nil
		g.source.Follow = true
		begin := time.Now()
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if len(find(b, "m00003")) > 0 {
				return enginetest.Step{Err: engine.Permanent(errors.New("poison"))}
			}
			if time.Since(begin) < time.Minute {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(24 * time.Hour)
		if n := len(g.output.Bodies()); n < 90 {
			t.Errorf("%d of 90 good messages are stored a day after the outage; %d batches in the fallback", n, len(g.fallback.Objects()))
		}
		stop()
	})
}

type checked struct {
	engine.Output
	checking atomic.Bool
	t        *testing.T
}

func (c *checked) Check(ctx context.Context) error {
	c.checking.Store(true)
	defer c.checking.Store(false)
	select {
	case <-time.After(time.Minute):
	case <-ctx.Done():
	}
	return nil
}
func (c *checked) Close(ctx context.Context) error {
	if c.checking.Load() {
		c.t.Error("Close beside Check")
	}
	return c.Output.Close(ctx)
}

// A plugin is closed beside nothing.
func TestCloseWaitsForTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.p.Output.Output = &checked{Output: g.output, t: t}
		g.finish(t)
	})
}

type panicPolicy struct{}

func (panicPolicy) Wrap(next engine.Output) engine.Output {
	n := 0
	return outputFunc(func(ctx context.Context, b *engine.Batch) error {
		if n++; n == 1 {
			panic("policy")
		}
		return next.Write(ctx, b)
	})
}

// A panic of one plugin must not end the process.
func TestAPanickingPolicy(t *testing.T) {
	g := newRig(10)
	g.p.Processors = append(g.p.Processors, engine.ProcessorStep{Name: "processor.p", Processor: panicPolicy{}})
	g.finish(t)
}

type addStage struct{}

func (addStage) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	for b := range in {
		if len(b.Messages) > 0 {
			b.Messages = append(b.Messages, engine.Message{Body: []byte("summary")})
		}
		out <- b
	}
	return nil
}

// A message that a stage made belongs to no chunk.
func TestAStagesOwnMessageMayBeDropped(t *testing.T) {
	g := newRig(10)
	g.p.Processors = []engine.ProcessorStep{{Name: "processor.add", Processor: addStage{}}, {Name: "t", Processor: transform(func(b *engine.Batch) error {
		for i := range b.Messages {
			if bytes.Equal(b.Messages[i].Body, []byte("summary")) {
				b.Drop(i)
			}
		}
		return nil
	})}}
	g.finish(t)
}

// An output that cuts off messages must not lose them, nor end the process.
func TestAnOutputThatChangesItsBatch(t *testing.T) {
	for _, reject := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(10)
			first := true
			g.p.Output.Output = outputFunc(func(ctx context.Context, b *engine.Batch) error {
				if first {
					first = false
					if reject {
						b.Reject(9, errors.New("no good"))
					}
					b.Messages = b.Messages[:9]
					return nil
				}
				return g.output.Write(ctx, b)
			})
			g.finish(t)
		})
	}
}

type slowClose struct{ engine.Input }

func (s slowClose) Close(ctx context.Context) error {
	<-ctx.Done()
	s.Input.Close(ctx)
	return ctx.Err()
}

type closeCtx struct {
	engine.Output
	t *testing.T
}

func (c closeCtx) Close(ctx context.Context) error {
	if ctx.Err() != nil {
		c.t.Errorf("output closed with an ended context: %v", ctx.Err())
	}
	return c.Output.Close(ctx)
}

// An input that hangs must not take the time that an output needs to flush.
func TestOutputsHaveTheirOwnTimeToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.p.Inputs[0].Input = slowClose{g.source}
		g.p.Output.Output = closeCtx{g.output, t}
		g.source.End()
		_ = g.p.Run(t.Context()) // the hanging input's own error
	})
}

type emptyRecovery struct{ *enginetest.Spool }
type nothing struct {
	engine.Input
	n *atomic.Int64
}

var reads atomic.Int64

func (s emptyRecovery) Recovery() engine.Input { return nothing{s.Spool.Recovery(), &reads} }
func (n nothing) Read(ctx context.Context, b *engine.Batch) error {
	n.n.Add(1)
	return nil
}

// A fallback that gives neither a batch nor an error must not be asked without a pause.
func TestRecoveryThatGivesNothing(t *testing.T) {
	g := newRig(10).withFallback()
	g.source.Follow = true
	g.p.Fallback.Output = emptyRecovery{g.fallback}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	g.p.Run(ctx)
	if n := reads.Load(); n > 100 {
		t.Errorf("%d reads in 0.2 s", n)
	}
}

// A drain must not wait to its hard end for dead letters that are safe in the fallback.
func TestDrainDoesNotWaitForAFailingDeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10).withFallback()
		g.source.Follow = true
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n == 0 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{Reject: []int{0}, FailErr: errors.New("poison")}
		}
		g.dead.Script = down
		stop := g.start(t)
		time.Sleep(time.Minute)
		if g.source.Unacked() != 0 {
			t.Fatal("setup")
		}
		begin := time.Now()
		err := stop()
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("drain of an empty pipeline took %v: %v", took, err)
		}
	})
}

// A pipeline that is broken must not wait for drain_timeout before it is started again.
func TestABrokenPipelineEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(200)
		g.source.Follow = true
		g.p.DeadLetter = nil
		g.p.DrainTimeout = 10 * time.Minute
		g.before(transform(func(b *engine.Batch) error { b.Reject(0, errors.New("no good")); return nil }))
		begin := time.Now()
		err := g.p.Run(t.Context())
		t.Log(err)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// An input that waits for its dead letters must not have the batches of another one cut small.
func TestAStuckInputLeavesOthersTheirBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(200)
		g.source.Follow = true
		other := enginetest.NewSource(g.ledger)
		other.Follow = true
		g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: "input.other", Input: other, Window: engine.Capacity{Messages: 100}})
		g.p.Processors[0].Processor = enginetest.Group{Count: 50, Age: 10 * time.Second}
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				if b.Messages[i].Body[0] == 'm' {
					b.Reject(i, errors.New("no good"))
				}
			}
			return nil
		}))
		g.dead.Script = down
		stop := g.start(t)
		time.Sleep(time.Minute)
		for i := range 100 {
			other.Send("o" + string(rune('a'+i%26)) + time.Now().String())
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if n := len(g.output.Objects()); n > 5 {
			t.Errorf("100 messages went into %d objects", n)
		}
		stop()
	})
}

// A dead letter that is down keeps one batch in the fallback, not all.
func TestRecoveryGoesOnWhileADeadLetterIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.source.Follow = true
		g.dead.Script = down
		begin := time.Now()
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if time.Since(begin) < time.Minute {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{Reject: find(b, "m00003"), FailErr: errors.New("poison")}
		}
		stop := g.start(t)
		time.Sleep(24 * time.Hour)
		if n := len(g.output.Bodies()); n != 99 {
			t.Errorf("%d of 99 good messages are home", n)
		}
		if n := len(g.fallback.Objects()); n != 1 {
			t.Errorf("%d batches are in the fallback, want the one whose dead letter is not stored", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
