package flow_test

import (
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

var errPoison = engine.Permanent(errors.New("the body has a line break"))

// downFor is an output that is down at first, and then fails each batch with one of these messages as say tells.
func downFor(d time.Duration, poison string, say func(at []int) enginetest.Step) func(int, *engine.Batch) enginetest.Step {
	began := time.Now()
	return func(_ int, b *engine.Batch) enginetest.Step {
		if time.Since(began) < d {
			return enginetest.Step{Err: errDown}
		}
		if at := find(b, poison); len(at) > 0 {
			return say(at)
		}
		return enginetest.Step{}
	}
}

// A batch with more messages than recovery may leave outstanding, and with no place to go, would keep all others in the fallback for
// ever, and a job with a finite input from ending.
func TestALargePoisonedBatchDoesNotStopRecovery(t *testing.T) {
	for _, finite := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(4500).withFallback()
			g.source.Follow = true
			g.p.DeadLetter = nil
			g.p.Inputs[0].Window = engine.Capacity{Messages: 6000}
			g.p.Processors[0].Processor = enginetest.Group{Count: 1500, Age: time.Second}
			g.output.Script = downFor(time.Minute, "m00003", func([]int) enginetest.Step { return enginetest.Step{Err: errPoison} })
			stop := g.start(t)
			time.Sleep(10 * time.Minute)
			if n, left := len(g.output.Bodies()), len(g.fallback.Objects()); n != 3000 || left != 1 {
				t.Errorf("%d of 3000 good messages came home; %d batches are in the fallback, want the poisoned one", n, left)
			}
			if !finite {
				if err := stop(); err != nil {
					t.Error(err)
				}
				return
			}
			g.source.End()
			time.Sleep(10 * time.Minute)
			var left *flow.LeftError
			if err := stop(); !errors.As(err, &left) || !strings.Contains(err.Error(), "line break") {
				t.Errorf("the pipeline ended with %v, want what is left in the fallback and why", err)
			}
		})
	}
}

// What is stored of a recovered batch must not be stored again with every pass: an output that appends would double it for ever.
func TestTheGoodPartOfAPoisonedBatchComesHomeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10).withFallback()
		g.source.Follow = true
		g.p.DeadLetter = nil
		g.output.Script = downFor(time.Minute, "m00003", func(at []int) enginetest.Step {
			return enginetest.Step{Fail: at, FailErr: errPoison}
		})
		stop := g.start(t)
		time.Sleep(24 * time.Hour)
		writes := 0
		for _, o := range g.output.Objects() {
			writes += o.Writes * len(o.Bodies)
		}
		if writes != 9 {
			t.Errorf("9 good messages were written %d times in a day", writes)
		}
		if left := g.fallback.Objects(); len(left) != 1 || len(left[0].Bodies) != 1 {
			t.Errorf("the fallback has %v, want the poisoned message alone", left)
		}
		g.finishNow(t, stop)
	})
}

// As many batches that can be written nowhere as there are workers must not stop all others.
func TestPoisonedBatchesDoNotKeepTheWorkers(t *testing.T) {
	for name, say := range map[string]func(at []int) enginetest.Step{
		"permanent, alone":   func(at []int) enginetest.Step { return enginetest.Step{Fail: at, FailErr: errPoison} },
		"permanent, whole":   func([]int) enginetest.Step { return enginetest.Step{Err: errPoison} },
		"unroutable":         func(at []int) enginetest.Step { return enginetest.Step{Fail: at, FailErr: errors.New("no queue")} },
		"says nothing of it": func([]int) enginetest.Step { return enginetest.Step{Err: errors.New("413 too large")} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(0)
				g.source.Follow = true
				g.p.DeadLetter = nil
				g.p.Inputs[0].Window = engine.Capacity{Messages: 2000}
				g.p.Processors[0].Processor = enginetest.Group{Count: 10, Age: time.Second, Key: func(b []byte) string { return string(b[:1]) }}
				var healed atomic.Bool
				g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
					if b.Messages[0].Body[0] != 'p' || healed.Load() {
						return enginetest.Step{}
					}
					all := make([]int, len(b.Messages))
					for i := range all {
						all[i] = i
					}
					return say(all)
				}
				for i := range 60 {
					g.source.Send(fmt.Sprintf("p%04d", i)) // six batches, three for each worker
				}
				stop := g.start(t)
				time.Sleep(time.Second)
				g.source.Send(bodies(1000)...)
				time.Sleep(5 * time.Minute)
				if n := len(g.output.Bodies()); n != 1000 {
					t.Errorf("%d of 1000 good messages got through", n)
				}
				if n := g.source.Unacked(); n > 70 {
					t.Errorf("%d messages are unacked, want the poisoned 60 and their chunks", n)
				}
				healed.Store(true)
				time.Sleep(time.Minute)
				g.finishNow(t, stop)
			})
		})
	}
}

// A drain sees held batches to their end, too.
func TestADrainWritesWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100)
		g.source.Follow = true
		g.p.DeadLetter = nil
		var healed atomic.Bool
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if at := find(b, "m00003"); len(at) > 0 && !healed.Load() {
				return enginetest.Step{Fail: at, FailErr: errPoison}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(time.Hour)
		if n := len(g.output.Bodies()); n != 99 {
			t.Errorf("%d of 99 good messages got through", n)
		}
		healed.Store(true)
		g.finishNow(t, stop)
	})
}

// What is held and void must not keep its input closed.
func TestHeldBatchesDoNotDelayAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100)
		g.source.Follow = true
		g.p.DeadLetter = nil
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if at := find(b, "m00003"); len(at) > 0 && g.source.Opens() == 1 {
				return enginetest.Step{Fail: at, FailErr: errPoison}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(time.Hour)
		g.source.Cut(errReset)
		time.Sleep(2 * time.Second)
		if g.source.Opens() != 2 {
			t.Error("the input is not open again two seconds after its connection died")
		}
		time.Sleep(time.Minute)
		g.finishNow(t, stop)
	})
}

// A held batch whose cause is gone must not wait until all others that are held with it succeed.
func TestOneHeldBatchIsTriedWhoeverElseFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		g.source.Follow, g.source.Chunk = true, 1
		g.p.DeadLetter = nil
		g.p.Inputs[0].Window = engine.Capacity{Messages: 5000}
		g.p.Processors = nil // a message is a batch
		var up, healed atomic.Bool
		stored := make(chan time.Time, 1)
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			switch body := string(b.Messages[0].Body); {
			case body == "first" && up.Load():
				stored <- time.Now()
			case body == "first", body[0] == 'p' && !healed.Load():
				return enginetest.Step{Err: errors.New("409 Conflict")}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		g.source.Send("first")
		for i := range 400 {
			g.source.Send(fmt.Sprintf("p%04d", i), fmt.Sprintf("m%04d", i))
			time.Sleep(time.Second)
		}
		began := time.Now()
		up.Store(true)
		time.Sleep(time.Minute)
		select {
		case at := <-stored:
			if late := at.Sub(began); late > 11*time.Second {
				t.Errorf("it was tried %v after it could be stored; its back-off is 10s at most", late)
			}
		default:
			t.Error("it was not tried for a minute")
		}
		healed.Store(true)
		time.Sleep(time.Minute)
		g.finishNow(t, stop)
	})
}
