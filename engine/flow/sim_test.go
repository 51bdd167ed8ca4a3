package flow_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/processors/batch"
	"github.com/logpipe/logpipe/plugins/processors/ratelimit"
)

var (
	seeds = flag.Int("seeds", 150, "how many random histories TestRandomHistories plays")
	seed  = flag.Uint64("seed", 0, "play the history of this seed alone")
)

// TestRandomHistories plays random histories of a pipeline: several lives of the process against one broker, one store, one fallback and
// one dead letter, with cuts, failures, hangs, lost answers, partial failures, panics, drains and crashes. Then everything is
// well for one last life. Whatever the history: nothing was acked that was not durable, no tag twice, nothing is forgotten,
// memory stayed within one window, and messages are stored twice only where a connection or a process ended on them.
func TestRandomHistories(t *testing.T) { randomHistories(t, 1) }

// The same with three branches, each with ends of its own that fail at times of their own: a message must be in each branch that takes it
// before it is acked, and a branch must keep nothing from another.
func TestRandomHistoriesOfBranches(t *testing.T) { randomHistories(t, 3) }

func randomHistories(t *testing.T, branches int) {
	from, to := uint64(1), uint64(*seeds)
	if *seed != 0 {
		from, to = *seed, *seed
	}
	for s := from; s <= to; s++ {
		t.Run(fmt.Sprintf("seed %d", s), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newHistory(t, s, branches).play() })
		})
	}
}

// history is one random history. Random decisions of different goroutines come from one locked source.
type history struct {
	t       *testing.T
	mu      sync.Mutex
	rand    *rand.Rand
	ledger  *enginetest.Ledger
	sources []*enginetest.Source // one or two
	ways    []*way               // one, or those of the branches
	dead    *enginetest.Store
	well    bool
	calm    bool // nothing fails now
	window  engine.Capacity
	lives   int
}

// way is where the messages of a branch end.
type way struct {
	name     string // of the branch; "" without branches
	takes    string // keys of the messages that go there, for branches but the last
	output   *enginetest.Store
	fallback *enginetest.Spool
	dead     *enginetest.Store

	recovering int // lives before the last that had a recovery
}

// named makes a body. It is JSON, so that the real processors find their fields.
func named(kind, key, name string) string {
	return fmt.Sprintf(`{"kind":%q,"key":%q,"name":%q}`, kind, key, name)
}

// field of a body that named made.
func field(body, name string) string {
	_, rest, _ := strings.Cut(body, fmt.Sprintf("%q:\"", name))
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// inBranch has the message's key.
func inBranch(body string) string { return field(body, "key") }

const (
	// lastLife is how long it may take until all is stored when all is well: 450 messages, in the worst case each a write of 0.2 s by one
	// worker, and the same out of the fallback.
	lastLife = 5 * time.Minute
	// lastHome is how long what was refused in bad times may stay in the fallback when all is well: the longest back-off of one that is
	// refused, an hour more where dead letters of it were stuck, and the time of the writes.
	lastHome = 10*time.Minute + time.Hour + lastLife
)

// The greatest batch, and one message's bytes at most.
const maxGroup, maxBody = 15, 100

func newHistory(t *testing.T, seed uint64, branches int) *history {
	h := &history{t: t, rand: rand.New(rand.NewPCG(seed, 1)), ledger: enginetest.NewLedger()}
	for i := range 1 + h.n(2) {
		s := enginetest.NewSource(h.ledger)
		s.Chunk, s.Follow = 1+h.n(20), true
		s.Rand = rand.New(rand.NewPCG(seed, 2+uint64(i)))
		if h.n(2) == 0 { // one that gives no more before something is acked, as brokers do
			s.Prefetch = 20 + h.n(100)
		}
		h.sources = append(h.sources, s)
	}
	for i := range 50 + h.n(400) {
		kind := "ok"
		switch h.n(20) {
		case 0:
			kind = "bad"
		case 1:
			kind = "drop"
		case 2:
			kind = "split"
		case 3:
			kind = "panic"
		}
		h.anySource().Send(named(kind, fmt.Sprint(h.n(4)), fmt.Sprintf("%05d", i)))
	}
	h.dead = enginetest.NewStore(h.ledger, "dead letter")
	h.dead.Script = h.faults(4)
	if branches == 1 {
		w := h.way("")
		w.dead = h.dead
	} else {
		h.way("first").takes, h.way("second").takes = "01", "12"
		h.way("rest")
		h.ledger.Needs = h.needs
	}
	h.window.Messages = 20 + h.n(100)
	if h.n(2) == 0 {
		h.window.Bytes = int64(1000 + h.n(5000))
	}
	return h
}

// way adds one.
func (h *history) way(name string) *way {
	w := &way{name: name, output: enginetest.NewStore(h.ledger, name+" output"), fallback: enginetest.NewSpool(h.ledger), dead: enginetest.NewStore(h.ledger, name+" dead letter")}
	w.fallback.Place = name + " fallback"
	w.output.Script, w.fallback.Script, w.dead.Script = h.faults(3), h.faults(4), h.faults(4)
	w.fallback.FailRead = func() error {
		if !h.nothingFails() && h.n(10) == 0 {
			return errors.New("input/output error")
		}
		return nil
	}
	h.ways = append(h.ways, w)
	return w
}

// needs is in which places a message must be: in each branch that takes it, or nowhere because of the common processors.
func (h *history) needs(body string) (groups [][]string) {
	for _, w := range h.ways {
		rest := len(groups) == 0 && w.takes == ""
		if rest || strings.Contains(w.takes, inBranch(body)) {
			groups = append(groups, []string{w.output.Place, w.fallback.Place, w.dead.Place, h.dead.Place, "dropped"})
		}
	}
	return groups
}

func (h *history) n(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rand.IntN(n)
}

func (h *history) isWell() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.well
}

// nothingFails also in a calm of a life that is not the last.
func (h *history) nothingFails() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.well || h.calm
}

func (h *history) setCalm(calm bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calm = calm
}

// faults makes a script in which one write of oneIn goes well while times are bad.
func (h *history) faults(oneIn int) func(int, *engine.Batch) enginetest.Step {
	return func(_ int, b *engine.Batch) enginetest.Step {
		step := enginetest.Step{Slow: time.Duration(h.n(200)) * time.Millisecond}
		if h.nothingFails() {
			return step
		}
		if h.refuses(b) {
			step.Err = errors.New("409 Conflict")
			return step
		}
		if h.n(oneIn) == 0 {
			return step
		}
		switch h.n(7) {
		case 0:
			step.Hang = true
		case 1:
			step.Lose = errors.New("connection reset while waiting for the answer")
		case 2, 3:
			step.Err = errDown
		case 4:
			step.Fail, step.FailErr = []int{h.n(len(b.Messages))}, errDown
		case 5:
			step.Panic = "nil pointer"
		case 6:
			if field(string(b.Messages[0].Body), "kind") == "bad" { // else a good message would be a dead letter rightly
				step.Fail, step.FailErr = []int{0}, engine.Permanent(errors.New("poison"))
			}
		}
		return step
	}
}

// refuses reports whether a batch has a message for which a server refuses the whole of it, as long as times are bad, with an error that
// says nothing of whose fault it is.
func (h *history) refuses(b *engine.Batch) bool {
	for i := range b.Messages {
		if strings.HasSuffix(field(string(b.Messages[i].Body), "name"), "37") {
			return true
		}
	}
	return false
}

func (h *history) play() {
	for range h.n(4) {
		h.life()
	}
	h.mu.Lock()
	h.well = true
	h.mu.Unlock()
	for _, s := range h.sources {
		s.End()
	}
	began := time.Now()
	if err := h.pipeline().Run(h.t.Context()); err != nil {
		h.t.Errorf("the last life, in which all is well: %v", err)
	}
	if took := time.Since(began); took > lastLife {
		h.t.Errorf("the last life, in which all is well, took %v: something waits for what it need not wait for", took)
	}
	h.check()
}

// life is one life of the process: it ends by a drain, with much or little time, or by a crash.
func (h *history) life() {
	h.lives++
	ctx, cancel := context.WithCancel(h.t.Context())
	p := h.pipeline()
	done := make(chan error)
	crash := h.n(2) == 0
	if crash {
		p.DrainTimeout = 0
	}
	go func() { done <- p.Run(ctx) }()
	for range h.n(6) {
		time.Sleep(time.Duration(h.n(20000)) * time.Millisecond)
		switch h.n(3) {
		case 0:
			s := h.anySource()
			s.FailOpen(errors.New("connection refused"))
			s.Cut(errReset)
		case 1:
			h.anySource().Cut(errReset)
		}
	}
	if h.n(2) == 0 {
		h.calmDown(p)
	}
	time.Sleep(time.Duration(h.n(3000)) * time.Millisecond)
	if crash {
		for _, s := range h.sources {
			s.Cut(errors.New("process was killed")) // before the last acks
		}
	}
	cancel()
	<-done
	for _, s := range h.sources {
		if n := s.Unacked(); n != 0 {
			h.t.Errorf("%d messages are unacked after the process has ended", n)
		}
	}
}

// calmDown lets nothing fail any more in a life that goes on: what bad times have left behind in it, held, stuck and fallen back, must not
// be late either. Who waits only until the next start waits for ever in a process that runs for months.
func (h *history) calmDown(p *flow.Pipeline) {
	h.setCalm(true)
	defer h.setCalm(false)
	time.Sleep(lastLife)
	for i, s := range h.sources {
		if ready, unacked := s.Ready(), s.Unacked(); ready+unacked != 0 {
			h.t.Errorf("after %v in which nothing failed, source %d has %d messages that nobody read and %d that are not acked", lastLife, i, ready, unacked)
		}
	}
	time.Sleep(lastHome - lastLife)
	for i, w := range h.ways {
		b := engine.Branch{Fallback: p.Fallback, Recover: p.Recover}
		if len(p.Branches) > 0 {
			b = p.Branches[i]
		}
		if n := len(w.fallback.Objects()); n != 0 && b.Recover && b.Fallback != nil {
			h.t.Errorf("after %v in which nothing failed, %d batches are still in the %s", lastHome, n, w.fallback.Place)
		}
	}
}

func (h *history) pipeline() *flow.Pipeline {
	p := &flow.Pipeline{
		Name:         "random",
		Log:          slog.New(slog.NewTextHandler(h.t.Output(), nil)),
		Inputs:       h.inputs(),
		Processors:   []engine.ProcessorStep{{Name: "processor.kinds", Processor: transform(h.kinds)}},
		DeadLetter:   &engine.OutputStep{Name: "dead_letter.store", Output: h.limited(h.dead)},
		DrainTimeout: time.Duration(h.n(30000)) * time.Millisecond,
	}
	if h.n(3) == 0 {
		p.Processors = append(p.Processors, engine.ProcessorStep{Name: "processor.rate", Processor: h.rate()})
	}
	if len(h.ways) == 1 {
		b := h.branch(h.ways[0])
		p.Processors = append(p.Processors, b.Processors...)
		p.Output, p.Fallback, p.Workers, p.Recover = b.Output, b.Fallback, b.Workers, b.Recover
		return p
	}
	if h.n(3) == 0 {
		p.Processors = append(p.Processors, engine.ProcessorStep{Name: "processor.group", Processor: h.group()})
	}
	for _, w := range h.ways {
		p.Branches = append(p.Branches, h.branch(w))
	}
	return p
}

// inputs are the sources as they are in one life: some give what they have delivered when they are told to stop, and some do not.
func (h *history) inputs() (all []engine.InputStep) {
	for i, s := range h.sources {
		step := engine.InputStep{Name: fmt.Sprint("input.", i), Input: s, Window: h.window}
		if s.Follow = !h.isWell(); s.Follow && h.n(2) == 0 {
			step.Input = stoppable{s}
		}
		all = append(all, step)
	}
	return all
}

// anySource is one of the sources.
func (h *history) anySource() *enginetest.Source { return h.sources[h.n(len(h.sources))] }

// requeued is how many messages were delivered again.
func (h *history) requeued() (n int) {
	for _, s := range h.sources {
		n += s.Requeued()
	}
	return n
}

// group is a stage that batches: the plain one of the tests, or the real one, whose bounds seal early.
func (h *history) group() engine.Stage {
	count, age := 1+h.n(maxGroup), time.Duration(1+h.n(5000))*time.Millisecond
	if h.n(2) == 0 {
		return enginetest.Group{Count: count, Age: age, Key: func(body []byte) string { return inBranch(string(body)) }}
	}
	c := batch.Defaults()
	c.Count, c.Age, c.Bytes, c.MaxPartitions = count, age, engine.Bytes(maxBody*(1+h.n(maxGroup))), 1+h.n(6)
	c.OpenMessages, c.OpenBytes = count*(1+h.n(3)), c.Bytes*engine.Bytes(1+h.n(3))
	c.PartitionBy = []string{"key"}
	return h.stage(batch.New(c, engine.Env{NewID: engine.NewID}))
}

// rate is the real stage that slows down, in each life another.
func (h *history) rate() engine.Stage {
	c := ratelimit.Defaults()
	c.Rate, c.Burst = float64(10+h.n(200)), h.n(30)
	if h.n(2) == 0 {
		c.Bytes = engine.Bytes(maxBody * (10 + h.n(100)))
	}
	return h.stage(ratelimit.New(c, engine.Env{}))
}

func (h *history) stage(s engine.Stage, err error) engine.Stage {
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// branch is a way as it is in one life.
func (h *history) branch(w *way) engine.Branch {
	b := engine.Branch{
		Name: w.name,
		Processors: []engine.ProcessorStep{
			{Name: "processor.group", Processor: h.group()},
			{Name: "processor.timeout", Processor: timeout(20 * time.Second)},
		},
		Output:     engine.OutputStep{Name: "output.store", Output: w.output},
		DeadLetter: &engine.OutputStep{Name: "dead_letter.own", Output: h.limited(w.dead)},
		Workers:    1 + h.n(4),
		Recover:    h.n(4) > 0 || h.isWell(),
	}
	if b.Default = w.takes == ""; !b.Default {
		b.When = engine.NewCondition(w.takes, func(m *engine.Message) (bool, error) { return strings.Contains(w.takes, inBranch(string(m.Body))), nil })
	}
	if h.n(3) > 0 || h.isWell() {
		if b.Recover && !h.isWell() {
			w.recovering++
		}
		b.Fallback = &engine.OutputStep{Name: "fallback.spool", Output: h.limitedSpool(w)}
	}
	return b
}

// kinds does with each message what its name says.
func (h *history) kinds(b *engine.Batch) error {
	if !h.nothingFails() && h.n(30) == 0 {
		return errors.New("cannot work now")
	}
	for i := range b.Messages {
		body := string(b.Messages[i].Body)
		switch field(body, "kind") {
		case "drop":
			h.ledger.Settled(body, "dropped")
			b.Drop(i)
		case "bad":
			if h.n(2) == 0 {
				b.Reject(i, errors.New("no good"))
			}
		case "split":
			var parts []string
			var messages []engine.Message
			for _, end := range []string{"/a", "/b", "/c"} {
				part := named("part", inBranch(body), field(body, "name")+end)
				parts, messages = append(parts, part), append(messages, engine.Message{Body: []byte(part)})
			}
			h.ledger.Split(body, parts...)
			b.Split(i, messages...)
		case "panic":
			panic("no good")
		}
	}
	return nil
}

// limited bounds each write as real outputs do, so that a hang ends.
func (h *history) limited(o engine.Output) engine.Output { return timed{20 * time.Second, o} }

func (h *history) limitedSpool(w *way) engine.Output {
	return struct {
		engine.Output
		engine.Recoverer
	}{h.limited(w.fallback), w.fallback}
}

func (h *history) check() {
	h.ledger.Check(h.t, true)
	for _, s := range h.sources {
		if most := s.MostHeld(); most >= h.window.Messages+s.Chunk {
			h.t.Errorf("%d messages were held; the window is %d and a chunk %d", most, h.window.Messages, s.Chunk)
		}
		if most := s.MostBytesHeld(); h.window.Bytes > 0 && most >= h.window.Bytes+int64(s.Chunk*maxBody) {
			h.t.Errorf("%d bytes were held; the window is %d and a chunk %d messages of up to %d", most, h.window.Bytes, s.Chunk, maxBody)
		}
	}
	h.checkDead(h.dead)
	for _, w := range h.ways {
		h.checkWay(w)
		h.checkDead(w.dead)
	}
}

func (h *history) checkWay(w *way) {
	if n := len(w.fallback.Objects()); n != 0 {
		h.t.Errorf("%d batches are still in the %s", n, w.fallback.Place)
	}
	twice := 0
	for body, n := range w.output.Bodies() {
		twice += n - 1
		if kind := field(body, "kind"); kind == "drop" || kind == "panic" {
			h.t.Errorf("message %s should not be stored", body)
		}
		if w.takes != "" && !strings.Contains(w.takes, inBranch(body)) || w.name != "" && w.takes == "" && inBranch(body) != "3" {
			h.t.Errorf("message %s is in the %s, which does not take it", body, w.output.Place)
		}
	}
	// A split message that comes again is three in the store. And the one batch that recovery had stored in part when its life ended
	// comes home whole in the next.
	if most := 3*h.requeued() + w.recovering*maxGroup; twice > most {
		h.t.Errorf("%d messages are twice in the %s, but only %d were delivered again (thrice for splits), and %d lives recovered",
			twice, w.output.Place, h.requeued(), w.recovering)
	}
}

func (h *history) checkDead(dead *enginetest.Store) {
	for body := range dead.Bodies() {
		if kind := field(body, "kind"); kind == "ok" || kind == "part" {
			h.t.Errorf("good message %s is a dead letter", body)
		}
	}
}
