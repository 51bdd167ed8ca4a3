package flow_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// rareness is one message in ten of partition "rare", the others of "common".
func rareness(body []byte) string {
	if body[len(body)-1] == '7' {
		return "rare"
	}
	return "common"
}

// withRare groups by twenty, for an hour: a rare group is not full before 200 messages came. The window is larger than what sources give.
func (g *rig) withRare() *rig {
	g.source.Follow = true
	g.p.Inputs[0].Window.Messages = 1000
	g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Hour, Key: rareness}
	return g
}

// soon fails the test if less than n messages are stored within d.
func (g *rig) soon(t *testing.T, n int, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	if got := len(g.output.Bodies()); got < n {
		t.Errorf("%d of %d messages are stored after %v", got, n, d)
	}
}

// sealed counts the batches of an event log by why they were sealed.
func (g *rig) sealed() map[string]int {
	causes := map[string]int{}
	for _, e := range g.events.of(engine.Sealed) {
		causes[e.Cause]++
	}
	return causes
}

// A source that is acked in order stands on the oldest chunk that is not settled. Those settled behind it have left the window, which is
// nearly empty, and still use up the prefetch. Without an input that tells, the flow stops until the rare batch is old enough.
func TestARarePartitionDoesNotUseUpThePrefetch(t *testing.T) {
	for _, prefetch := range []int{40, 100, 150} {
		t.Run(fmt.Sprint(prefetch), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(2000).withRare()
				g.source.Prefetch = prefetch
				stop := g.start(t)
				g.soon(t, 1800, time.Minute)
				g.finishNow(t, stop)
			})
		})
	}
}

// The rare batches are as large as the prefetch lets them become: sealed when their own first message is what the source waits for.
func TestPressureSealsNoEarlierThanItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(2000).withRare()
		g.source.Prefetch = 150
		stop := g.start(t)
		g.soon(t, 1800, time.Minute)
		g.finishNow(t, stop)
		rare := 0
		for _, o := range g.output.Objects() {
			if o.Partition == "rare" {
				rare++
			} else if o.SealedBy == engine.SealedByPressure {
				t.Errorf("a common batch of %d messages was sealed by pressure", len(o.Bodies))
			}
		}
		// 200 rare messages, 15 of them in each prefetch, an eighth of which may be given away.
		if most := 200/(15*7/8) + 2; rare > most {
			t.Errorf("%d rare batches were stored, want %d at most", rare, most)
		}
	})
}

// One input's full window must not wait until the workers have nothing to do for another one.
func TestNoInputWaitsForAnothersLeisure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(200).withRare()
		g.p.Inputs[0].Window.Messages = 20
		busy := enginetest.NewSource(g.ledger)
		busy.Follow = true
		for i := range 4000 {
			busy.Send(fmt.Sprintf("busy%d", i))
		}
		g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: "input.busy", Input: busy, Window: engine.Capacity{Messages: 1000}})
		g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Hour, Key: func(body []byte) string {
			if body[0] == 'm' {
				return string(body) // no group of the first input ever fills up
			}
			return string(body[len(body)-1:])
		}}
		g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Slow: 2 * time.Second} }
		stop := g.start(t)
		time.Sleep(5 * time.Minute)
		stored := 0
		for body := range g.output.Bodies() {
			if strings.HasPrefix(body, "m") {
				stored++
			}
		}
		if stored < 100 {
			t.Errorf("%d of 200 messages of the input whose window is full are stored after 5 minutes", stored)
		}
		if n := len(g.output.Bodies()) - stored; n == 4000 {
			t.Error("the other input had nothing to do any more, so this shows nothing")
		}
		for _, o := range g.output.Objects() {
			if o.SealedBy == engine.SealedByPressure && strings.HasPrefix(o.Bodies[0], "busy") {
				t.Error("a batch of the other input was sealed by pressure")
			}
		}
		stop()
	})
}

// A slow output is no reason to cut batches: what is being written will be settled.
func TestASlowOutputIsNoPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(3000)
		g.source.Follow = true
		g.source.Prefetch = 70
		g.p.Inputs[0].Window.Messages = 70
		g.p.Processors[0].Processor = enginetest.Group{Count: 20, Age: time.Hour}
		g.output.Script = func(int, *engine.Batch) enginetest.Step { return enginetest.Step{Slow: 3 * time.Second} }
		stop := g.start(t)
		time.Sleep(3 * time.Minute)
		if n := g.sealed()[engine.SealedByPressure]; n > 0 {
			t.Errorf("%d batches were sealed by pressure: %v", n, g.sealed())
		}
		stop()
	})
}

// What a source waits for may be one batch that can be written nowhere. The others go on around it.
func TestPressureBehindWhatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(2000).withRare()
		g.source.Prefetch, g.source.Alone = 100, 10*time.Second
		g.p.Workers = 5
		g.output.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if len(find(b, "m00003")) > 0 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		g.soon(t, 1800, 30*time.Minute)
		stop()
	})
}

// Only the branch that keeps the source waiting gives up what it holds.
func TestPressureInBranches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		g.source.Follow, g.source.Prefetch = true, 100
		other := enginetest.NewStore(g.ledger, "other")
		g.p.Processors, g.p.Output = nil, engine.OutputStep{}
		branch := func(name string, o *enginetest.Store, takes func(string) bool, key func([]byte) string) engine.Branch {
			return engine.Branch{Name: name, Workers: 2, Output: engine.OutputStep{Name: "output." + name, Output: o},
				When:       engine.NewCondition(name, func(m *engine.Message) (bool, error) { return takes(string(m.Body)), nil }),
				Processors: []engine.ProcessorStep{{Name: "processor.group", Processor: enginetest.Group{Count: 10, Age: time.Hour, Key: key}}}}
		}
		g.p.Branches = []engine.Branch{
			branch("rare", g.output, func(s string) bool { return strings.HasSuffix(s, "7") }, func(b []byte) string { return string(b[4:5]) }),
			branch("rest", other, func(s string) bool { return !strings.HasSuffix(s, "7") }, nil),
		}
		g.ledger.Needs = func(body string) [][]string { return [][]string{{"output", "other"}} }
		stop := g.start(t)
		for _, body := range bodies(2000) {
			g.source.Send(body)
			time.Sleep(time.Millisecond)
		}
		if n := len(other.Bodies()); n < 1700 {
			t.Errorf("%d of 1800 messages of the other branch are stored", n)
		}
		for _, o := range other.Objects() {
			if o.SealedBy == engine.SealedByPressure {
				t.Errorf("a batch of %d messages of the branch that keeps nobody waiting was sealed by pressure", len(o.Bodies))
			}
		}
		g.finishNow(t, stop)
	})
}

// The log says once how long batches can be open at this rate: it is the only place where an operator learns why they are small.
func TestPressureIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		g := newRig(0).withRare()
		g.source.Prefetch = 100
		g.p.Log = slog.New(slog.NewTextHandler(&text, nil))
		stop := g.start(t)
		for _, body := range bodies(1000) { // ten a second
			g.source.Send(body)
			time.Sleep(100 * time.Millisecond)
		}
		g.finishNow(t, stop)
		if n := strings.Count(text.String(), "sealed before it is full"); n != 1 {
			t.Errorf("it is said %d times:\n%s", n, text.String())
		}
		if !strings.Contains(text.String(), "age=9.") && !strings.Contains(text.String(), "age=10") {
			t.Errorf("100 messages at ten a second are about 10 s:\n%s", text.String())
		}
	})
}
