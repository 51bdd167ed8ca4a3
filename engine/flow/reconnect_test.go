package flow_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

var errReset = errors.New("connection reset by peer")

// gated makes a script that holds every write until the gate is opened.
func gated() (script func(int, *engine.Batch) enginetest.Step, open func()) {
	gate := make(chan struct{})
	return func(int, *engine.Batch) enginetest.Step { <-gate; return enginetest.Step{} }, func() { close(gate) }
}

// A late ack names other messages on the new connection: without the rule they would be lost.
func TestAckNeverCrossesAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(20)
		g.source.Follow = true
		g.p.Workers = 1
		var writes atomic.Int64
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if writes.Add(1) == 1 {
				return enginetest.Step{Slow: time.Minute}
			}
			return enginetest.Step{Slow: time.Hour} // what the new connection brings is not stored for long
		}
		stop := g.start(t)
		time.Sleep(30 * time.Second)
		g.source.Cut(errReset) // while batch 1 is being written
		time.Sleep(20 * time.Minute)
		if g.source.Opens() != 2 {
			t.Fatalf("the source was opened %d times, want 2", g.source.Opens())
		}
		if n := g.source.Unacked(); n == 0 {
			t.Error("an ack of the dead connection reached the new one")
		}
		g.ledger.Check(t, false)
		time.Sleep(5 * time.Hour)
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// What a dead connection brought comes again: writing it would store it twice.
func TestVoidMessagesAreNotWritten(t *testing.T) {
	for _, role := range []string{"output", "fallback"} {
		t.Run(role, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(60)
				g.source.Follow = true
				script, open := gated()
				if role == "fallback" {
					g.withFallback()
					g.p.Recover = false
					g.output.Script, g.fallback.Script = down, script
				} else {
					g.output.Script = script
				}
				stop := g.start(t)
				synctest.Wait() // two batches are being written, others wait behind them
				g.source.Cut(errReset)
				synctest.Wait()
				open()
				time.Sleep(time.Minute)
				store := g.output
				if role == "fallback" {
					store = g.fallback.Store
				}
				twice := 0
				for _, n := range store.Bodies() {
					twice += n - 1
				}
				if twice > 20 {
					t.Errorf("%d messages are stored twice; only the 20 that were being written may be", twice)
				}
				if g.events.sum(engine.Voided) == 0 {
					t.Error("nothing was discarded: the test tests nothing")
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
				g.ledger.Check(t, true)
			})
		})
	}
}

// Reopening while the old window is held doubles the memory with every reconnect of an outage.
func TestReopenWaitsForTheVoidWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(60)
		g.source.Follow = true
		script, open := gated()
		g.output.Script = script
		stop := g.start(t)
		synctest.Wait()
		g.source.Cut(errReset)
		time.Sleep(24 * time.Hour)
		if n := g.source.Opens(); n != 1 {
			t.Errorf("the source was opened %d times while its void messages were held", n)
		}
		open()
		time.Sleep(time.Minute)
		if n := g.source.Opens(); n != 2 {
			t.Errorf("the source was opened %d times, want 2", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// deafSource is an input that hears of its loss only when it reads or acks.
type deafSource struct{ engine.Input }

// A source that is lost while nobody reads is heard of by the failing ack or the next read, and opened again.
func TestAnAckErrorEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100)
		g.source.Follow = true
		g.p.Inputs[0].Input = deafSource{g.source}
		g.p.Inputs[0].Window = engine.Capacity{Messages: 20}
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if n < 2 {
				return enginetest.Step{Slow: time.Minute}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(30 * time.Second) // the window is full, so nobody reads
		g.source.Cut(errReset)
		time.Sleep(2 * time.Minute)
		if n := g.source.Opens(); n != 2 {
			t.Errorf("the source was opened %d times, want 2", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// stoppable gives what is in the queue before it ends.
type stoppable struct{ *enginetest.Source }

func (s stoppable) Stop() { s.End() }

// What a broker has delivered and gets back counts as a failed delivery: after some rolling updates it would take good messages away.
func TestDrainReadsWhatWasDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(95)
		g.source.Follow = true
		g.p.Inputs[0].Input = stoppable{g.source}
		g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Slow: time.Second} }
		stop := g.start(t)
		time.Sleep(100 * time.Millisecond) // some of it is read
		if err := stop(); err != nil {
			t.Error(err)
		}
		if n := g.source.Requeued(); n != 0 {
			t.Errorf("%d messages went back", n)
		}
		g.ledger.Check(t, true)
	})
}

// Without the sweep a reconnect waits for the age of the open batches, which may be long.
func TestOpenBatchesDoNotDelayAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(5)
		g.source.Follow = true
		g.p.Processors[0].Processor = enginetest.Group{Count: 10, Age: 24 * time.Hour}
		stop := g.start(t)
		synctest.Wait()
		g.source.Cut(errReset)
		time.Sleep(time.Minute)
		if n := g.source.Opens(); n != 2 {
			t.Errorf("the source was opened %d times within a minute, want 2", n)
		}
		if n := g.output.Calls(); n != 0 {
			t.Errorf("void messages were written %d times", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// A server that is down when logpipe starts is the same case as one that goes down later.
func TestSourceDownAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(25)
		for range 50 {
			g.source.FailOpen(errors.New("connection refused"))
		}
		g.finish(t)
		if lost := len(g.events.of(engine.Lost)); lost != 50 {
			t.Errorf("%d of 50 failed attempts were seen", lost)
		}
	})
}

// A source that is lost after its end, before the last acks, would not deliver again what is not stored.
func TestSourceLostAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(15)
		endless := enginetest.NewSource(g.ledger)
		endless.Follow = true
		g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: "input.endless", Input: endless})
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step { return enginetest.Step{Slow: time.Minute} }
		stop := g.start(t)
		time.Sleep(10 * time.Second)
		g.source.Cut(errReset)
		time.Sleep(10 * time.Minute)
		if n := g.source.Opens(); n != 2 {
			t.Errorf("the source was opened %d times, want 2", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.ledger.Check(t, true)
	})
}

// One rare partition holds a message of every chunk. Without pressure the window fills with chunks that wait for it,
// and the pipeline moves one window per batch age.
func TestARarePartitionDoesNotStallTheFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(2000)
		g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Hour, Key: func(body []byte) string {
			if body[5] == '7' { // one in ten, so every chunk has one, and a window has ten: never enough for a batch
				return "rare"
			}
			return "common"
		}}
		begin := time.Now()
		g.finish(t)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("2000 messages took %v: the window stood full until batches were old enough", took)
		}
	})
}
