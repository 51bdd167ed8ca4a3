package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/processors/batch"
)

func with(change func(*Config)) Config {
	c := Defaults()
	change(&c)
	return c
}

func rate(messages float64, burst int) Config {
	return with(func(c *Config) { c.Rate, c.Burst = messages, burst })
}

func create(t testing.TB, c Config) engine.Stage {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := New(c, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stage is a running stage whose output is noted with its time since the start.
type stage struct {
	stage  engine.Stage
	in     chan *engine.Batch
	ended  chan error
	cancel context.CancelCauseFunc
	passed []string
}

// start runs a stage in a synctest bubble. What it sends is taken at once.
func start(t *testing.T, c Config) *stage {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &stage{stage: create(t, c), in: make(chan *engine.Batch), ended: make(chan error, 1), cancel: cancel}
	out, from := make(chan *engine.Batch), time.Now()
	go func() {
		s.ended <- s.stage.Run(ctx, s.in, out)
		close(out)
	}()
	go func() {
		for b := range out {
			if len(b.Messages) != cap(b.Messages) {
				t.Errorf("a stage that appends to the batch of %s would write over what follows", text(b))
			}
			s.passed = append(s.passed, fmt.Sprintf("%v:%s", time.Since(from), text(b)))
		}
	}()
	return s
}

func text(b *engine.Batch) string {
	s := ""
	for _, m := range b.Messages {
		s += " " + string(m.Body)
	}
	if b.ID != "" || len(b.Messages) == 0 {
		s += " " + b.ID + b.SealedBy
	}
	return s
}

func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

func chunk(bodies ...string) *engine.Batch {
	b := new(engine.Batch)
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body)})
	}
	b.Messages = slices.Clip(b.Messages)
	return b
}

func (s *stage) want(t *testing.T, after time.Duration, want ...string) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	if diff := cmp.Diff(want, s.passed); diff != "" {
		t.Errorf("passed (-want +got):\n%s", diff)
	}
	s.passed = nil
}

func (s *stage) end(t *testing.T) {
	t.Helper()
	close(s.in)
	if err := <-s.ended; err != nil {
		t.Errorf("Run returned %v after its input was closed", err)
	}
	synctest.Wait()
}

func TestSuite(t *testing.T) {
	for name, c := range map[string]Config{
		"messages": rate(10, 5), "bytes": with(func(c *Config) { c.Bytes = 20 }), "slow": rate(2, 1),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.TestStage(t, func(t *testing.T) engine.Stage { return create(t, c) }, numbers(100)...)
		})
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(2, 3))
		s.in <- chunk("1", "2", "3", "4", "5")
		s.in <- chunk("6")
		s.want(t, 10*time.Second, "0s: 1 2 3", "500ms: 4", "1s: 5", "1.5s: 6")
		s.in <- chunk("7", "8", "9", "10") // what was not used is made up for, up to the burst
		s.want(t, time.Second, "10s: 7 8 9", "10.5s: 10")
		s.in <- chunk("11", "12")
		s.want(t, time.Second, "11s: 11", "11.5s: 12")
		s.end(t)
	})
}

func TestBurstFollowsFromRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.Rate, c.Per = 2, time.Minute }))
		s.in <- chunk("1", "2", "3", "4")
		s.want(t, time.Hour, "0s: 1 2", "30s: 3", "1m0s: 4")
		s.end(t)
		slow := start(t, rate(0.25, 0))
		slow.in <- chunk("1", "2", "3")
		slow.want(t, time.Hour, "0s: 1", "4s: 2", "8s: 3")
		slow.end(t)
	})
}

func TestBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.Bytes = 10 }))
		s.in <- chunk("aaaaaaa", "bbb", "cc", "", strings.Repeat("d", 25), "e")
		// d is larger than there ever is room for: it passes when nothing is owed, and what follows waits for all of it.
		s.want(t, time.Minute, "0s: aaaaaaa bbb", "200ms: cc ", "1.2s: "+strings.Repeat("d", 25), "2.8s: e")
		both := with(func(c *Config) { c.Rate, c.Bytes = 10, 100 })
		b := start(t, both)
		b.in <- chunk(strings.Repeat("x", 90), strings.Repeat("y", 30), "z")
		b.want(t, time.Minute, "0s: "+strings.Repeat("x", 90), "200ms: "+strings.Repeat("y", 30), "210ms: z")
		s.end(t)
		b.end(t)
	})
}

// The rate must hold exactly where one message takes much less than a timer.
func TestHighRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const messages = 1_000_000
		ctx := t.Context()
		p := create(t, rate(400_000, 1000))
		in, out, from := make(chan *engine.Batch), make(chan *engine.Batch), time.Now()
		go func() {
			for range messages / 250 {
				in <- &engine.Batch{Messages: make([]engine.Message, 250)}
			}
			close(in)
		}()
		go func() {
			if err := p.Run(ctx, in, out); err != nil {
				t.Error(err)
			}
			close(out)
		}()
		passed := 0
		for b := range out {
			passed += len(b.Messages)
			if allowed := 1000 + int(time.Since(from).Seconds()*400_000+0.5); passed > allowed {
				t.Fatalf("%d messages after %v; allowed are %d", passed, time.Since(from), allowed)
			}
		}
		if took := time.Since(from); passed != messages || took > 2500*time.Millisecond {
			t.Errorf("%d messages took %v", passed, took)
		}
	})
}

// Two parts of a sealed batch would have one name, and the second would be written over the first.
func TestSealedBatchesAreNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(1, 2))
		for i := range 3 {
			b := chunk("a", "b", "c", "d")
			b.ID = "id" + strconv.Itoa(i)
			s.in <- b
		}
		s.want(t, time.Minute, "0s: a b c d id0", "4s: a b c d id1", "8s: a b c d id2")
		s.end(t)
	})
}

// The rate is a promise to whoever takes the messages, also when the last of them are on their way; and an end of the data is no reason to hurry.
func TestDrainKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(1, 1))
		s.in <- chunk("1", "2", "3")
		s.end(t)
		s.want(t, 0, "0s: 1", "1s: 2", "2s: 3")
	})
}

// What cannot pass before a stop is over must be its source's again, and not be acked.
func TestStopLeavesTheRestToItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := enginetest.NewLedger()
		source := enginetest.NewSource(ledger, numbers(100)...)
		source.Follow = true
		store := enginetest.NewStore(ledger, "output")
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "input", Input: source, Window: engine.Capacity{Messages: 50}}},
			Processors: []engine.ProcessorStep{{Name: "rate_limit", Processor: create(t, rate(1, 1))}},
			Output:     engine.OutputStep{Name: "output", Output: store},
			Workers:    1, DrainTimeout: 10 * time.Second,
		}
		ctx, stop := context.WithCancel(t.Context())
		ended, from := make(chan error), time.Now()
		go func() { ended <- pipeline.Run(ctx) }()
		time.Sleep(4500 * time.Millisecond)
		stop()
		if err := <-ended; err == nil {
			t.Error("the pipeline left nothing")
		}
		if took := time.Since(from); took > 15*time.Second {
			t.Errorf("it ended after %v", took)
		}
		if n := len(store.Bodies()); n != 15 {
			t.Errorf("%d messages were written, want 15", n)
		}
		ledger.Check(t, false)
	})
}

func TestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(1, 1))
		s.in <- chunk("1", "2", "3")
		s.cancel(errors.New("hard end"))
		if err := <-s.ended; err == nil || err.Error() != "hard end" {
			t.Errorf("Run returned %v", err)
		}
	})
}

// A stage behind this one must hear that the input stands still, or it would keep what it holds for ever; and not each time that the rate
// makes the input stand still, or it would close a batch each time.
func TestPressureIsPassedOnBehindWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(1, 1))
		sweep := func() *engine.Batch { return &engine.Batch{SealedBy: engine.SealedByPressure} }
		s.in <- sweep()
		s.want(t, 0, "0s: pressure")
		s.in <- chunk("1", "2")
		s.in <- sweep()
		s.in <- chunk("3")
		s.in <- sweep()
		s.want(t, time.Minute, "0s: 1", "1s: 2", "1s: pressure", "2s: 3")
		s.in <- sweep()
		s.want(t, 0, "1m0s: pressure")
		s.end(t)
	})
}

// The stages behind this one may hold messages of the lost connection too.
func TestLossIsPassedOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(1, 1))
		s.in <- chunk("1", "2")
		s.in <- &engine.Batch{SealedBy: engine.SealedByLost}
		s.want(t, 0, "0s: 1", "0s: lost")
		s.end(t)
		s.want(t, 0, "1s: 2")
	})
}

// With a slow rate the window is always full. The batches behind it must be as large as without.
func TestBatchesFillBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := enginetest.NewLedger()
		source := enginetest.NewSource(ledger, numbers(1000)...)
		store := enginetest.NewStore(ledger, "output")
		c := batch.Defaults()
		c.Count, c.Age = 50, time.Hour
		group, err := batch.New(c, engine.Env{NewID: engine.NewID})
		if err != nil {
			t.Fatal(err)
		}
		pipeline := &flow.Pipeline{
			Inputs: []engine.InputStep{{Name: "input", Input: source, Window: engine.Capacity{Messages: 215}}},
			Processors: []engine.ProcessorStep{
				{Name: "rate_limit", Processor: create(t, rate(10, 10))}, {Name: "batch", Processor: group},
			},
			Output:  engine.OutputStep{Name: "output", Output: store},
			Workers: 1, DrainTimeout: time.Minute,
		}
		from := time.Now()
		if err := pipeline.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(from); took != 99*time.Second {
			t.Errorf("1000 messages took %v, want 99s", took)
		}
		if n := len(store.Objects()); n < 20 || n > 30 {
			t.Errorf("%d batches, want little more than 20", n)
		}
		ledger.Check(t, true)
	})
}

// A connection that is lost must be opened again at once, however slowly the messages of another one pass.
func TestLostConnectionsDoNotWaitForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := enginetest.NewLedger()
		alive, cut := enginetest.NewSource(ledger, "a1", "a2", "a3", "a4", "a5"), enginetest.NewSource(ledger)
		alive.Follow, cut.Follow = true, true
		store := enginetest.NewStore(ledger, "output")
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "alive", Input: alive}, {Name: "cut", Input: cut}},
			Processors: []engine.ProcessorStep{{Name: "rate_limit", Processor: create(t, with(func(c *Config) { c.Rate, c.Per = 1, time.Hour }))}},
			Output:     engine.OutputStep{Name: "output", Output: store},
			Workers:    1, DrainTimeout: 100 * time.Hour,
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- pipeline.Run(ctx) }()
		synctest.Wait()
		cut.Send("c1", "c2")
		synctest.Wait()
		cut.Cut(errors.New("cut"))
		time.Sleep(time.Minute)
		if cut.Opens() != 2 || cut.Unacked() != 2 || alive.Unacked() != 5 {
			t.Errorf("%d connections, %d and %d messages unacked; want 2, 2 and 5", cut.Opens(), cut.Unacked(), alive.Unacked())
		}
		from := time.Now()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(from).Round(time.Hour); took != 6*time.Hour {
			t.Errorf("what was void took of the rate: the rest needed %v, want 6h", took)
		}
		ledger.Check(t, true)
		for body, n := range store.Bodies() {
			if n != 1 {
				t.Errorf("%s was written %d times", body, n)
			}
		}
	})
}

func TestGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, rate(1, 1))
		waiting := func(want float64) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff([]engine.Gauge{{Name: engine.WaitingMessages, Value: want}}, s.stage.(engine.Gauger).Gauges()); diff != "" {
				t.Error(diff)
			}
		}
		waiting(0)
		s.in <- chunk("1", "2", "3")
		waiting(2)
		time.Sleep(time.Second)
		waiting(1)
		s.end(t)
		waiting(0)
	})
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{rate(0.01, 0), rate(1e9, 5), with(func(c *Config) { c.Bytes = 1 })} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if got := with(func(c *Config) { c.Rate, c.Per = 30, time.Minute }).Traits().MessagesPerSecond; got != 0.5 {
		t.Errorf("30 messages a minute are %v a second", got)
	}
	for want, c := range map[string]Config{
		"rate: nothing is limited: set rate, bytes or both":                                  Defaults(),
		"rate: -1 is not between 0 and 1e9; 0 is without limit":                              rate(-1, 0),
		"rate: NaN is not between 0 and 1e9; 0 is without limit":                             rate(math.NaN(), 0),
		"burst: -1 is not between 0 and 2147483647; 0 stands for rate":                       rate(1, -1),
		"burst: 5 messages at once mean nothing without rate; bytes has no burst but itself": with(func(c *Config) { c.Bytes, c.Burst = 1, 5 }),
		"per: 0s is not between 1ms and 24h0m0s":                                             with(func(c *Config) { c.Rate, c.Per = 1, 0 }),
		"bytes: -1B is less than 0; 0 is without limit":                                      with(func(c *Config) { c.Rate, c.Bytes = 1, -1 }),
	} {
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A message that need not wait must cost nothing of its own.
func TestBudgetRun(t *testing.T) {
	enginetest.Budget{Allocations: 0.02, Bytes: 3}.Check(t, 256*100, func() { through(t, 100) })
}

// through sends chunks of 256 messages through a stage that is as good as without limits.
func through(t testing.TB, chunks int) {
	p := create(t, with(func(c *Config) { c.Rate, c.Bytes = mostRate, 1<<40 }))
	in, out := make(chan *engine.Batch), make(chan *engine.Batch)
	go func() {
		b := &engine.Batch{Messages: slices.Repeat([]engine.Message{{Body: make([]byte, 262)}}, 256)}
		for range chunks {
			in <- b
		}
		close(in)
	}()
	go func() {
		if err := p.Run(context.Background(), in, out); err != nil {
			t.Error(err)
		}
		close(out)
	}()
	for range out {
	}
}

// One operation is one message.
func BenchmarkRun(b *testing.B) {
	b.ReportAllocs()
	through(b, (b.N+255)/256)
}
