package flow_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// lines is a log in memory.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(line))
	return len(line), nil
}

// with counts the lines that have a text; "" is in all.
func (l *lines) with(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (g *rig) logged() *lines {
	l := &lines{}
	g.p.Log = slog.New(slog.NewTextHandler(l, nil))
	return l
}

// An outage is two lines, however long it is and however often what is tried. An operator must find them.
func TestAnOutageIsTwoLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.source.Follow = true
		log := g.logged()
		g.source.FailOpen(errDown, errDown, errDown)
		g.output.Script = downFor(time.Hour, "none", nil)
		stop := g.start(t)
		time.Sleep(2 * time.Hour)
		for text, want := range map[string]int{"input is lost": 1, "input is back": 1, "output fails": 1, "output is well again": 1} {
			if n := log.with(text); n != want {
				t.Errorf("%q is %d times in the log, want %d", text, n, want)
			}
		}
		if n := log.with(""); n > 10 {
			t.Errorf("%d lines in all:\n%s", n, strings.Join(log.all, ""))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// An output that fails every other time must not fill the disk with its log.
func TestAFlappingOutputIsLoggedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		g.source.Follow = true
		g.p.Workers = 1
		log := g.logged()
		var steady atomic.Bool
		g.output.Script = func(n int, _ *engine.Batch) enginetest.Step {
			if !steady.Load() && n%2 == 0 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		for i := range 600 {
			g.source.Send(fmt.Sprintf("m%06d", i))
			time.Sleep(time.Second)
		}
		if n := log.with("output"); n > 6 { // with the two of the first batch that was held
			t.Errorf("%d lines for %d writes in ten minutes", n, g.output.Calls())
		}
		steady.Store(true)
		for i := range 200 {
			g.source.Send(fmt.Sprintf("n%06d", i))
			time.Sleep(time.Second)
		}
		if last := log.all[len(log.all)-1]; !strings.Contains(last, "output is well again") {
			t.Errorf("the last line is %q, want that the output is well again", last)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A dead letter that does not take one message works; the log must not say all the time that it does not. It must say once that one is
// stuck, also where that one was always written with others and the dead letter never failed as a whole: else nothing says why its input
// is not acked to the end.
func TestOneStuckDeadLetterIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(0)
		g.source.Follow = true
		g.source.Chunk = 1
		log := g.logged()
		g.before(rejectAll)
		var healed atomic.Bool
		g.dead.Script = func(_ int, b *engine.Batch) enginetest.Step {
			if healed.Load() {
				return enginetest.Step{}
			}
			return enginetest.Step{Fail: find(b, "m000003"), FailErr: errors.New("too large")}
		}
		stop := g.start(t)
		for i := range 3600 {
			g.source.Send(fmt.Sprintf("m%06d", i))
			if i > 10 {
				time.Sleep(time.Second)
			}
		}
		if n := log.with(""); n > 20 {
			t.Errorf("%d lines in an hour, the last is %s", n, log.all[n-1])
		}
		if n := log.with("a dead letter is stuck while others are stored"); n != 1 {
			t.Errorf("%d lines say that one is stuck:\n%s", n, strings.Join(log.all, ""))
		}
		healed.Store(true)
		time.Sleep(time.Hour)
		if n := log.with("no dead letter is stuck any more"); n != 1 {
			t.Errorf("%d lines say that none is stuck:\n%s", n, strings.Join(log.all, ""))
		}
		stop()
	})
}

var rejectAll = transform(func(b *engine.Batch) error {
	for i := range b.Messages {
		b.Reject(i, fmt.Errorf("no good: %s", b.Messages[i].Body))
	}
	return nil
})

// Whoever waits for the fallback to come home must see how far it is, and that it is done; not each batch.
func TestTheWayHomeIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(1000).withFallback()
		g.source.Follow = true
		log := g.logged()
		began := time.Now()
		g.output.Script = func(int, *engine.Batch) enginetest.Step {
			if time.Since(began) < time.Minute {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{Slow: 500 * time.Millisecond} // so that 100 batches take 50 s
		}
		stop := g.start(t)
		time.Sleep(10 * time.Minute)
		if n := log.with("fallback comes home"); n < 3 || n > 6 {
			t.Errorf("the way home is in the log %d times, want one line in ten seconds", n)
		}
		if n := log.with(`msg="fallback is home" plugin=fallback.spool batches=100 messages=1000`); n != 1 {
			t.Errorf("%d lines say that all is home:\n%s", n, strings.Join(log.all, ""))
		}
		g.finishNow(t, stop)
	})
}
