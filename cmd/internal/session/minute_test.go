package session

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// One line a minute for what a pipeline did in it, and none for one that does nothing: a quiet night must not fill the log, and what is
// unsettled must be seen although nothing moves.
func TestMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := []stats.Place{{Name: "input.a", Role: engine.RoleInput}, {Name: "output.b", Role: engine.RoleOutput}}
		busy, quiet := stats.NewPipeline("busy", place), stats.NewPipeline("quiet", place)
		var set stats.Set
		set.Replace([]*stats.Pipeline{busy, quiet})
		var text lockedText
		ctx, stop := context.WithCancel(t.Context())
		go logMinutes(ctx, slog.New(slog.NewTextHandler(&text, nil)), &set)
		lines := func() []string {
			synctest.Wait()
			return strings.FieldsFunc(text.take(), func(r rune) bool { return r == '\n' })
		}
		time.Sleep(30 * time.Second)
		busy.Observe(engine.Event{Kind: engine.Received, Plugin: "input.a", Messages: 7})
		busy.Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.b", Messages: 5, Stored: 5})
		busy.Observe(engine.Event{Kind: engine.Settled, Plugin: "input.a", Messages: 5})
		time.Sleep(30 * time.Second)
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "pipeline=busy received=7 written=5 unsettled=2") {
			t.Errorf("after a minute: %q", got)
		}
		time.Sleep(time.Minute)
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "received=0 written=0 unsettled=2") {
			t.Errorf("two are unsettled: %q", got)
		}
		busy.Observe(engine.Event{Kind: engine.Settled, Plugin: "input.a", Messages: 2})
		time.Sleep(time.Minute)
		if got := lines(); len(got) != 0 {
			t.Errorf("nothing was done, and nothing is left: %q", got)
		}
		stop()
		synctest.Wait()
	})
}

// lockedText is written by one goroutine and taken by another.
type lockedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
