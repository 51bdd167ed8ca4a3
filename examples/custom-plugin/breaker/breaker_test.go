package breaker

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

func TestSuite(t *testing.T) {
	enginetest.TestPolicy(t, func(t *testing.T) engine.Policy {
		p, err := New(Config{Failures: 2, Pause: time.Minute}, engine.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
}

// Batches must get to the fallback without waiting for an output that is down, and the output must be asked again when it may be well.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		store := enginetest.NewStore(enginetest.NewLedger(), "output")
		store.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if n < 3 {
				return enginetest.Step{Err: down}
			}
			return enginetest.Step{}
		}
		p, _ := New(Config{Failures: 2, Pause: time.Minute}, engine.Env{})
		out := p.Wrap(store)
		write := func() error { return out.Write(t.Context(), enginetest.NewBatch(enginetest.Bodies(3)...)) }
		step := func(what string, err error, failed bool, calls int) {
			t.Helper()
			if (err != nil) != failed || err != nil && !errors.Is(err, down) || store.Calls() != calls {
				t.Errorf("%s: error %v, %d calls in all; want an error: %v, %d calls", what, err, store.Calls(), failed, calls)
			}
		}
		step("first failure", write(), true, 1)
		step("second failure", write(), true, 2)
		step("left alone", write(), true, 2)
		time.Sleep(time.Minute)
		step("tried again, still down", write(), true, 3)
		step("left alone again", write(), true, 3)
		time.Sleep(time.Minute)
		step("well", write(), false, 4)
		step("and open", write(), false, 5)
	})
}

// A message that can never be stored is no sign that the output is down: good ones must not wait for it.
func TestPermanentErrorsDoNotCount(t *testing.T) {
	store := enginetest.NewStore(enginetest.NewLedger(), "output")
	store.Script = func(int, *engine.Batch) enginetest.Step {
		return enginetest.Step{Err: engine.Permanent(errors.New("too large"))}
	}
	p, _ := New(Config{Failures: 1, Pause: time.Hour}, engine.Env{})
	out := p.Wrap(store)
	for range 3 {
		_ = out.Write(t.Context(), enginetest.NewBatch([]byte("a")))
	}
	if store.Calls() != 3 {
		t.Errorf("%d of 3 batches reached the output", store.Calls())
	}
}

// A bug in the output must not leave it alone for ever.
func TestAPanicDuringTheProbeLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewStore(enginetest.NewLedger(), "output")
		store.Script = func(n int, _ *engine.Batch) enginetest.Step {
			return []enginetest.Step{{Err: errors.New("down")}, {Panic: "bug"}, {}}[n]
		}
		p, _ := New(Config{Failures: 1, Pause: time.Second}, engine.Env{})
		out := p.Wrap(store)
		write := func() (err error) {
			defer func() {
				if recover() != nil {
					err = errors.New("panic")
				}
			}()
			return out.Write(t.Context(), enginetest.NewBatch([]byte("a")))
		}
		_ = write()
		time.Sleep(time.Second)
		_ = write()
		if err := write(); err != nil || store.Calls() != 3 {
			t.Errorf("after the panic: %v, %d calls", err, store.Calls())
		}
	})
}

// While one batch finds out whether the output is well, the others must not wait beside it.
func TestOneBatchProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewStore(enginetest.NewLedger(), "output")
		store.Script = func(n int, _ *engine.Batch) enginetest.Step {
			return []enginetest.Step{{Err: errors.New("down")}, {Slow: time.Hour}}[n]
		}
		p, _ := New(Config{Failures: 1, Pause: time.Second}, engine.Env{})
		out := p.Wrap(store)
		write := func() error { return out.Write(t.Context(), enginetest.NewBatch([]byte("a"))) }
		_ = write()
		time.Sleep(time.Second)
		probe := make(chan error, 1)
		go func() { probe <- write() }()
		synctest.Wait()
		if err := write(); err == nil || store.Calls() != 2 {
			t.Errorf("beside the probe: %v, %d calls", err, store.Calls())
		}
		if err := <-probe; err != nil {
			t.Errorf("the probe: %v", err)
		}
	})
}
