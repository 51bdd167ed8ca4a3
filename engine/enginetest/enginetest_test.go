package enginetest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// The models themselves keep the rules that they check others for.

func TestSourcePassesTheSuite(t *testing.T) {
	enginetest.TestInput(t, enginetest.InputSuite{
		New: func(_ *testing.T, bodies [][]byte) engine.Input {
			// The suite acks without a store, which this ledger would call a violation; nobody asks it.
			s := enginetest.NewSource(enginetest.NewLedger())
			for _, b := range bodies {
				s.Send(string(b))
			}
			return s
		},
	})
}

func TestStorePassesTheSuite(t *testing.T) {
	stores := map[*testing.T]*enginetest.Store{}
	get := func(t *testing.T) *enginetest.Store {
		if stores[t] == nil {
			stores[t] = enginetest.NewStore(enginetest.NewLedger(), "store")
		}
		return stores[t]
	}
	enginetest.TestOutput(t, enginetest.OutputSuite{
		New: func(t *testing.T) engine.Output { return get(t) },
		Stored: func(t *testing.T) (all [][]byte) {
			for _, o := range get(t).Objects() {
				for _, b := range o.Bodies {
					all = append(all, []byte(b))
				}
			}
			return all
		},
		Idempotent: true,
		Break: func(t *testing.T) {
			get(t).Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Err: errors.New("down")} }
		},
		Mend: func(t *testing.T) { get(t).Script = nil },
	})
}

func TestGroupPassesTheSuite(t *testing.T) {
	enginetest.TestStage(t, func(*testing.T) engine.Stage {
		return enginetest.Group{Count: 4, Age: time.Second, Key: func(b []byte) string { return string(b[:1]) }}
	}, "a1", "a2", "b1", "a3", "c1", "b2", "a4", "a5", "b3")
}
