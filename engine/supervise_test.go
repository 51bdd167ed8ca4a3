package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// A pipeline that cannot start for a night is one line of the log, not one for each start: the line with another cause would be lost among them.
func TestFailsAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		cause, starts := errors.New("no such queue"), 0
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = engine.Supervise(ctx, []engine.Spec{{Name: "logs", Log: slog.New(slog.NewTextHandler(&text, nil)),
				Build: func() (*engine.Pipeline, error) { starts++; return nil, cause }}})
		}()
		said := func() int { synctest.Wait(); return strings.Count(text.String(), "starting it again") }
		time.Sleep(time.Hour)
		if n := said(); n != 1 || starts < 50 {
			t.Errorf("%d lines for %d starts with one cause", n, starts)
		}
		cause = errors.New("access refused")
		time.Sleep(time.Hour)
		if n := said(); n != 2 || !strings.Contains(text.String(), "access refused") || !strings.Contains(text.String(), " in=") {
			t.Errorf("%d lines after a second cause: %s", n, text.String())
		}
		stop()
		<-ended
	})
}
