package file

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

// Branches whose names or paths were exchanged must not take each other's batches home: they would be stored where nobody looks for them.
func TestFallbackOfAnotherBranch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fallback")
	in := func(branch string) *made {
		m := &made{log: &log{}}
		out, err := New(configured(path, nil), engine.Env{Log: slog.New(slog.NewTextHandler(m.log, nil)),
			Pipeline: "logs", Branch: branch, Role: engine.RoleFallback, NewID: engine.NewID})
		if err != nil {
			t.Fatal(err)
		}
		m.fallback = out.(*Fallback)
		m.Output = m.fallback.Output
		t.Cleanup(func() { m.Close(t.Context()) })
		return m
	}
	audit := in("audit")
	mustWrite(t, audit, batch("1", "x"))
	if err := audit.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"all", ""} {
		if got := recoverAll(t, in(other), true); len(got) > 0 {
			t.Errorf("branch %q takes %d batches of another one", other, len(got))
		}
	}
	if got := recoverAll(t, in("audit"), true); len(got) != 1 || string(got[0].Messages[0].Body) != "x" {
		t.Errorf("its own branch gets %+v", got)
	}
}
