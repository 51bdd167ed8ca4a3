package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// stage is a running batch stage.
type stage struct {
	stage   engine.Stage
	in, out chan *engine.Batch
	ended   chan error
	cancel  context.CancelCauseFunc
}

func start(t testing.TB, c Config) *stage { return startLogged(t, c, nil) }

func startLogged(t testing.TB, c Config, log *slog.Logger) *stage {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	n := 0
	p, err := New(c, engine.Env{Log: log, NewID: func() string { n++; return "id" + strconv.Itoa(n) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &stage{p, make(chan *engine.Batch), make(chan *engine.Batch, 1000), make(chan error, 1), cancel}
	go func() { s.ended <- p.Run(ctx, s.in, s.out) }()
	return s
}

func chunk(bodies ...string) *engine.Batch {
	b := new(engine.Batch)
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: time.Now()})
	}
	return b
}

// send gives chunks to the stage and waits until it has done with them.
func (s *stage) send(chunks ...*engine.Batch) {
	for _, c := range chunks {
		s.in <- c
	}
	synctest.Wait()
}

// end closes the stage's input and waits for its answer.
func (s *stage) end(t testing.TB) {
	t.Helper()
	close(s.in)
	if err := <-s.ended; err != nil {
		t.Errorf("Run returned %v after its input was closed", err)
	}
}

// sealed takes what was sealed since the last call, each as "partition cause: bodies".
func (s *stage) sealed() []string {
	var got []string
	for len(s.out) > 0 {
		b := <-s.out
		text := fmt.Sprintf("%s %s:", b.Partition, b.SealedBy)
		for _, m := range b.Messages {
			text += " " + string(m.Body)
		}
		got = append(got, text)
	}
	return got
}

func (s *stage) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.sealed()); diff != "" {
		t.Errorf("sealed batches (-want +got):\n%s", diff)
	}
}

func with(change func(*Config)) Config {
	c := Defaults()
	change(&c)
	return c
}

func bySource(count int) Config {
	return with(func(c *Config) { c.Count, c.PartitionBy = count, []string{"s"} })
}

func TestSuite(t *testing.T) {
	var bodies []string
	for i := range 100 {
		bodies = append(bodies, fmt.Sprintf(`{"s":%d,"n":%d}`, i%7, i))
	}
	enginetest.TestStage(t, func(t *testing.T) engine.Stage {
		c := bySource(10)
		c.Age = time.Hour
		p, err := New(c, engine.Env{NewID: engine.NewID})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}, bodies...)
}

func TestCountSeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.Count = 2 }))
		s.send(chunk("1", "2", "3"), chunk("4"), chunk("5"))
		s.want(t, " count: 1 2", " count: 3 4")
		s.end(t)
		s.want(t, " drain: 5")
	})
}

func TestBytesSeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.Bytes = 4 }))
		s.send(chunk("aa", "bbb", "c", "dd"))
		s.want(t, " bytes: aa", " bytes: bbb c")
		s.send(chunk("too large", "e", "too large"))
		s.want(t, " bytes: dd", " bytes: too large", " bytes: e", " bytes: too large")
		s.send(chunk("", "", "ffff", ""))
		s.want(t, " bytes:   ffff")
		s.end(t)
		s.want(t, " drain: ")
	})
}

// A message must not wait longer than age for others, or a quiet source's last logs would never arrive.
func TestAgeSeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bySource(100))
		a, b := `{"s":"a"}`, `{"s":"b"}`
		s.send(chunk(a))
		time.Sleep(3 * time.Second)
		s.send(chunk(b, a))
		time.Sleep(2*time.Second - time.Nanosecond)
		synctest.Wait()
		s.want(t)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		s.want(t, "s=a age: "+a+" "+a)
		s.send(chunk(a)) // due 5 s from now: 2 s after b
		time.Sleep(3 * time.Second)
		synctest.Wait()
		s.want(t, "s=b age: "+b)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.want(t, "s=a age: "+a)
		time.Sleep(time.Hour) // idle
		s.send(chunk(b))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		s.want(t, "s=b age: "+b)
		s.end(t)
	})
}

// The timer is set for a group that is full long before it is due: the next group must still be sealed in time.
func TestAgeAfterCountSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bySource(2))
		s.send(chunk("1"))
		time.Sleep(time.Second)
		s.send(chunk("2"), chunk("3"))
		s.want(t, "s=unknown count: 1 2")
		time.Sleep(5*time.Second - time.Nanosecond)
		synctest.Wait()
		s.want(t)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		s.want(t, "s=unknown age: 3")
		s.end(t)
	})
}

func TestMaxPartitionsSealsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bySource(100)
		c.MaxPartitions = 2
		s := start(t, c)
		s.send(chunk(`{"s":1}`, `{"s":2}`, `{"s":1}`, `{"s":3}`))
		s.want(t, `s=1 limit: {"s":1} {"s":1}`)
		s.end(t)
		s.want(t, `s=2 drain: {"s":2}`, `s=3 drain: {"s":3}`)
	})
}

func TestOpenMessagesSealsTheFullest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bySource(3)
		c.OpenMessages = 3
		s := start(t, c)
		s.send(chunk(`{"s":1}`, `{"s":2}`, `{"s":2}`, `{"s":3}`))
		s.want(t, `s=2 limit: {"s":2} {"s":2}`)
		s.end(t)
	})
}

func TestOpenBytesSealsTheLargest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bySource(100)
		c.Bytes, c.OpenBytes = 30, 30
		s := start(t, c)
		s.send(chunk(`{"s":1}`, `{"s":1}`, `{"s":2,"x":12345}`, `{}`))
		s.want(t, `s=2 limit: {"s":2,"x":12345}`)
		s.end(t)
	})
}

// Under pressure a source gives no more before what it waits for is settled: without an answer the pipeline stands still. What it does
// not wait for stays open.
func TestPressureSealsWhatTheSourceWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := enginetest.NewLedger()
		source := enginetest.NewSource(ledger, `{"s":1}`, `{"s":2,"n":1}`, `{"s":2,"n":2}`)
		source.Follow, source.Chunk, source.Prefetch = true, 1, 3
		other := enginetest.NewSource(ledger, `{"s":3}`)
		other.Follow = true
		store := enginetest.NewStore(ledger, "output")
		c := bySource(100)
		c.Age = time.Hour
		p, _ := New(c, engine.Env{NewID: engine.NewID})
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "source", Input: source}, {Name: "other", Input: other}},
			Processors: []engine.ProcessorStep{{Name: "batch", Processor: p}},
			Output:     engine.OutputStep{Name: "output", Output: store},
			Workers:    1, DrainTimeout: time.Minute,
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- pipeline.Run(ctx) }()
		stored := func(want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			var got []string
			for _, o := range store.Objects() {
				got = append(got, fmt.Sprint(o.Partition, " ", o.SealedBy))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		}
		stored("s=1 pressure")
		source.Send(`{"s":2,"n":3}`)
		stored("s=1 pressure", "s=2 pressure")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		ledger.Check(t, true)
	})
}

// A stage behind this one must be swept as well, after it has what this one held.
func TestASweepIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, bySource(100))
		sweep := func() *engine.Batch { return &engine.Batch{SealedBy: engine.SealedByPressure} }
		s.send(chunk(`{"s":1}`), sweep(), sweep())
		s.want(t, " pressure:", " pressure:")
		s.end(t)
		s.want(t, `s=1 drain: {"s":1}`)
	})
}

// A message's connection must be able to die while the message waits here: the input is opened again only when nothing of
// it is held any more. Groups of other inputs stay open meanwhile.
func TestVoidMessagesArePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := enginetest.NewLedger()
		alive, cut := enginetest.NewSource(ledger, `{"s":1}`), enginetest.NewSource(ledger)
		alive.Follow, cut.Follow = true, true
		store := enginetest.NewStore(ledger, "output")
		p, _ := New(with(func(c *Config) { c.Age, c.PartitionBy = time.Hour, []string{"s"} }), engine.Env{NewID: engine.NewID})
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "alive", Input: alive}, {Name: "cut", Input: cut}},
			Processors: []engine.ProcessorStep{{Name: "batch", Processor: p}},
			Output:     engine.OutputStep{Name: "output", Output: store},
			Workers:    1, DrainTimeout: time.Minute,
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- pipeline.Run(ctx) }()
		synctest.Wait()
		cut.Send(`{"s":2}`, `{"s":3}`)
		synctest.Wait()
		cut.Cut(errors.New("cut"))
		time.Sleep(time.Minute)
		if cut.Opens() != 2 || cut.Unacked() != 2 || alive.Unacked() != 1 {
			t.Errorf("%d connections, %d and %d messages unacked; want 2, 2 and 1", cut.Opens(), cut.Unacked(), alive.Unacked())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ledger.Check(t, true)
		for body, n := range store.Bodies() {
			if n != 1 {
				t.Errorf("%s was written %d times", body, n)
			}
		}
	})
}

// An input that sets no time must not put its logs into the year 1.
func TestTimeOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.PartitionBy = []string{"@date"} }))
		s.send(&engine.Batch{Messages: []engine.Message{{Body: []byte("1")}}})
		s.end(t)
		if b := <-s.out; !b.Time.Equal(time.Now()) || b.Partition != "date="+time.Now().UTC().Format(time.DateOnly) {
			t.Errorf("time %v, partition %s", b.Time, b.Partition)
		}
	})
}

// At the hard end nobody takes batches any more; Run must not wait for that.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.Count = 1 }))
		s.out <- nil
		for range cap(s.out) - 1 {
			s.send(chunk("x"))
		}
		s.send(chunk("blocked"))
		s.cancel(errors.New("hard end"))
		if err := <-s.ended; err == nil || err.Error() != "hard end" {
			t.Errorf("Run returned %v", err)
		}
		idle := start(t, Defaults())
		idle.cancel(errors.New("hard end"))
		if err := <-idle.ended; err == nil {
			t.Error("Run returned nil although its input was open")
		}
	})
}

// Id, partition and time are what an object key is made of.
func TestSealGivesIDPartitionAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, with(func(c *Config) { c.PartitionBy, c.TimeField = []string{"s", "@date", "@hour"}, "ts" }))
		zone := time.FixedZone("", 3600)
		arrived := time.Date(2026, 5, 1, 0, 30, 0, 0, zone)
		b := chunk(`{"s":"a/b=","ts":"2026-03-04T05:06:07+02:00"}`, `{"s":"a/b=","ts":"2026-03-04T03:59:59Z"}`, `{"ts":"yesterday"}`)
		for i := range b.Messages {
			b.Messages[i].Time = arrived
		}
		s.send(b)
		s.end(t)
		first, second := <-s.out, <-s.out
		if first.ID != "id1" || second.ID != "id2" {
			t.Errorf("ids %q and %q", first.ID, second.ID)
		}
		if want := "s=a%2Fb%3D/date=2026-03-04/hour=03"; first.Partition != want || len(first.Messages) != 2 {
			t.Errorf("partition %q with %d messages, want %q with 2", first.Partition, len(first.Messages), want)
		}
		if want := "s=unknown/date=2026-04-30/hour=23"; second.Partition != want {
			t.Errorf("partition %q, want %q", second.Partition, want)
		}
		if want := time.Date(2026, 3, 4, 3, 6, 7, 0, time.UTC); first.Time != want || first.Messages[0].Time != want {
			t.Errorf("time %v, first message's %v, want %v", first.Time, first.Messages[0].Time, want)
		}
		if second.Time != arrived.UTC() || second.Messages[0].Time != arrived {
			t.Errorf("without a time of its own: %v and %v, want the arrival", second.Time, second.Messages[0].Time)
		}
	})
}

// Whatever comes in goes out: each message in one batch, in the order of its partition, within all limits, and at once
// when the input ends.
func TestEveryMessageIsInOneBatch(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) { randomRun(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomRun(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	c := Config{
		Count: 1 + r.IntN(20), Bytes: engine.Bytes(20 + r.IntN(500)), Age: time.Duration(1 + r.IntN(1000)),
		PartitionBy: []string{"s"}, MaxPartitions: 1 + r.IntN(6),
	}
	c.OpenMessages, c.OpenBytes = c.Count+r.IntN(40), c.Bytes+engine.Bytes(r.IntN(500))
	s := start(t, c)
	watch := watcher{Config: c, arrived: map[string]time.Time{}, last: map[string]int{}}
	for n := 0; n < 500; {
		b := new(engine.Batch)
		for range r.IntN(10) {
			body := fmt.Sprintf(`{"s":%d,"n":%d,"pad":"%0*d"}`, r.IntN(8), n, r.IntN(60), 0)
			b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: time.Now()})
			watch.arrived[body] = time.Now()
			n++
		}
		if len(b.Messages) == 0 && r.IntN(2) == 0 {
			b.SealedBy = engine.SealedByPressure
		}
		s.send(b)
		watch.check(t, s.out)
		if held := len(watch.arrived) - watch.seen; held > c.OpenMessages {
			t.Errorf("%d messages are open, more than %d", held, c.OpenMessages)
		}
		if r.IntN(3) == 0 {
			time.Sleep(time.Duration(r.IntN(1500)))
			synctest.Wait()
			watch.check(t, s.out)
		}
	}
	s.end(t)
	watch.check(t, s.out)
	if watch.seen != len(watch.arrived) {
		t.Errorf("%d of %d messages came out", watch.seen, len(watch.arrived))
	}
}

// watcher checks batches as they come out.
type watcher struct {
	Config
	arrived map[string]time.Time
	last    map[string]int // per partition the number of its last message
	seen    int
}

func (w *watcher) check(t *testing.T, out chan *engine.Batch) {
	t.Helper()
	for len(out) > 0 {
		b := <-out
		if len(b.Messages) == 0 && b.ID == "" {
			continue // a sweep
		}
		if len(b.Messages) > w.Count || b.Bytes() > int64(w.Bytes) && len(b.Messages) > 1 {
			t.Errorf("batch of %d messages and %d bytes", len(b.Messages), b.Bytes())
		}
		for _, m := range b.Messages {
			var s, n int
			fmt.Sscanf(string(m.Body), `{"s":%d,"n":%d`, &s, &n)
			at, ok := w.arrived[string(m.Body)]
			if last, any := w.last[b.Partition]; !ok || b.Partition != "s="+strconv.Itoa(s) || any && n <= last {
				t.Errorf("message %d in partition %s is unknown, misplaced, or behind message %d", n, b.Partition, last)
			}
			if time.Since(at) > w.Age+1500 { // it can be sealed while the test sleeps
				t.Errorf("message %d waited %v", n, time.Since(at))
			}
			w.last[b.Partition] = n
			w.seen++
		}
	}
}

// A message is copied into its group and no more is made for it: its partition's name is made once a batch. To make it once a message would
// double what grouping costs a user.
func TestBudgetRun(t *testing.T) {
	const chunks = 400
	p, _ := New(with(func(c *Config) { c.PartitionBy, c.TimeField = []string{"source", "@date"}, "timestamp" }), engine.Env{NewID: engine.NewID})
	input := make([]*engine.Batch, chunks)
	for i := range input {
		input[i] = &engine.Batch{Messages: records}
	}
	// Groups grow by 16, 64, 256 and 1000 messages of 72 bytes.
	enginetest.Budget{Allocations: 0.015, Bytes: 110}.Check(t, chunks*len(records), func() {
		in, out, ended := make(chan *engine.Batch), make(chan *engine.Batch), make(chan error, 1)
		go func() { ended <- p.Run(t.Context(), in, out); close(out) }()
		go func() {
			for _, chunk := range input {
				in <- chunk
			}
			close(in)
		}()
		for range out {
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	for name, c := range map[string]Config{
		"3 partitions": with(func(c *Config) { c.PartitionBy = []string{"source"} }),
		"one":          Defaults(),
		"event time":   with(func(c *Config) { c.PartitionBy, c.TimeField = []string{"source", "@date"}, "timestamp" }),
	} {
		b.Run(name, func(b *testing.B) {
			p, _ := New(c, engine.Env{NewID: engine.NewID})
			in, out, ended := make(chan *engine.Batch, 4), make(chan *engine.Batch, 4), make(chan error, 1)
			go func() { ended <- p.Run(context.Background(), in, out); close(out) }()
			go func() { // one operation is one message
				for n := 0; n < b.N; n += len(records) {
					in <- &engine.Batch{Messages: append([]engine.Message(nil), records...)}
				}
				close(in)
			}()
			b.ReportAllocs()
			for range out {
			}
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

var records = chunkOf(250)

func chunkOf(n int) (messages []engine.Message) {
	for i := range n {
		body := fmt.Appendf(nil, `{"timestamp":"2026-01-02T15:04:05.000123Z","source":"app%d","event":"login_failed","count":3,"seq":%d}`, i%3+1, i)
		messages = append(messages, engine.Message{Body: body, Time: time.Now()})
	}
	return messages
}
