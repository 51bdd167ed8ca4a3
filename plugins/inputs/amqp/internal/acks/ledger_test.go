package acks

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sentAck is what the broker gets.
type sentAck struct {
	Tag      uint64
	Multiple bool
}

// wire records acks in place of a channel.
type wire struct {
	mu     sync.Mutex
	sent   []sentAck
	err    error // of every send from now on
	failed error // what the timer told
}

func (w *wire) acker(prefetch int) *Acker {
	a := New(func(tag uint64, multiple bool) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err == nil {
			w.sent = append(w.sent, sentAck{tag, multiple})
		}
		return w.err
	}, func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.failed = err
	}, nil)
	a.Prefetch(prefetch, 1)
	return a
}

// fail makes every send fail from now on, or none.
func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// take returns what was sent since the last call.
func (w *wire) take() []sentAck {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

// add gives the acker chunks of ten deliveries each.
func add(a *Acker, chunks int) {
	for i := range uint64(chunks) {
		a.Add(10*i+1, 10*i+10, 100)
	}
}

func settle(t *testing.T, a *Acker, numbers ...uint64) {
	t.Helper()
	messages, bytes, err := a.Settle(numbers)
	if err != nil || messages != int64(10*len(numbers)) || bytes != int64(100*len(numbers)) {
		t.Fatalf("settle %v: %d messages, %d bytes, %v", numbers, messages, bytes, err)
	}
}

func want(t *testing.T, w *wire, acks ...sentAck) {
	t.Helper()
	if d := cmp.Diff(acks, w.take()); d != "" {
		t.Error(d)
	}
}

func each(from, to uint64) (acks []sentAck) {
	for tag := from; tag <= to; tag++ {
		acks = append(acks, sentAck{tag, false})
	}
	return acks
}

func TestPrefixIsAckedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(1000)
		add(a, 5)
		settle(t, a, 0)
		want(t, &w, sentAck{10, true})
		settle(t, a, 2, 3) // an ack of several would take chunk 1 along, which is not stored
		want(t, &w)
		settle(t, a, 1)
		want(t, &w, sentAck{40, true})
		settle(t, a, 4)
		want(t, &w, sentAck{50, true})
		if !a.Idle() {
			t.Error("all is acked, and the acker waits for something")
		}
		time.Sleep(time.Hour) // no timer is left that would ack again
		want(t, &w)
	})
}

// One message that cannot be stored must not hold back what is: after a while the rest is acked one by one, each once.
func TestStandingPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(1000)
		add(a, 6)
		settle(t, a, 0, 2)
		want(t, &w, sentAck{10, true})
		time.Sleep(standstill - time.Millisecond)
		synctest.Wait()
		want(t, &w)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		want(t, &w, each(21, 30)...)
		settle(t, a, 4)
		want(t, &w)
		time.Sleep(standstill)
		synctest.Wait()
		want(t, &w, each(41, 50)...)
		settle(t, a, 3)
		settle(t, a, 1) // now 1 to 4 are a prefix; 3 is the last of them that the broker still waits for
		want(t, &w, sentAck{40, true})
		settle(t, a, 5)
		want(t, &w, sentAck{60, true})
	})
}

// The clock belongs to one standing chunk: when the prefix moves on, it starts anew.
func TestMovingPrefixIsNotStanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(1000)
		add(a, 6)
		settle(t, a, 3)
		for i := range uint64(3) {
			time.Sleep(standstill - time.Second)
			settle(t, a, i)
			if i < 2 {
				want(t, &w, sentAck{10*i + 10, true})
			}
		}
		want(t, &w, sentAck{40, true})
	})
}

// While the prefetch lasts, and for as long as what stands may still be settled, nothing is acked one by one.
func TestPrefetchIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(80)
		told := 0
		a.short = func() { told++ }
		add(a, 6)
		settle(t, a, 1, 3)
		if told != 0 || len(a.Awaited(nil)) > 0 {
			t.Error("20 places are left, and the prefetch is said to be used up")
		}
		a.Add(61, 70, 100) // 70 of 80, and something waits
		if told == 0 || !slices.Equal(a.Awaited(nil), []uint64{0}) {
			t.Errorf("told %d times that the prefetch is used up; awaited are %v", told, a.Awaited(nil))
		}
		time.Sleep(patience - tick)
		synctest.Wait()
		want(t, &w)
		time.Sleep(2 * tick)
		synctest.Wait()
		want(t, &w, append(each(11, 20), each(31, 40)...)...)
		settle(t, a, 0)
		want(t, &w, sentAck{10, true})
		if len(a.Awaited(nil)) > 0 {
			t.Error("there is room, and chunks are awaited")
		}
	})
}

// A broker to which each ack that waits is dear must not keep thousands of them, only because there are places left.
func TestTooManyAcksWait(t *testing.T) {
	var w wire
	a := w.acker(1000)
	a.Spare(40)
	told := 0
	a.short = func() { told++ }
	add(a, 6)
	settle(t, a, 1, 2, 3)
	if told != 0 || len(a.Awaited(nil)) > 0 {
		t.Errorf("30 wait, told %d times", told)
	}
	settle(t, a, 4)
	if told == 0 || !slices.Equal(a.Awaited(nil), []uint64{0, 5}) {
		t.Errorf("40 wait, told %d times; awaited are %v", told, a.Awaited(nil))
	}
	settle(t, a, 0)
	want(t, &w, sentAck{50, true})
	if len(a.Awaited(nil)) > 0 {
		t.Error("nothing waits, and chunks are awaited")
	}
}

// Without anything that waits all of the prefetch is for open batches.
func TestOpenBatchesMayUseAllOfThePrefetch(t *testing.T) {
	var w wire
	a := w.acker(60)
	add(a, 5)
	if got := a.Awaited(nil); len(got) > 0 {
		t.Errorf("10 places are left, and chunks %v are awaited", got)
	}
	a.Add(51, 60, 100)
	if got := a.Awaited(nil); !slices.Equal(got, []uint64{0}) {
		t.Errorf("awaited are %v", got)
	}
	a.Prefetch(5, 61) // another subscription
	if got := a.Awaited(nil); len(got) > 0 {
		t.Errorf("the new subscription has brought nothing, and chunks %v are awaited", got)
	}
	a.Add(61, 65, 100)
	if got := a.Awaited(nil); len(got) == 0 {
		t.Error("the new subscription has brought all it may, and no chunk is awaited")
	}
}

// A chunk that stands for hours costs the broker no more than the budget, and yet each settled delivery is acked.
func TestSingleAcksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const prefetch, standing = 9000, 6000
		var w wire
		a := w.acker(prefetch)
		for i := range uint64(prefetch / 100) {
			a.Add(100*i+1, 100*i+100, 100)
		}
		var settled []uint64
		for n := range uint64(prefetch / 100) {
			if n >= standing/100 {
				settled = append(settled, n)
			}
		}
		if _, _, err := a.Settle(settled); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for second := range 600 {
			time.Sleep(time.Second)
			synctest.Wait()
			n := len(w.take())
			if cost := n * (standing + singleCost); cost > 2*needed {
				t.Fatalf("in second %d %d single acks made the broker walk %d steps", second, n, cost)
			}
			sent += n
		}
		if sent != prefetch-standing {
			t.Errorf("%d of %d settled deliveries are acked after ten minutes", sent, prefetch-standing)
		}
	})
}

func TestUnknownChunks(t *testing.T) {
	var w wire
	a := w.acker(100)
	add(a, 2)
	settle(t, a, 0)
	w.take()
	for _, n := range []uint64{0, 2, 1 << 60} {
		if _, _, err := a.Settle([]uint64{n}); err == nil {
			t.Errorf("chunk %d could be settled", n)
		}
	}
	settle(t, a, 1)
	if _, _, err := a.Settle([]uint64{1}); err == nil {
		t.Error("chunk 1 could be settled twice")
	}
}

// After the connection died nothing may be sent: the tags mean other messages on the next one.
func TestNothingIsSentAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(1000)
		add(a, 4)
		settle(t, a, 1)
		a.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, _, err := a.Settle([]uint64{0}); err == nil {
			t.Error("a closed acker takes acks")
		}
		want(t, &w)

		a = w.acker(1000)
		add(a, 4)
		settle(t, a, 1)
		dead := errors.New("connection is dead")
		w.fail(dead)
		if _, _, err := a.Settle([]uint64{0}); err != dead {
			t.Errorf("settle on a dead connection: %v", err)
		}
		w.fail(nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, _, err := a.Settle([]uint64{2}); err == nil {
			t.Error("an acker that failed once goes on")
		}
		want(t, &w)
	})
}

// The timer's acks are nobody's call: when they fail the reader must be told.
func TestTimerTellsOfFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(1000)
		add(a, 2)
		dead := errors.New("connection is dead")
		w.fail(dead)
		settle(t, a, 1)
		time.Sleep(standstill)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.failed != dead {
			t.Errorf("told %v", w.failed)
		}
	})
}

// The broker's side, with its rules: an unknown tag closes the channel. In any order of settlements, with the clock in between, each
// delivery is acked once, none that is not settled is acked, and at the end all are.
func TestAckerKeepsTheBrokersRules(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex // of what the broker knows
			unacked, settled := map[uint64]bool{}, map[uint64]bool{}
			takes := func(tag uint64) {
				if !settled[tag] {
					t.Errorf("seed %d: delivery %d is acked and not settled", seed, tag)
				}
				delete(unacked, tag)
			}
			a := New(func(tag uint64, multiple bool) error {
				mu.Lock()
				defer mu.Unlock()
				if !unacked[tag] {
					t.Errorf("seed %d: ack of delivery %d, which the broker does not know", seed, tag)
				}
				takes(tag)
				for other := range unacked {
					if multiple && other < tag {
						takes(other)
					}
				}
				return nil
			}, nil, nil)
			a.Prefetch(20+rnd.IntN(200), 1)
			var open []uint64
			first := map[uint64][2]uint64{}
			next := uint64(1)
			for step := 0; step < 200 || len(open) > 0; step++ {
				if step < 200 && rnd.IntN(3) > 0 {
					last := next + rnd.Uint64N(10)
					mu.Lock()
					for tag := next; tag <= last; tag++ {
						unacked[tag] = true
					}
					mu.Unlock()
					n := a.Add(next, last, 0)
					first[n] = [2]uint64{next, last}
					open = append(open, n)
					next = last + 1
					continue
				}
				rnd.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
				some := rnd.IntN(len(open) + 1)
				mu.Lock()
				for _, n := range open[:some] {
					for tag := first[n][0]; tag <= first[n][1]; tag++ {
						settled[tag] = true
					}
				}
				mu.Unlock()
				if _, _, err := a.Settle(slices.Clone(open[:some])); err != nil {
					t.Fatal(err)
				}
				open = open[some:]
				if rnd.IntN(4) == 0 {
					time.Sleep(time.Duration(rnd.IntN(15)) * time.Second)
				}
				switch rnd.IntN(6) {
				case 0:
					a.Hold(time.Duration(1+rnd.IntN(15)) * time.Second)
				case 1:
					a.Release()
				}
			}
			a.Release()
			if acked := uint64(a.Acked()); acked != next-1 {
				t.Errorf("seed %d: %d deliveries are acked, and %d came", seed, acked, next-1)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(unacked) > 0 || !a.Idle() {
				t.Fatalf("seed %d: %d deliveries are never acked", seed, len(unacked))
			}
		})
	}
}

// While acks are held back the broker gets none, whatever is settled, and does not hold them for longer than was said: what is stored and not acked is
// stored twice after a crash. And nobody is told that the prefetch is used up, which it is on purpose.
func TestAcksAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		a := w.acker(20)
		add(a, 5)
		a.Hold(time.Second)
		if _, _, err := a.Settle([]uint64{0, 2}); err != nil {
			t.Fatal(err)
		}
		if got := a.Awaited(nil); len(got) > 0 {
			t.Errorf("chunks %v are awaited", got)
		}
		time.Sleep(time.Second - 1)
		if sent := w.take(); len(sent) > 0 || a.Acked() > 0 {
			t.Errorf("%v was sent", sent)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if sent := w.take(); !slices.Equal(sent, []sentAck{{10, true}}) || a.Acked() != 10 {
			t.Errorf("then %v was sent, and %d count as acked", sent, a.Acked())
		}
		a.Hold(time.Second)
		if _, _, err := a.Settle([]uint64{1}); err != nil {
			t.Fatal(err)
		}
		w.fail(errors.New("broken pipe"))
		a.Release()
		w.mu.Lock()
		failed := w.failed
		w.mu.Unlock()
		if failed == nil {
			t.Error("an ack that could not be sent is not told")
		}
	})
}
