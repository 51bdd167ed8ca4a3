package flow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// reasonsFit fails the test for each dead letter that has another one's reason: an operator would repair the wrong thing.
func (g *rig) reasonsFit(t *testing.T) {
	t.Helper()
	for _, o := range g.dead.Objects() {
		for i, body := range o.Bodies {
			if !strings.Contains(o.Reasons[i], body) {
				t.Errorf("dead letter %q has the reason %q", body, o.Reasons[i])
			}
		}
	}
}

// Dead letters are taken apart by failures of single messages; each keeps its reason, and the end of a job waits for all.
func TestDeadLettersKeepTheirReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(40)
		g.before(rejectAll)
		g.dead.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n < 6 {
				return enginetest.Step{Fail: []int{1, len(b.Messages) - 1}, FailErr: errors.New("refused")}
			}
			return enginetest.Step{}
		}
		g.finish(t)
		g.reasonsFit(t)
		if n := len(g.dead.Bodies()); n != 40 {
			t.Errorf("%d of 40 dead letters are stored", n)
		}
	})
}

// The same when some of them became void meanwhile. Reasons can only be mixed up where one that stays is behind one that goes. Nobody says in
// which order those of two inputs are merged, so the test looks, and loses the input that stands in front.
func TestVoidDeadLettersLeaveTheOthersTheirReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		other := enginetest.NewSource(g.ledger)
		g.source.Follow, other.Follow = true, true
		g.source.Chunk, other.Chunk = 1, 1
		g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: "input.other", Input: other})
		g.before(rejectAll)
		var up atomic.Bool
		var front atomic.Pointer[string] // the first letter of a merged write of both inputs
		g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if up.Load() {
				return enginetest.Step{}
			}
			if first, last := string(b.Messages[0].Body[:1]), string(b.Messages[len(b.Messages)-1].Body[:1]); first != last {
				front.Store(&first)
			}
			return enginetest.Step{Slow: time.Second, Err: errDown} // slow, so that many are merged
		}
		stop := g.start(t)
		for i := range 20 {
			g.source.Send(fmt.Sprintf("m%04d", i))
			other.Send(fmt.Sprintf("o%04d", i))
		}
		time.Sleep(time.Minute)
		if front.Load() == nil {
			t.Fatal("no write has dead letters of both inputs, so the test says nothing")
		}
		map[string]*enginetest.Source{"m": g.source, "o": other}[*front.Load()].Cut(errReset)
		up.Store(true)
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		g.reasonsFit(t)
		g.ledger.Check(t, true)
	})
}

// Whoever is told when a dead letter failed first must be told the same after an outage of the dead letter.
func TestRejectedAtStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1)
		g.before(rejectAll)
		began := time.Now()
		var at time.Time
		g.dead.Script = func(n int, b *engine.Batch) enginetest.Step {
			at = engine.RejectedAt(b.Reasons[0])
			if time.Since(began) < time.Hour {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		g.finish(t)
		if !at.Equal(began) {
			t.Errorf("the message was rejected at %v, and the dead letter was told %v", began, at)
		}
	})
}

// A dead letter that takes nothing, or not these, must not fill the memory: the pipeline slows down instead.
func TestStuckDeadLettersAreBounded(t *testing.T) {
	for name, step := range map[string]func(b *engine.Batch) enginetest.Step{
		"down":  func(*engine.Batch) enginetest.Step { return enginetest.Step{Err: errDown} },
		"picky": func(b *engine.Batch) enginetest.Step { return enginetest.Step{Err: errPoison} },
		"single": func(b *engine.Batch) enginetest.Step {
			return enginetest.Step{Fail: []int{0}, FailErr: errors.New("refused")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(20_000)
				g.source.Follow = true
				g.source.Chunk = 100
				g.p.Inputs[0].Window = engine.Capacity{}
				g.before(rejectAll)
				var healed atomic.Bool
				g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
					if healed.Load() {
						return enginetest.Step{}
					}
					return step(b)
				}
				stop := g.start(t)
				time.Sleep(time.Minute)
				if n := g.source.Unacked(); name != "single" && n > 2500 {
					t.Errorf("%d messages are held although the dead letter takes none, want about 2000 at most", n)
				}
				healed.Store(true)
				time.Sleep(time.Hour)
				g.finishNow(t, stop)
			})
		})
	}
}

// Stuck dead letters of one input must not keep another one closed that lost its connection.
func TestStuckDeadLettersDoNotDelayAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		other := enginetest.NewSource(g.ledger)
		for i, s := range []*enginetest.Source{g.source, other} {
			s.Follow, s.Chunk = true, 1
			if i == 1 {
				g.p.Inputs = append(g.p.Inputs, engine.InputStep{Name: "input.other", Input: s})
			}
			g.p.Inputs[i].Window = engine.Capacity{Messages: 1000}
		}
		g.before(rejectAll)
		var healed atomic.Bool
		g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if healed.Load() {
				return enginetest.Step{}
			}
			all := make([]int, len(b.Messages))
			for i := range all {
				all[i] = i
			}
			return enginetest.Step{Fail: all, FailErr: errors.New("too large")}
		}
		stop := g.start(t)
		for i := range 300 {
			other.Send(fmt.Sprintf("o%04d", i))
			if i == 150 {
				g.source.Send("m0001")
			}
			time.Sleep(time.Second)
		}
		g.source.Cut(errReset)
		time.Sleep(30 * time.Second) // one back-off of the dead letter, and one of the input
		if n := g.source.Opens(); n != 2 {
			t.Error("the input is not open again half a minute after its connection died")
		}
		healed.Store(true)
		time.Sleep(30 * time.Second)
		if n := other.Unacked(); n != 0 {
			t.Errorf("%d dead letters are stuck half a minute after they could go", n)
		}
		g.finishNow(t, stop)
	})
}

// A dead letter whose place is there again must not wait for others to stop failing: its chunk stays unacked meanwhile, and the broker
// takes that back after half an hour.
func TestADeadLetterIsTriedAgainWhoeverElseFails(t *testing.T) {
	for name, whole := range map[string]bool{"others fail alone": false, "others fail with their batch": true} {
		t.Run(name, func(t *testing.T) {
			for _, every := range []time.Duration{2 * time.Second, 9 * time.Second} {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(0)
					g.source.Follow, g.source.Chunk = true, 1
					g.p.Inputs[0].Window = engine.Capacity{Messages: 10_000}
					g.before(rejectAll)
					var up, healed atomic.Bool
					stored := make(chan time.Time, 1)
					g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
						var fail []int
						for i, m := range b.Messages {
							switch string(m.Body) {
							case "first":
								if !up.Load() {
									fail = append(fail, i)
									break
								}
								stored <- time.Now()
							default:
								if !healed.Load() {
									fail = append(fail, i)
								}
							}
						}
						if whole && len(fail) > 0 {
							return enginetest.Step{Err: errDown}
						}
						return enginetest.Step{Fail: fail, FailErr: errors.New("no queue")}
					}
					stop := g.start(t)
					g.source.Send("first")
					for i := range 200 { // so many are stuck when its place comes, and more come
						time.Sleep(every)
						g.source.Send(fmt.Sprintf("m%04d", i))
						if i == 150 {
							up.Store(true)
							began := time.Now()
							time.AfterFunc(time.Minute, func() {
								select {
								case at := <-stored:
									if late := at.Sub(began); late > 15*time.Second {
										t.Errorf("others fail every %v: it was tried again after %v, and its back-off is 10s at most", every, late)
									}
								default:
									t.Errorf("others fail every %v: it was not tried again for a minute", every)
								}
							})
						}
					}
					healed.Store(true)
					time.Sleep(time.Minute)
					g.finishNow(t, stop)
				})
			}
		})
	}
}

// New dead letters must not keep a stuck one from its turn either, and the reverse.
func TestNewAndStuckDeadLettersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		g.source.Follow, g.source.Chunk = true, 1
		g.p.Inputs[0].Window = engine.Capacity{Messages: 10_000}
		g.before(rejectAll)
		began := time.Now()
		var late time.Duration
		g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
			step := enginetest.Step{Slow: 3 * time.Second} // so that a new one always waits
			if at := find(b, "first"); len(at) > 0 && time.Since(began) < time.Minute {
				step.Fail, step.FailErr = at, errors.New("no queue")
			} else if len(at) > 0 {
				late = time.Since(began) - time.Minute
			}
			return step
		}
		stop := g.start(t)
		g.source.Send("first")
		for i := range 300 {
			time.Sleep(time.Second)
			g.source.Send(fmt.Sprintf("m%04d", i))
		}
		if late == 0 || late > 20*time.Second {
			t.Errorf("the stuck one was tried again %v after its queue was there, want its back-off and one write of others", late)
		}
		time.Sleep(10 * time.Minute)
		g.finishNow(t, stop)
	})
}

// No window counts what comes home from a fallback: dead letters of it that are stuck would fill memory with as many batches as there are files on the
// disk, and each would keep the whole batch that it came in.
func TestDeadLettersOfAFallbackAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const batches, of, size, most = 30, 10, 1 << 20, 4 << 20
		g := newRig(0).withFallback()
		g.source.Follow = true
		g.dead.Script = down
		h := &home{left: batches, of: of, size: size}
		g.p.Fallback.Output = h
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			return enginetest.Step{Reject: []int{0}, FailErr: errPoison}
		}
		stop := g.start(t)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if read := batches - h.left; read*size > most || read < 2 {
			t.Errorf("%d batches with a dead letter of 1 MiB each were read, want as many as there is room for in 4 MiB", read)
		}
		runtime.GC()
		for i, block := range h.blocks {
			if block.Value() != nil {
				t.Errorf("batch %d is kept by its dead letter, a tenth of it", i)
			}
		}
		stop()
	})
}

// home is a fallback full of batches, whose bodies are one allocation each.
type home struct {
	engine.Output
	left, of, size int
	tag            uint64
	blocks         []weak.Pointer[byte]
}

func (h *home) Close(context.Context) error         { return nil }
func (h *home) Recovery() engine.Input              { return h }
func (h *home) Open(context.Context) error          { return nil }
func (h *home) Ack(context.Context, []uint64) error { return nil }

func (h *home) Read(_ context.Context, b *engine.Batch) error {
	if h.left == 0 {
		return io.EOF
	}
	h.left--
	h.tag++
	b.Tag, b.ID = h.tag, fmt.Sprint("home", h.tag)
	block := make([]byte, h.of*h.size)
	for i := range h.of {
		b.Messages = append(b.Messages, engine.Message{Body: block[i*h.size : (i+1)*h.size]})
	}
	h.blocks = append(h.blocks, weak.Make(&block[0]))
	return nil
}
