package flow_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// branched has two branches: "odd" takes what ends in an odd digit, "all" takes everything.
type branched struct {
	*rig
	odd, all *enginetest.Store
}

func isOdd(m *engine.Message) (bool, error) { return (m.Body[len(m.Body)-1]-'0')%2 == 1, nil }

func newBranched(n int) *branched {
	g := &branched{rig: newRig(n)}
	g.odd, g.all = enginetest.NewStore(g.ledger, "odd"), enginetest.NewStore(g.ledger, "all")
	g.p.Processors, g.p.Output = nil, engine.OutputStep{}
	g.p.Branches = []engine.Branch{
		g.branch("odd", g.odd, engine.NewCondition("odd", isOdd)),
		g.branch("all", g.all, engine.Condition{}),
	}
	g.ledger.Needs = func(body string) [][]string {
		places := [][]string{{"all", "fallback"}}
		if odd, _ := isOdd(&engine.Message{Body: []byte(body)}); odd {
			places = append(places, []string{"odd"})
		}
		return places
	}
	return g
}

func (g *branched) branch(name string, to *enginetest.Store, when engine.Condition) engine.Branch {
	return engine.Branch{
		Name: name, When: when, Workers: 2, Recover: true,
		Processors: []engine.ProcessorStep{{Name: name + ".processor.group", Processor: enginetest.Group{Count: 10, Age: time.Second}}},
		Output:     engine.OutputStep{Name: name + ".output.store", Output: to},
	}
}

// isDown is a script that fails until the switch is turned.
func isDown(well *atomic.Bool) func(int, *engine.Batch) enginetest.Step {
	return func(int, *engine.Batch) enginetest.Step {
		if well.Load() {
			return enginetest.Step{}
		}
		return enginetest.Step{Err: errDown}
	}
}

// A message that is acked when the first branch has it is lost to the others with the next crash.
func TestAMessageIsSettledWhenAllItsBranchesHaveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(40)
		g.source.Follow = true
		var well atomic.Bool
		g.odd.Script = isDown(&well)
		stop := g.start(t)
		time.Sleep(time.Hour)
		if n := len(g.all.Bodies()); n != 40 {
			t.Errorf("%d of 40 messages are in the branch that is well, while the other is down", n)
		}
		if n := g.source.Unacked(); n != 40 {
			t.Errorf("%d of 40 messages are unacked while each chunk has some that are nowhere", n)
		}
		well.Store(true)
		time.Sleep(time.Minute)
		if n := g.source.Unacked(); n != 0 {
			t.Errorf("%d messages are unacked when both branches have theirs", n)
		}
		g.finishNow(t, stop)
		for body, n := range g.all.Bodies() {
			if n != 1 {
				t.Errorf("%s is %d times in the branch that was well", body, n)
			}
		}
		if n := len(g.odd.Bodies()); n != 20 {
			t.Errorf("%d of 20 odd messages are in their branch", n)
		}
	})
}

// A branch that is down must keep the others from nothing that the window has room for: neither its workers nor its channels may stop the fork.
func TestABranchThatIsDownHoldsUpToTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(10_000)
		g.source.Follow = true
		g.p.Inputs[0].Window = engine.Capacity{Messages: 5000}
		var well atomic.Bool
		g.odd.Script = isDown(&well)
		stop := g.start(t)
		time.Sleep(time.Hour)
		if n := len(g.all.Bodies()); n < 5000 {
			t.Errorf("%d messages are in the branch that is well; the window has room for 5000", n)
		}
		if n := g.source.MostHeld(); n > 5000+10 {
			t.Errorf("%d messages were held; the window is 5000 and a chunk 10", n)
		}
		well.Store(true)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
	})
}

// A branch with a fallback stops nobody, and what comes home from it goes to that branch alone.
func TestAFallbackBelongsToItsBranch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(1000)
		g.source.Follow = true
		g.p.Branches[1].Fallback = &engine.OutputStep{Name: "all.fallback.spool", Output: g.fallback}
		var well atomic.Bool
		g.all.Script = isDown(&well)
		stop := g.start(t)
		time.Sleep(time.Hour)
		if n := g.source.Unacked(); n != 0 {
			t.Errorf("%d messages are unacked although the fallback takes them", n)
		}
		well.Store(true)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
		if n := len(g.fallback.Objects()); n != 0 {
			t.Errorf("%d batches are still in the fallback", n)
		}
		if n := len(g.all.Bodies()); n != 1000 {
			t.Errorf("%d of 1000 messages came home", n)
		}
		for body, n := range g.odd.Bodies() {
			if odd, _ := isOdd(&engine.Message{Body: []byte(body)}); n != 1 || !odd {
				t.Errorf("%s is %d times in the other branch", body, n)
			}
		}
	})
}

// What no branch takes, or has no answer for, must not vanish.
func TestWhatNoBranchTakes(t *testing.T) {
	for _, test := range []struct {
		name      string
		change    func(g *branched)
		all, dead int
		reason    string
	}{
		{"is a dead letter", func(g *branched) { g.p.Branches = g.p.Branches[:1] }, 0, 20, "no branch takes this message"},
		{"goes to the default branch", func(g *branched) { g.p.Branches[1].Default = true }, 20, 0, ""},
		{"is dropped when that is wanted", func(g *branched) { g.p.Branches, g.p.DropUnmatched = g.p.Branches[:1], true }, 0, 0, ""},
		{"has no answer", func(g *branched) {
			g.p.DropUnmatched = true
			g.p.Branches[1].When = engine.NewCondition("size > 1", func(m *engine.Message) (bool, error) {
				if odd, _ := isOdd(m); !odd {
					return false, errors.New("size is missing")
				}
				return true, nil
			})
		}, 20, 20, `branch "all": when "size > 1": size is missing`},
		{"has a condition that panics", func(g *branched) {
			g.p.Branches[1].When = engine.NewCondition("x", func(m *engine.Message) (bool, error) {
				if odd, _ := isOdd(m); !odd {
					panic("bug")
				}
				return true, nil
			})
		}, 20, 20, `branch "all": when "x": panic: bug`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newBranched(40)
				test.change(g)
				g.ledger.Needs = func(string) [][]string { return nil }
				g.finish(t)
				if odd, all, dead := len(g.odd.Bodies()), len(g.all.Bodies()), len(g.dead.Bodies()); odd != 20 || all != test.all || dead != test.dead {
					t.Errorf("%d, %d and %d messages are in odd, all and the dead letter; want 20, %d and %d", odd, all, dead, test.all, test.dead)
				}
				for _, o := range g.dead.Objects() {
					if !strings.Contains(o.Reasons[0], test.reason) {
						t.Errorf("the reason is %q, want %q", o.Reasons[0], test.reason)
					}
				}
			})
		})
	}
}

// Rejects of a branch go to its own dead letter, else to the pipeline's.
func TestDeadLettersOfBranches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(40)
		own := enginetest.NewStore(g.ledger, "own dead letter")
		g.p.Branches[0].DeadLetter = &engine.OutputStep{Name: "odd.dead_letter.store", Output: own}
		reject := engine.ProcessorStep{Name: "processor.reject", Processor: transform(func(b *engine.Batch) error {
			for _, i := range append(find(b, "m00001"), find(b, "m00002")...) {
				b.Reject(i, errors.New("no good"))
			}
			return nil
		})}
		for i := range g.p.Branches {
			g.p.Branches[i].Processors = append([]engine.ProcessorStep{reject}, g.p.Branches[i].Processors...)
		}
		g.ledger.Needs = nil
		g.finish(t)
		if got := own.Bodies(); len(got) != 1 || got["m00001"] != 1 {
			t.Errorf("the branch's own dead letter has %v, want m00001", got)
		}
		if got := g.dead.Bodies(); len(got) != 2 || got["m00001"] != 1 || got["m00002"] != 1 {
			t.Errorf("the pipeline's dead letter has %v, want m00001 and m00002 of the other branch", got)
		}
	})
}

// Two branches may write to one bucket: batches of one name would take each other's place there.
func TestBatchesOfBranchesHaveNamesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(40)
		g.p.Processors = []engine.ProcessorStep{{Name: "processor.group", Processor: enginetest.Group{Count: 10, Age: time.Second}}}
		for i := range g.p.Branches {
			g.p.Branches[i].Processors = nil
			g.p.Branches[i].When = engine.Condition{}
		}
		g.finish(t)
		names := map[string]bool{}
		for _, o := range append(g.odd.Objects(), g.all.Objects()...) {
			if names[o.ID] {
				t.Errorf("two batches are named %s", o.ID)
			}
			if names[o.ID] = true; o.SealedBy != engine.SealedByCount {
				t.Errorf("a batch was sealed by %q", o.SealedBy)
			}
		}
	})
}

// An input that is opened again while a branch without a fallback is down would only bring what cannot be settled, until its broker counts one
// delivery too many. And what the queue of that branch holds of the lost connection must be let go.
func TestALostInputWaitsForTheBranchThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(1000)
		g.source.Follow = true
		var well atomic.Bool
		g.odd.Script = isDown(&well)
		stop := g.start(t)
		time.Sleep(time.Minute)
		g.source.Cut(errReset)
		time.Sleep(30 * time.Minute)
		if n := g.source.Opens(); n != 1 {
			t.Errorf("the input was opened %d times while a branch can write nothing", n)
		}
		if s := g.p.State(); s.Inputs[0].Unsettled.Messages != 0 {
			t.Errorf("%d messages of the lost connection are held", s.Inputs[0].Unsettled.Messages)
		}
		well.Store(true)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
	})
}

// With two inputs and one branch down, the one that was lost must not wait for what the other has in the branch's queue.
func TestAQueueLetsGoOfOneInputsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(200)
		g.source.Follow = true
		other := enginetest.NewSource(g.ledger, "x1", "x3", "x5")
		other.Follow = true
		g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: "input.other", Input: other, Window: engine.Capacity{Messages: 100}})
		g.p.Inputs[0].Window.Messages = 200
		g.p.Branches[0].Processors = nil
		var well atomic.Bool
		g.odd.Script = isDown(&well)
		stop := g.start(t)
		time.Sleep(time.Second)
		other.Send("x7", "x9") // they stand in the queue, behind the first input's
		time.Sleep(time.Second)
		other.Cut(errReset)
		time.Sleep(time.Minute)
		if s := g.p.State(); s.Inputs[1].Unsettled.Messages > 3 {
			t.Errorf("%d messages of the lost connection are still held", s.Inputs[1].Unsettled.Messages)
		}
		well.Store(true)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
	})
}

// A drain waits for each branch as long as it may, and says what is left.
func TestADrainWithABranchThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(40)
		g.source.Follow = true
		g.odd.Script = down
		stop := g.start(t)
		time.Sleep(time.Minute)
		began := time.Now()
		var left *flow.LeftError
		if err := stop(); !errors.As(err, &left) || left.Messages != 20 {
			t.Errorf("the drain gives %v, want the 20 messages of the branch that is down", err)
		}
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("the drain took %v; it has 30 s", took)
		}
		g.ledger.Check(t, false)
	})
}

// A branch without a fallback writes to the end of the drain: half of it would leave messages for nothing, only because another branch has one.
func TestADrainGivesABranchAllTheTimeThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(40)
		g.source.Follow = true
		g.p.Branches[1].Fallback = &engine.OutputStep{Name: "all.fallback.spool", Output: g.fallback}
		var well atomic.Bool
		g.odd.Script = isDown(&well)
		stop := g.start(t)
		time.Sleep(time.Minute)
		time.AfterFunc(18*time.Second, func() { well.Store(true) }) // of 30
		g.finishNow(t, stop)
	})
}

// A window that is full of messages in open batches of branches must not wait for the age of these.
func TestASweepReachesEachBranch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBranched(1000)
		g.source.Follow = true
		for i := range g.p.Branches {
			g.p.Branches[i].Processors[0].Processor = enginetest.Group{Count: 1_000_000, Age: 24 * time.Hour}
		}
		stop := g.start(t)
		time.Sleep(10 * time.Minute)
		if n := len(g.all.Bodies()); n < 900 {
			t.Errorf("%d of 1000 messages are stored after ten minutes with a window of 100", n)
		}
		g.finishNow(t, stop)
	})
}

// What a Pipeline cannot be is said when it starts.
func TestBranchesThatCannotBe(t *testing.T) {
	g := newBranched(1)
	g.p.Output.Output = g.output
	if err := g.p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has its outputs and fallbacks in these") {
		t.Errorf("an output beside branches gives %v", err)
	}
	g = newBranched(1)
	g.p.Processors = []engine.ProcessorStep{{Name: "processor.timeout", Processor: timeout(time.Second)}}
	if err := g.p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "must stand directly before the output") {
		t.Errorf("a policy before branches gives %v", err)
	}
	g = newBranched(1)
	g.p.Branches[1].Name = "odd"
	if err := g.p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `two branches are named "odd"`) {
		t.Errorf("two branches of one name give %v", err)
	}
	g = newBranched(1)
	g.p.Branches[0].Default, g.p.Branches[1].Default = true, true
	if err := g.p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "there is one default branch") {
		t.Errorf("two default branches give %v", err)
	}
	g = newBranched(1)
	g.p.Branches[1].Output.Output = nil
	if err := g.p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "needs an output") {
		t.Errorf("a branch without output gives %v", err)
	}
}
