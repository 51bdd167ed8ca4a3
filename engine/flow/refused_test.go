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

// A batch that the output refuses with a plain error, and that stands first in the fallback, would keep all the others on a local disk
// until somebody looks. It is asked for seldom, said once, and to be seen from outside.
func TestARefusedBatchDoesNotKeepTheOthersFromComingHome(t *testing.T) {
	for _, idle := range []bool{true, false} {
		t.Run(fmt.Sprintf("idle %v", idle), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(200).withFallback()
				g.source.Follow = true
				log := g.logged()
				var healed atomic.Bool
				var tries atomic.Int64
				began := time.Now()
				g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
					switch {
					case time.Since(began) < time.Minute:
						return enginetest.Step{Err: errDown}
					case len(find(b, "m00003")) > 0 && !healed.Load():
						tries.Add(1)
						return enginetest.Step{Err: errors.New("403 Forbidden")}
					}
					return enginetest.Step{}
				}
				stop := g.start(t)
				time.Sleep(3 * time.Minute)
				if n := len(g.output.Bodies()); n != 190 {
					t.Errorf("%d of 190 messages are home two minutes after the outage", n)
				}
				until := time.Now().Add(24 * time.Hour)
				// Something is stored after it was refused, or it could be the outage still: then nothing for a day, or more and more.
				for i := 0; (!idle || i == 0) && time.Now().Before(until); i++ {
					g.source.Send(fmt.Sprintf("n%06d", i))
					time.Sleep(time.Minute)
				}
				time.Sleep(time.Until(until))
				if n := tries.Load(); n > 24*60/5+20 {
					t.Errorf("the refused batch was tried %d times in a day", n)
				}
				if s := g.p.State(); s.Refused.Messages != 10 || s.Refused.Bytes != 60 {
					t.Errorf("the state says that %+v is refused, want 10 messages of 6 bytes", s.Refused)
				}
				if n := log.with("fallback does not come home"); n != 1 {
					t.Errorf("%d lines say that the fallback does not come home, want 1", n)
				}
				if n := log.with("level=WARN"); n > 10 {
					t.Errorf("%d warnings in a day:\n%s", n, strings.Join(log.all, ""))
				}
				healed.Store(true)
				time.Sleep(11 * time.Minute)
				if n := len(g.fallback.Objects()); n != 0 || g.p.State().Refused.Messages != 0 {
					t.Errorf("%d batches are in the fallback eleven minutes after the cause was mended", n)
				}
				g.finishNow(t, stop)
			})
		})
	}
}

// Several that are refused, an outage between, and a finite source: the good ones come home, and the job ends and says what is left.
func TestRefusedBatchesAndAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(500).withFallback()
		g.source.Follow = true
		began := time.Now()
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			at := time.Since(began)
			switch {
			case at < time.Minute, at > 2*time.Minute && at < time.Hour:
				return enginetest.Step{Err: errDown}
			case len(find(b, "m00003")) > 0, len(find(b, "m00203")) > 0, len(find(b, "m00403")) > 0:
				return enginetest.Step{Err: errors.New("409 Conflict")}
			}
			return enginetest.Step{Slow: 3 * time.Second}
		}
		stop := g.start(t)
		time.Sleep(2 * time.Hour)
		if n := len(g.output.Bodies()); n != 470 {
			t.Errorf("%d of 470 messages are home", n)
		}
		for body, n := range g.output.Bodies() {
			if n != 1 {
				t.Errorf("message %s is there %d times", body, n)
			}
		}
		g.source.End()
		time.Sleep(10 * time.Minute)
		var left *flow.LeftError
		if err := stop(); !errors.As(err, &left) || !strings.Contains(err.Error(), "409") {
			t.Errorf("the pipeline ended with %v, want what is left in the fallback and why", err)
		}
	})
}

// The end of a finite job in an outage must not try each batch of a large fallback, and must not wait.
func TestAJobEndsInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1000).withFallback()
		g.output.Script = down
		g.source.End()
		began := time.Now()
		if err := g.p.Run(t.Context()); err == nil {
			t.Error("nothing is said of what is in the fallback")
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the job ended after %v", took)
		}
		if n := g.output.Calls(); n > 100+20 {
			t.Errorf("the output was asked %d times for 100 batches", n)
		}
	})
}

// Each refused batch waits for its own time: one that is refused for long is not asked for more often because others join it.
func TestRefusedBatchesWaitEachForItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0).withFallback()
		g.source.Follow = true
		var tries atomic.Int64
		var healed atomic.Bool
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if b.Messages[0].Body[0] != 'p' || healed.Load() {
				return enginetest.Step{}
			}
			tries.Add(int64(len(find(b, "p0000"))))
			return enginetest.Step{Err: errors.New("409 Conflict")}
		}
		stop := g.start(t)
		for i := range 6 * 4 {
			g.source.Send(fmt.Sprintf("p%04d", i))
			time.Sleep(10 * time.Second)
			g.source.Send(fmt.Sprintf("m%04d", i))
			time.Sleep(15*time.Minute - 10*time.Second)
		}
		if n := tries.Load(); n > 6*60/5+20 {
			t.Errorf("the first one was tried %d times in six hours", n)
		}
		if n := len(g.output.Bodies()); n != 6*4 {
			t.Errorf("%d of %d messages are stored", n, 6*4)
		}
		healed.Store(true)
		time.Sleep(11 * time.Minute)
		g.finishNow(t, stop)
	})
}

// The output takes a part of what comes home, and the fallback does not take the rest back. It stays with the part that is stored, and nobody
// would look at it again before the next start.
func TestTheRestThatDoesNotFallBackIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10).withFallback()
		g.source.Follow = true
		began := time.Now()
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			switch at := time.Since(began); {
			case at < time.Minute:
				return enginetest.Step{Err: errDown}
			case g.output.Calls() > 1000:
				panic("it is written again and again without a wait")
			case at < 5*time.Minute && len(b.Messages) > 1:
				return enginetest.Step{Fail: []int{0}, FailErr: errDown}
			case at < 5*time.Minute:
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		g.fallback.Script = func(int, *engine.Batch) enginetest.Step {
			if time.Since(began) > time.Minute {
				return enginetest.Step{Err: errors.New("no space left on device")}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(5 * time.Minute)
		if n := len(g.fallback.Objects()); n != 1 {
			t.Fatalf("%d batches are in the fallback, want the one of which a part is stored", n)
		}
		if n := g.output.Calls(); n > 50 {
			t.Errorf("the part that is stored was written again with each of %d tries", n)
		}
		time.Sleep(10 * time.Minute)
		if n := len(g.fallback.Objects()); n != 0 {
			t.Errorf("ten minutes after all is well %d batches are in the fallback", n)
		}
		g.finishNow(t, stop)
	})
}
