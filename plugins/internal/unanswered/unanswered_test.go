package unanswered

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A condition that never has an answer says so at once, and does not fill the disk with it.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&out, nil)), "kept")
		for range 1000 {
			l.Add(errors.New("no status"))
		}
		time.Sleep(every)
		l.Add(errors.New("no status"))
		l.Add(errors.New("no status"))
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "and are kept\" messages=1 last=\"no status\"") || !strings.Contains(lines[1], "messages=1000") {
			t.Errorf("the log has\n%s", out.String())
		}
	})
}
