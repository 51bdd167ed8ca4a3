package stats_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

// mute is an output whose Gauges does not come back while it is held.
type mute struct {
	engine.Output
	held  atomic.Pointer[chan struct{}]
	asked atomic.Int64
}

func (m *mute) Gauges() []engine.Gauge {
	m.asked.Add(1)
	if held := m.held.Load(); held != nil {
		<-*held
	}
	return []engine.Gauge{{Name: "asked", Value: float64(m.asked.Load())}}
}

func (m *mute) hold() (release func()) {
	c := make(chan struct{})
	m.held.Store(&c)
	return func() { m.held.Store(nil); close(c) }
}

// life runs a pipeline with the output, whose one message is not settled, until the test ends.
func life(t *testing.T, out *mute) *flow.Pipeline {
	ledger := enginetest.NewLedger()
	source, store := enginetest.NewSource(ledger, "a"), enginetest.NewStore(ledger, "output")
	source.Follow = true
	store.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Hang: true} }
	out.Output = store
	p := &flow.Pipeline{
		Inputs: []engine.InputStep{{Name: "input", Input: source}}, Output: engine.OutputStep{Name: "output", Output: out},
		Workers: 1, DrainTimeout: time.Second,
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = p.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	synctest.Wait()
	return p
}

// Alerts, the status page, metrics and the log's line of the minute all look at pipelines from few goroutines. One plugin that hangs must not keep
// them from all the others, nor make a goroutine for each look, nor end an alert because nothing is known any more.
func TestAPipelineThatHangsIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs, well, out := stats.NewPipeline("hangs", nil), stats.NewPipeline("well", nil), &mute{}
		if now := hangs.State(); !now.OK || len(now.Inputs) != 0 {
			t.Errorf("before its first life: %+v", now)
		}
		hangs.Runs(life(t, out))
		well.Runs(life(t, &mute{}))
		if now := hangs.State(); !now.OK || len(now.Gauges) != 1 || now.Inputs[0].Unsettled.Messages != 1 {
			t.Errorf("while it is well: %+v", now)
		}
		release := out.hold()
		from := time.Now()
		for range 5 {
			both := stats.States([]*stats.Pipeline{hangs, well})
			if both[0].OK || both[0].Inputs[0].Unsettled.Messages != 1 {
				t.Errorf("one that hangs: %+v", both[0])
			}
			if !both[1].OK || len(both[1].Gauges) != 1 {
				t.Errorf("one beside it: %+v", both[1])
			}
		}
		if took := time.Since(from); took != stats.LookTimeout {
			t.Errorf("five looks took %v", took)
		}
		if n := out.asked.Load(); n != 2 {
			t.Errorf("the plugin was asked %d times, want once while it hangs", n)
		}
		next := &mute{} // it is started again
		hangs.Runs(life(t, next))
		if now := hangs.State(); !now.OK {
			t.Errorf("a new life is not asked: %+v", now)
		}
		release()
		synctest.Wait()
		if now := hangs.State(); !now.OK || now.Gauges[0].Value != float64(next.asked.Load()) {
			t.Errorf("what the old life told late is taken for the new one: %+v", now)
		}
	})
}
