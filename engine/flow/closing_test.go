package flow_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// lingers is an input that needs a second for its good-bye, as one whose broker has to take the last acks.
type lingers struct {
	engine.Input
	cut *atomic.Int32 // how many had less
}

func (l lingers) Close(ctx context.Context) error {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		l.cut.Add(1)
	}
	return l.Input.Close(context.WithoutCancel(ctx))
}

// Law 6 again. Forty inputs close within the time of one: one after another, those behind the fifth were cut off before the broker had their last acks, and what was stored came again.
func TestLaw6InputsCloseSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.source.Follow = true
		var cut atomic.Int32
		g.p.Inputs[0].Input = lingers{g.source, &cut}
		for i := range 39 {
			idle := enginetest.NewSource(g.ledger)
			idle.Follow = true
			g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: fmt.Sprintf("input.idle-%d", i), Input: lingers{idle, &cut}, Window: engine.Capacity{Messages: 100}})
		}
		stop := g.start(t)
		synctest.Wait()
		began := time.Now()
		if err := stop(); err != nil {
			t.Errorf("drain of a healthy pipeline: %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("the drain took %v", took)
		}
		if n := cut.Load(); n > 0 {
			t.Errorf("%d of 40 inputs were cut off in their good-bye", n)
		}
		g.ledger.Check(t, true)
	})
}
