package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
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
