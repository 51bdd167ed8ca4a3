package flow_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// The source takes back what waits too long for its ack, as brokers do, and counts that. Opened again and again in an outage of a day it
// would count each message to its limit, and delete good ones: so the input stays closed until something can be written. Then it goes on at
// once.
func TestALostInputStaysClosedWhileNothingCanBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 30
		g := newRig(n)
		g.source.Follow = true
		log := g.logged()
		const patience, outage = 30 * time.Minute, 24 * time.Hour
		g.output.Script = downFor(outage, "none", nil)
		stop := g.start(t)
		opens, began := 0, time.Now()
		for time.Since(began) < outage-patience {
			if time.Sleep(patience); g.source.Opens() > opens {
				opens = g.source.Opens()
				g.source.Cut(errReset)
			}
		}
		if opens > 1 {
			t.Errorf("in an outage of a day the input was opened %d times: each one more costs a delivery", opens)
		}
		if log.with("input stays closed") == 0 {
			t.Error("nobody is told that the input stays closed")
		}
		time.Sleep(patience + time.Minute)
		twice := -n
		for _, times := range g.output.Bodies() {
			twice += times
		}
		if stored := len(g.output.Bodies()); stored != n || twice > 1 {
			t.Errorf("a minute after the outage %d of %d messages are stored, and %d twice", stored, n, twice)
		}
		g.finishNow(t, stop)
	})
}

// The message that the engine asks with first can never be written. Were it the only one that asks, the input would stay closed although the
// outage is over.
func TestAMessageThatCannotBeWrittenKeepsNoInputClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30)
		g.source.Follow = true
		const outage = time.Hour
		began, cut, poison := time.Now(), false, ""
		var mu sync.Mutex // of cut and poison: several workers write
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			mu.Lock()
			defer mu.Unlock()
			down := time.Since(began) < outage
			if down && cut && poison == "" && len(b.Messages) == 1 {
				poison = string(b.Messages[0].Body)
			}
			switch {
			case down:
				return enginetest.Step{Err: errDown}
			case len(find(b, poison)) > 0:
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(time.Minute)
		mu.Lock()
		cut = true
		mu.Unlock()
		g.source.Cut(errReset)
		time.Sleep(outage - 2*time.Minute)
		if g.source.Opens() != 1 {
			t.Fatalf("the source was opened %d times in the outage, so the test is about nothing", g.source.Opens())
		}
		time.Sleep(6 * time.Minute)
		stop()
		if g.source.Opens() != 2 {
			t.Errorf("with %q as poison, five minutes after the outage the source was opened %d times, want 2", poison, g.source.Opens())
		}
	})
}

// A write that hangs in the outage hangs for ever where the output has no timeout of its own. Were the answer to one question waited for as
// long, the input would stay closed, and its source full, although everything else is well.
func TestAQuestionThatHangsKeepsNoInputClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30)
		g.source.Follow = true
		var lost, hung, up atomic.Bool
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			switch {
			case up.Load():
				return enginetest.Step{}
			case lost.Load() && hung.CompareAndSwap(false, true):
				return enginetest.Step{Hang: true}
			}
			return enginetest.Step{Err: errDown}
		}
		stop := g.start(t)
		time.Sleep(time.Minute)
		g.source.Cut(errReset) // what is held is let go, so nobody but the question is written
		lost.Store(true)
		time.Sleep(time.Minute)
		if !hung.Load() {
			t.Fatal("nobody has asked, so the test is about nothing")
		}
		up.Store(true)
		time.Sleep(2 * time.Minute)
		if n := len(g.output.Bodies()); n != 30 {
			t.Errorf("two minutes after the outage %d of 30 messages are stored", n)
		}
		g.finishNow(t, stop)
	})
}

// With a fallback that works there is a place, and no reason to wait.
func TestALostInputIsOpenedWhenTheFallbackWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(30).withFallback()
		g.source.Follow = true
		g.output.Script = down
		stop := g.start(t)
		time.Sleep(time.Minute)
		g.source.Cut(errReset)
		time.Sleep(time.Minute)
		if g.source.Opens() != 2 {
			t.Errorf("the source was opened %d times, want 2", g.source.Opens())
		}
		g.finishNow(t, stop)
	})
}
