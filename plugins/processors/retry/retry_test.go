package retry

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

var errDown = errors.New("connection refused")

// script is an output that answers as its function says.
type script struct {
	write  func(ctx context.Context, b *engine.Batch) error
	mu     sync.Mutex
	calls  []string // ids of the batches
	closed bool
}

func (s *script) Write(ctx context.Context, b *engine.Batch) error {
	s.mu.Lock()
	s.calls = append(s.calls, b.ID)
	s.mu.Unlock()
	return s.write(ctx, b)
}

func (s *script) Close(context.Context) error { s.closed = true; return nil }

// tried returns the ids of the batches of the calls since the last time, joined.
func (s *script) tried() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := strings.Join(s.calls, "")
	s.calls = nil
	return ids
}

func wrap(c Config, write func(ctx context.Context, b *engine.Batch) error) (*script, *output) {
	s := &script{write: write}
	p, _ := New(c, engine.Env{Log: slog.New(slog.DiscardHandler)})
	return s, p.Wrap(s).(*output)
}

func batch(id string) *engine.Batch {
	return &engine.Batch{ID: id, Messages: []engine.Message{{Body: []byte(id)}}}
}

func down(context.Context, *engine.Batch) error { return errDown }
func well(context.Context, *engine.Batch) error { return nil }

func TestSuite(t *testing.T) {
	enginetest.TestPolicy(t, func(t *testing.T) engine.Policy {
		p, err := New(Defaults(), engine.Env{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
}

func TestTriesUntilWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 2
		s, o := wrap(Config{Attempts: 3, Backoff: time.Second, MaxBackoff: time.Minute}, func(context.Context, *engine.Batch) error {
			if left--; left >= 0 {
				return errDown
			}
			return nil
		})
		start := time.Now()
		if err := o.Write(t.Context(), batch("a")); err != nil {
			t.Error(err)
		}
		if got, took := s.tried(), time.Since(start); got != "aaa" || took >= 3*time.Second {
			t.Errorf("tried %q in %v, want three times within 1 s and 2 s", got, took)
		}
	})
}

// The output is down for long: what waits must not wait attempts × back-off for each batch, or the fallback takes days
// to swallow what a minute brings.
func TestOutageIsNotPaidByEachBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := wrap(Defaults(), down)
		if err := o.Write(t.Context(), batch("a")); !errors.Is(err, errDown) || !strings.Contains(err.Error(), "gave up after 3 attempts") {
			t.Errorf("got %v", err)
		}
		if got := s.tried(); got != "aaa" {
			t.Errorf("tried %q", got)
		}
		start := time.Now()
		for _, id := range []string{"b", "c", "a"} {
			if err := o.Write(t.Context(), batch(id)); !errors.Is(err, errDown) {
				t.Errorf("%s: %v", id, err)
			}
		}
		if got := s.tried(); got != "bca" || time.Since(start) != 0 {
			t.Errorf("tried %q in %v; each later batch gets one attempt", got, time.Since(start))
		}
		s.write = well
		if err := o.Write(t.Context(), batch("d")); err != nil {
			t.Error(err)
		}
		s.write = down
		s.tried()
		if o.Write(t.Context(), batch("e")); s.tried() != "eee" {
			t.Error("after a success a batch has all its attempts again")
		}
	})
}

// While the one probe hangs, the others must get to the fallback.
func TestOneProbesAndTheOthersFallThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := wrap(Config{Attempts: 1, Backoff: 1, MaxBackoff: 1}, down)
		o.Write(t.Context(), batch("a"))
		release := make(chan struct{})
		s.write = func(context.Context, *engine.Batch) error { <-release; return nil }
		probe := make(chan error)
		go func() { probe <- o.Write(t.Context(), batch("b")) }()
		synctest.Wait()
		time.Sleep(time.Minute)
		err := o.Write(t.Context(), batch("c"))
		if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "not tried: output is down for 1m0s") {
			t.Errorf("beside a probe: %v", err)
		}
		close(release)
		if err := <-probe; err != nil {
			t.Errorf("the probe: %v", err)
		}
		if err := o.Write(t.Context(), batch("d")); err != nil || s.tried() != "abd" {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// Batches that began before the outage was declared must not stay to pay for it a second time.
func TestBatchesUnderWayFallThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		s, o := wrap(Config{Attempts: 2, Backoff: time.Second, MaxBackoff: time.Second}, func(_ context.Context, b *engine.Batch) error {
			if b.ID == "b" {
				<-slow
			}
			return errDown
		})
		ended := make(chan error)
		go func() { ended <- o.Write(t.Context(), batch("b")) }()
		synctest.Wait()
		o.Write(t.Context(), batch("a"))
		start := time.Now()
		close(slow)
		if err := <-ended; !errors.Is(err, errDown) || time.Since(start) != 0 || s.tried() != "baa" {
			t.Errorf("b took %v and ended with %v", time.Since(start), err)
		}
	})
}

// One batch with a problem of its own must not send all the others to the fallback.
func TestOneBadBatchIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := wrap(Defaults(), func(_ context.Context, b *engine.Batch) error {
			if b.ID == "bad" {
				return errDown
			}
			return nil
		})
		ended := make(chan error)
		go func() { ended <- o.Write(t.Context(), batch("bad")) }()
		synctest.Wait()
		if err := o.Write(t.Context(), batch("good")); err != nil {
			t.Error(err)
		}
		<-ended
		s.tried()
		o.Write(t.Context(), batch("bad"))
		if got := s.tried(); got != "badbadbad" {
			t.Errorf("tried %q; there was no outage, so a batch has all its attempts", got)
		}
	})
}

func TestPermanentErrorsReturnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := wrap(Config{Attempts: 1, Backoff: 1, MaxBackoff: 1}, nil)
		permanent := func(context.Context, *engine.Batch) error { return engine.Permanent(errDown) }
		s.write = permanent
		if err := o.Write(t.Context(), batch("a")); !engine.IsPermanent(err) {
			t.Errorf("got %v", err)
		}
		if o.outage.on() {
			t.Error("an error of the messages began an outage")
		}
		s.write = down
		o.Write(t.Context(), batch("b"))
		s.write = permanent
		if err := o.Write(t.Context(), batch("c")); !engine.IsPermanent(err) {
			t.Errorf("a probe: %v", err)
		}
		if !o.outage.on() {
			t.Error("an error of the messages ended an outage")
		}
		if s.tried() != "abc" {
			t.Error("not each was tried once")
		}
	})
}

// The engine discards what is void before it writes. A batch that nothing was left of proves nothing.
func TestEmptyBatchDoesNotEndTheOutage(t *testing.T) {
	s, o := wrap(Config{Attempts: 1, Backoff: 1, MaxBackoff: 1}, down)
	o.Write(t.Context(), batch("a"))
	s.write = func(_ context.Context, b *engine.Batch) error { b.Messages = nil; return nil }
	if err := o.Write(t.Context(), batch("b")); err != nil || !o.outage.on() {
		t.Errorf("got %v, outage %v", err, o.outage.on())
	}
}

// A drain gives the fallback what time is left: no back-off may outlive the context.
func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, o := wrap(Config{Backoff: time.Hour, MaxBackoff: time.Hour}, down)
		ctx, cancel := context.WithCancelCause(t.Context())
		errDrain := errors.New("the pipeline ends")
		time.AfterFunc(time.Minute, func() { cancel(errDrain) })
		start := time.Now()
		err := o.Write(ctx, batch("a"))
		if !errors.Is(err, errDown) || !errors.Is(err, errDrain) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		err = o.Write(ctx, batch("a"))
		if !errors.Is(err, errDown) || !errors.Is(err, errDrain) || o.outage.on() {
			t.Errorf("a context that is over: %v, outage %v", err, o.outage.on())
		}
	})
}

func TestPanicInProbeFreesTheNext(t *testing.T) {
	s, o := wrap(Config{Attempts: 1, Backoff: 1, MaxBackoff: 1}, down)
	o.Write(t.Context(), batch("a"))
	s.write = func(context.Context, *engine.Batch) error { panic("bug") }
	func() {
		defer func() { recover() }()
		o.Write(t.Context(), batch("b"))
	}()
	s.write = well
	if err := o.Write(t.Context(), batch("c")); err != nil {
		t.Errorf("nobody probes any more: %v", err)
	}
}

// After a partial failure only what is left is tried again: what is stored must not be stored twice.
func TestTriesWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := enginetest.NewLedger()
		source, store := enginetest.NewSource(ledger, "1", "2", "3"), enginetest.NewStore(ledger, "output")
		store.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n < 2 {
				return enginetest.Step{Fail: []int{0}, FailErr: errDown}
			}
			return enginetest.Step{}
		}
		p, _ := New(Defaults(), engine.Env{Log: slog.New(slog.DiscardHandler)})
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "input", Input: source}},
			Processors: []engine.ProcessorStep{{Name: "retry", Processor: p}},
			Output:     engine.OutputStep{Name: "output", Output: store},
			Workers:    1, DrainTimeout: time.Minute,
		}
		if err := pipeline.Run(t.Context()); err != nil {
			t.Error(err)
		}
		ledger.Check(t, true)
		if diff := cmp.Diff(map[string]int{"1": 1, "2": 1, "3": 1}, store.Bodies()); diff != "" {
			t.Error(diff)
		}
		if store.Calls() != 3 || store.Closed() != 1 {
			t.Errorf("%d writes, %d closed", store.Calls(), store.Closed())
		}
	})
}

// A batch that is stored in part each time, and whose rest can never be stored, says that the output is well: an outage would send all other batches
// to the fallback.
func TestPartlyStoredAndFutileIsNoOutage(t *testing.T) {
	never := engine.Permanent(errors.New("too large"))
	for name, steps := range map[string][]enginetest.Step{
		"the rest is futile": {
			{Fail: []int{0, 1}, FailErr: errDown}, {Fail: []int{0}, FailErr: never}, {Fail: []int{0}, FailErr: never}, {Fail: []int{0}, FailErr: never},
			{Fail: []int{0}, FailErr: never}, {Fail: []int{0}, FailErr: never},
		},
		"the rest spends the attempts": {{Fail: []int{0, 1, 2}, FailErr: errDown}, {Fail: []int{0, 1}, FailErr: errDown}, {Fail: []int{0}, FailErr: errDown}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger := enginetest.NewLedger()
				source, store := enginetest.NewSource(ledger, "1", "2", "3", "4"), enginetest.NewStore(ledger, "output")
				store.Script = func(n int, b *engine.Batch) enginetest.Step {
					if n < len(steps) {
						return steps[n]
					}
					return enginetest.Step{}
				}
				var log strings.Builder
				c := Defaults()
				c.Attempts = 3
				p, _ := New(c, engine.Env{Log: slog.New(slog.NewTextHandler(&log, nil))})
				pipeline := &flow.Pipeline{
					Inputs:     []engine.InputStep{{Name: "input", Input: source}},
					Processors: []engine.ProcessorStep{{Name: "retry", Processor: p}},
					Output:     engine.OutputStep{Name: "output", Output: store},
					Workers:    1, DrainTimeout: time.Minute,
				}
				if err := pipeline.Run(t.Context()); err != nil {
					t.Error(err)
				}
				ledger.Check(t, true)
				if log.Len() > 0 {
					t.Errorf("an outage: %s", log.String())
				}
				if store.Calls() != len(steps)+1 {
					t.Errorf("%d writes", store.Calls())
				}
			})
		})
	}
}

func TestCloseClosesTheOutput(t *testing.T) {
	s, o := wrap(Defaults(), well)
	if err := o.Close(t.Context()); err != nil || !s.closed {
		t.Error("not closed")
	}
}
