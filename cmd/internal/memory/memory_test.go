package memory

import (
	"io"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// limits is a Limit that notes what it sets.
func limits(most int64) (l *Limit, set *[]int64) {
	set = &[]int64{}
	return &Limit{most: most, set: func(n int64) { *set = append(*set, n) }}, set
}

// Without the limit a heap grows to two and a half times of what lives, whatever that is; with one that is too small nothing else is done than
// collecting garbage.
func TestFit(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		most int64
		need Need
		want int64
	}{
		"one input":                   {math.MaxInt64, Need{30 * mib, 4}, base - outside + 60*mib},
		"many workers":                {math.MaxInt64, Need{30 * mib, 20}, base - outside + 60*mib + 12*eachWorker},
		"more than the control group": {100 * mib, Need{320 * mib, 4}, 100 * mib},
		"more than there is":          {math.MaxInt64, Need{1 << 60, 4}, math.MaxInt64},
	} {
		l, set := limits(c.most)
		if l.Fit(c.need, slog.New(slog.DiscardHandler)); len(*set) != 1 || (*set)[0] != c.want {
			t.Errorf("%s: the limit is %d, want %d", name, *set, c.want)
		}
	}
}

// A limit that is set by hand is the user's affair.
func TestTuneLeavesTheUsersLimit(t *testing.T) {
	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "1GiB")
	was := debug.SetMemoryLimit(-1)
	l := Tune()
	l.Fit(Need{1, 1}, slog.New(slog.DiscardHandler))
	l.raise(view{all: 1, collecting: 1}, slog.New(slog.DiscardHandler))
	if is := debug.SetMemoryLimit(-1); is != was {
		t.Errorf("the limit is %d and was %d", is, was)
	}
}

// A program that has logpipe in itself sees to its memory itself.
func TestNoLimit(t *testing.T) {
	var l *Limit
	l.Fit(Need{1, 1}, slog.New(slog.DiscardHandler))
	l.Watch(t.Context(), slog.New(slog.DiscardHandler))
}

// When more lives than was reckoned with, half of the processors would collect garbage for ever, and the logs would wait.
func TestLimitGivesWay(t *testing.T) {
	l, _ := limits(1000)
	l.put(800)
	var log strings.Builder
	to := slog.New(slog.NewTextHandler(io.Writer(&log), nil))
	now := view{}
	look := func(share float64) int64 {
		l.before = now
		now.all += 20
		now.collecting += share * 20
		l.raise(now, to)
		return l.now()
	}
	for i, c := range []struct {
		share float64
		want  int64
	}{{0.1, 800}, {0.3, 900}, {0.2, 900}, {0.5, 1000}, {0.5, 1000}} {
		if got := look(c.share); got != c.want {
			t.Errorf("look %d: after collecting took %v of the processors the limit is %d, want %d", i, c.share, got, c.want)
		}
	}
	if n := strings.Count(log.String(), "the limit is raised"); n != 2 {
		t.Errorf("it is said %d times:\n%s", n, log.String())
	}
}

// After a flood a process would stay as large as the flood for minutes, and its neighbours on the machine would have that much less.
func TestMemoryGoesBackWhenItIsQuiet(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		before, now view
		want        int
	}{
		"quiet":                 {view{cycles: 7}, view{cycles: 7, taken: 100 * mib, live: 10 * mib}, 1},
		"quiet, all of it held": {view{cycles: 7}, view{cycles: 7, taken: 100 * mib, live: 90 * mib}, 0},
		"busy":                  {view{cycles: 7}, view{cycles: 8, taken: 100 * mib, live: 10 * mib}, 0},
	} {
		freed := 0
		l := &Limit{free: func() { freed++ }, before: c.before}
		if l.rest(c.now); freed != c.want {
			t.Errorf("%s: freed %d times, want %d", name, freed, c.want)
		}
	}
}

// A name that the runtime does not know any more would read as nothing, and the limit would never give way.
func TestLook(t *testing.T) {
	runtime.GC() // it is counted then
	if v := look(); v.all <= 0 || v.collecting <= 0 || v.collecting > v.all || v.cycles == 0 || v.live == 0 || v.taken < v.live {
		t.Errorf("%+v", v)
	}
}
