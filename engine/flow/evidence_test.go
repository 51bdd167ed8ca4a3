package flow_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// Whose fault an error is must not depend on a clock: that others were stored meanwhile counts even where no time has passed. Else a
// batch that is refused keeps its worker for a minute, and as many of them as there are workers keep the pipeline.
func TestOthersWereStoredInTheSameInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(20)
		g.source.Follow = true
		var healed, written atomic.Bool
		tried := make(chan struct{})
		first := sync.OnceFunc(func() { close(tried) })
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if healed.Load() {
				return enginetest.Step{}
			}
			if len(find(b, "m00003")) == 0 {
				<-tried // it is stored after the other was first tried
				written.Store(true)
				return enginetest.Step{}
			}
			first()
			for !written.Load() || g.source.Unacked() > 10 {
				runtime.Gosched() // no time passes until the others are stored
			}
			return enginetest.Step{Err: errDown}
		}
		stop := g.start(t)
		time.Sleep(time.Second)
		if n := g.p.State().Held.Messages; n != 10 {
			t.Errorf("%d messages are held, want the batch of 10 that alone is refused", n)
		}
		healed.Store(true)
		time.Sleep(time.Minute)
		g.finishNow(t, stop)
	})
}
