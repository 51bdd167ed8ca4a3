package memory

import (
	"io"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
)

// limits is a Limit that notes what it sets.
func limits(most int64) (l *Limit, set *[]int64) {
	set = &[]int64{}
	return &Limit{most: most, set: func(n int64) { *set = append(*set, n) }, load: func() load { return load{} }}, set
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
		"one input":                   {math.MaxInt64, Need{32 * mib, 4}, base - outside + 80*mib},
		"many workers":                {math.MaxInt64, Need{32 * mib, 20}, base - outside + 80*mib + 12*eachWorker},
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
	l := Tune()
	if l != nil {
		t.Fatal("there is a limit beside the user's")
	}
	l.Fit(Need{1, 1}, slog.New(slog.DiscardHandler))
	l.Watch(t.Context(), slog.New(slog.DiscardHandler))
}

// When more lives than was reckoned with, half of the processors would collect garbage for ever, and the logs would wait.
func TestLimitGivesWay(t *testing.T) {
	l, _ := limits(1000)
	l.put(800)
	var log strings.Builder
	to := slog.New(slog.NewTextHandler(io.Writer(&log), nil))
	now := load{}
	l.load = func() load { return now }
	look := func(share float64) int64 {
		now.all += 20
		now.collecting += share * 20
		l.look(to)
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

// A name that the runtime does not know any more would read as nothing, and the limit would never give way.
func TestReadLoad(t *testing.T) {
	runtime.GC() // it is counted then
	if l := readLoad(); l.all <= 0 || l.collecting <= 0 || l.collecting > l.all {
		t.Errorf("%+v", l)
	}
}
