package flow_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine/flow"
)

// A pipeline that cannot start for a night is one line of the log, not one for each start: the line with another cause would be lost among them.
func TestFailsAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // of all that the builds share with this test
		var text bytes.Buffer
		cause, starts := errors.New("no such queue"), 0
		locked := writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return text.Write(p)
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = flow.Supervise(ctx, []flow.Spec{{Name: "logs", Log: slog.New(slog.NewTextHandler(locked, nil)),
				Build: func() (*flow.Pipeline, error) {
					mu.Lock()
					defer mu.Unlock()
					starts++
					return nil, cause
				}}})
		}()
		said := func() int { return strings.Count(text.String(), "starting it again") }
		time.Sleep(time.Hour)
		synctest.Wait()
		mu.Lock()
		if n := said(); n != 1 || starts < 50 {
			t.Errorf("%d lines for %d starts with one cause", n, starts)
		}
		cause = errors.New("access refused")
		mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if n := said(); n != 2 || !strings.Contains(text.String(), "access refused") || !strings.Contains(text.String(), " in=") {
			t.Errorf("%d lines after a second cause: %s", n, text.String())
		}
		stop()
		<-ended
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
