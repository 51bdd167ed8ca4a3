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
)

var errLarge = engine.TooLarge(errors.New("413 Request Entity Too Large"))

// takes is an output that takes so many bytes at once.
func takes(most int64) func(int, *engine.Batch) enginetest.Step {
	return func(_ int, b *engine.Batch) enginetest.Step {
		if b.Bytes() > most {
			return enginetest.Step{Err: errLarge}
		}
		return enginetest.Step{}
	}
}

// A batch that is too large for the output as a whole would be refused for ever, though each of its messages can be stored.
func TestABatchThatIsTooLargeIsStoredInParts(t *testing.T) {
	for _, fallback := range []bool{true, false} {
		t.Run(fmt.Sprintf("fallback %v", fallback), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(1000)
				if fallback {
					g.withFallback()
				}
				g.p.Inputs[0].Window.Messages = 2000
				g.p.Processors[0].Processor = enginetest.Group{Count: 500, Age: time.Second}
				g.output.Script = takes(100)
				log := g.logged()
				g.finish(t)
				for body, n := range g.output.Bodies() {
					if n != 1 {
						t.Errorf("message %s is there %d times", body, n)
					}
				}
				if n := len(g.dead.Bodies()); n != 0 {
					t.Errorf("%d messages are dead letters", n)
				}
				for _, o := range g.output.Objects() {
					if !strings.Contains(o.ID, "-1") && !strings.Contains(o.ID, "-2") {
						t.Errorf("a part is named %s", o.ID)
					}
				}
				if n := log.with("takes no batch of this size"); n != 1 {
					t.Errorf("the log says %d times that batches are cut", n)
				}
				if n := len(g.fallback.Objects()); n != 0 {
					t.Errorf("%d batches are in the fallback", n)
				}
			})
		})
	}
}

// One message that is too large alone is a dead letter, and its neighbours are stored. With an output that takes nothing at all, however
// small, none is: a proxy in front of it may be set wrong.
func TestAMessageThatIsTooLargeAlone(t *testing.T) {
	for _, fallback := range []bool{true, false} {
		t.Run(fmt.Sprintf("fallback %v", fallback), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(0)
				if fallback {
					g.withFallback()
				}
				g.source.Follow = true
				g.p.Processors[0].Processor = enginetest.Group{Count: 50, Age: time.Second}
				var healed atomic.Bool
				g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
					if !healed.Load() || b.Bytes() > 100 {
						return enginetest.Step{Err: errLarge}
					}
					return enginetest.Step{}
				}
				stop := g.start(t)
				g.source.Send(strings.Repeat("x", 200))
				g.source.Send(bodies(90)...)
				time.Sleep(time.Hour)
				if n := len(g.dead.Bodies()); n != 0 {
					t.Errorf("%d messages are dead letters of an output that takes nothing", n)
				}
				if n := g.output.Calls(); n > 3600*2 {
					t.Errorf("it was asked %d times in an hour", n)
				}
				healed.Store(true)
				time.Sleep(15 * time.Minute)
				if n, dead := len(g.output.Bodies()), g.dead.Bodies(); n != 90 || len(dead) != 1 {
					t.Errorf("%d of 90 messages are stored, and %d are dead letters", n, len(dead))
				}
				g.finishNow(t, stop)
			})
		})
	}
}

// A batch that was cut when the process was killed is cut into the same parts by the next: else what is stored already is there twice.
func TestPartsHaveTheSameNamesAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(64).withFallback()
		g.source.Follow = true
		g.p.Processors[0].Processor = enginetest.Group{Count: 64, Age: time.Second}
		g.p.DrainTimeout = 0
		g.output.Script = down
		stop := g.start(t)
		time.Sleep(time.Minute)
		_ = stop()
		for _, crash := range []bool{true, false} {
			p := newRig(0).p
			p.Inputs = []engine.InputStep{{Name: "input.source", Input: enginetest.NewSource(g.ledger)}}
			p.Output, p.Fallback, p.DeadLetter = g.p.Output, g.p.Fallback, g.p.DeadLetter
			stored := 0
			g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
				step := takes(100)(0, b)
				if step.Err == nil {
					stored++
				}
				if crash && stored > 1 {
					return enginetest.Step{Hang: true} // to the end of this life
				}
				return step
			}
			p.Inputs[0].Input.(*enginetest.Source).Follow = crash
			if crash {
				p.DrainTimeout = 0
			}
			g.p = p
			stop := g.start(t)
			time.Sleep(10 * time.Minute)
			_ = stop()
		}
		for body, n := range g.output.Bodies() {
			if n != 1 {
				t.Errorf("message %s is there %d times", body, n)
			}
		}
		if n := len(g.output.Bodies()); n != 64 || len(g.fallback.Objects()) != 0 {
			t.Errorf("%d of 64 messages are home", n)
		}
	})
}
