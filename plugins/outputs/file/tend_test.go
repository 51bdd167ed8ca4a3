package file

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// Whoever ships rotated files waits for them: the last lines of a quiet hour must not lie in a file that is never rotated, be it open
// or closed to make room for others.
func TestQuietFilesAreRotated(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"open", "known"} {
		// The disk's clock is not the bubble's: the age counts from the time that the file has.
		if err := os.WriteFile(filepath.Join(dir, name+".ndjson"), []byte("old\n"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		o := open(t, engine.RoleOutput, "", func(c *Config) { partitioned(dir + "/")(c); c.RotateAge = time.Hour })
		for _, name := range []string{"known", "open"} {
			path := filepath.Join(dir, name+".ndjson")
			if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
			b := batch("", "new")
			b.Partition = "source=" + name
			mustWrite(t, o, b)
		}
		o.mu.Lock()
		o.makeRoom()
		o.mu.Unlock()
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]string{"known.ndjson", "open.ndjson"}, names(t, dir)); d != "" {
			t.Errorf("before (-want +got):\n%s", d)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]string{"known.TIME.ndjson", "open.TIME.ndjson"}, names(t, dir)); d != "" {
			t.Errorf("after (-want +got):\n%s", d)
		}
		if o.timer != nil {
			t.Error("the timer runs for nothing")
		}
		mustClose(t, o)
	})
}

// Half a line from before a crash must not stay at the end of a file that nobody writes to: its readers would take it for a log.
func TestRepairsAtTheStart(t *testing.T) {
	dir := t.TempDir()
	o := open(t, engine.RoleOutput, filepath.Join(dir, "app.ndjson"), nil)
	if err := os.WriteFile(o.file, []byte("one\nhal"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := o.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := content(t, o.file); got != "one\n" || !strings.Contains(o.log.String(), "middle of a write") {
		t.Errorf("%q; log: %s", got, o.log)
	}
}

// A recovery that takes the file away while the start looks at it must not find an empty one in its place: an operator, and whoever waits
// until all is home, would take it for something that is left.
func TestTheStartMakesNoFile(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "app.ndjson"), nil)
	if err := os.WriteFile(o.file, []byte("one\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	checked := make(chan error)
	claims := linefile.NewClaims(slog.New(slog.DiscardHandler))
	claim, err := claims.Take(t.Context(), o.file, func(path string) string {
		go func() { checked <- o.Check(t.Context()) }()
		waitsForLock(t, path)
		return linefile.Rotated(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-checked; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

// waitsForLock waits until this process has the file open twice: by its claim, and by who waits for it.
func waitsForLock(t *testing.T, path string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		open := 0
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && to == path {
				open++
			}
		}
		if open >= 2 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nobody waits for the lock")
}
