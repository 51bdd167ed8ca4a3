package flow_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// A job may end only when the dead letters of what came home are stored: before, the fallback must not forget them, and it must not be
// left with them either.
func TestTheLastPassWaitsForItsDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(50).withFallback()
		g.dead.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Slow: 5 * time.Second} }
		began := time.Now()
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if time.Since(began) < 10*time.Second && b.SealedBy != "" {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{Reject: []int{0}, FailErr: errPoison}
		}
		g.finish(t)
		if n := len(g.fallback.Objects()); n != 0 {
			t.Errorf("%d batches are left in the fallback", n)
		}
	})
}

// What fell back comes home as soon as the output is well, not when a timer says so: it is late enough already.
func TestRecoveryBeginsWhenTheOutputIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.source.Follow = true
		var up, once atomic.Bool
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			if !up.Load() || once.CompareAndSwap(true, false) {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(time.Hour) // recovery's back-off has grown to its most
		for calls := g.output.Calls(); g.output.Calls() == calls; {
			time.Sleep(time.Millisecond)
		}
		up.Store(true)
		for i := range 10 {
			g.source.Send(fmt.Sprintf("n%04d", i)) // live messages find out that it is well
		}
		time.Sleep(2 * time.Second)
		if n := len(g.fallback.Objects()); n != 0 {
			t.Errorf("%d batches are in the fallback two seconds after the output was well", n)
		}
		// And one that falls back beside an idle recovery.
		time.Sleep(5 * time.Second)
		once.Store(true)
		g.source.Send("last")
		time.Sleep(1500 * time.Millisecond)
		if n := len(g.output.Bodies()); n != 111 {
			t.Errorf("%d of 111 messages are stored", n)
		}
		g.finishNow(t, stop)
	})
}

// What is in the fallback is safe, so a stop in the middle of an outage has nothing to wait for. Whoever replaces a pod would else wait half
// of its drain_timeout each time, and may end it by force.
func TestAStopDoesNotWaitForWhatStaysInTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.source.Follow = true
		g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Err: errDown} }
		stop := g.start(t)
		time.Sleep(time.Minute)
		if n := len(g.fallback.Bodies()); n != 100 {
			t.Fatalf("%d of 100 messages are in the fallback", n)
		}
		began := time.Now()
		g.finishNow(t, stop)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the stop took %v", took)
		}
	})
}
