package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
	"github.com/logpipe/logpipe/plugins/internal/linefile/linefiletest"
)

// The first law: what was answered, or came home, is so also after a power failure at that moment. That takes an fsync of the file
// and one of its folder, after each change.
func TestAnsweredIsDurable(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "folder", "app.ndjson")
	disk := linefiletest.Watch(t, root)
	o := open(t, engine.RoleOutput, path, func(c *Config) { c.RotateBytes = 20 })
	for range 5 { // with rotations
		mustWrite(t, o, batch("", "0123456"))
		disk.WantDurable(t, root)
	}
	mustClose(t, o)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("half")
	f.Close()
	mustWrite(t, open(t, engine.RoleOutput, path, nil), batch("", "x"))
	disk.WantDurable(t, root)
	if _, err := os.Stat(path + linefile.Partial); err != nil {
		t.Error(err)
	}
}

// What could not be made durable is taken away, and that for good: else it would come back beside its second attempt.
func TestFailedSyncIsDurable(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "app.ndjson")
	o := open(t, engine.RoleOutput, path, nil)
	disk := linefiletest.Watch(t, root)
	for _, body := range []string{"", "one"} {
		if body != "" {
			mustWrite(t, o, batch("", body))
		}
		o.use(path).live.sync = func(*os.File) error { return errors.New("input/output error") }
		if err := o.Write(t.Context(), batch("", "two")); err == nil {
			t.Fatal("answered")
		}
		disk.WantDurable(t, root)
		o.files[path].live.sync = linefile.Fsync
		files, _ := linefile.RotatedFiles(path)
		if len(files) != len(body)/3 {
			t.Errorf("put aside: %q", files)
		}
	}
	mustWrite(t, o, batch("", "two"))
	disk.WantDurable(t, root)
}

func TestHomeIsDurable(t *testing.T) {
	root := t.TempDir()
	o := fallback(t, filepath.Join(root, "failed.ndjson"))
	for _, id := range []string{"1", "2", "3"} {
		mustWrite(t, o, batch(id, "x"))
	}
	disk := linefiletest.Watch(t, root)
	in := recovering(t, o)
	for range 3 {
		b := mustRead(t, in)
		disk.WantDurable(t, root)
		mustAck(t, in, b.Tag) // the first two are noted, with the third the file goes
		disk.WantDurable(t, root)
	}
	mustWrite(t, o, batch("4", "x"))
	spoil(t, o.file, `"count":1`, 1, `"count":7`)
	disk = linefiletest.Watch(t, root)
	wantEOF(t, in)
	disk.WantDurable(t, root)
	if left := names(t, root); len(left) != 1 || !strings.HasSuffix(left[0], ".corrupt") {
		t.Errorf("left behind %q", left)
	}
}

// A leader that panics must not leave the others waiting for ever, or the pipeline would hold their batches without a word.
func TestPanickingLeaderHandsOver(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "app.ndjson"), nil)
	g := &o.use(o.file).group
	followed := make(chan error, 1)
	g.live.sync = func(*os.File) error {
		go func() { followed <- o.Write(t.Context(), batch("", "second")) }()
		wait(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.queue) == 1 })
		g.live.sync = (*os.File).Sync
		panic("disk driver")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		o.Write(t.Context(), batch("", "first"))
	}()
	if err := <-followed; err != nil {
		t.Error(err)
	}
	if got := content(t, o.file); got != "second\n" {
		t.Errorf("file: %q", got)
	}
}
