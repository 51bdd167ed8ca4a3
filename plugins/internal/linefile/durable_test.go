package linefile_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
	"github.com/logpipe/logpipe/plugins/internal/linefile/linefiletest"
)

// A file of which the bytes are durable and the name is not is lost in a power failure.
func TestNamesAreDurable(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "b", "app.log")
	disk := linefiletest.Watch(t, root)
	open := func() {
		t.Helper()
		f, err := linefile.OpenAppend(path, 0o640)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		disk.WantDurable(t, root)
	}
	open()
	// Another made the file a moment ago, and may die in front of its fsync.
	if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o640)); err != nil {
		t.Fatal(err)
	}
	open()

	claims := linefile.NewClaims(slog.New(slog.DiscardHandler))
	take := func() *linefile.Claim {
		t.Helper()
		claim, err := claims.Take(t.Context(), path, linefile.Claimed)
		if err != nil {
			t.Fatal(err)
		}
		disk.WantDurable(t, root)
		return claim
	}
	if err := take().Remove(); err != nil {
		t.Fatal(err)
	}
	disk.WantDurable(t, root)

	open()
	take().GiveBack(path)
	disk.WantDurable(t, root)

	claim := take()
	claim.Notes.Add(linefile.Span{From: 0, To: 5})
	claim.Notes.Write()
	claim.GiveBack(path)
	disk.WantDurable(t, root)

	again, err := claims.TakeOver(claim.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Keep(path, linefile.Delivered); err != nil {
		t.Fatal(err)
	}
	disk.WantDurable(t, root)
}

// An empty file that nothing could be written to looks as if logs were waiting in it.
func TestFileThatCannotBeUsedDoesNotStay(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "app.log")
	sync := linefile.Fsync
	defer func() { linefile.Fsync = sync }()
	linefile.Fsync = func(*os.File) error { return errors.New("too many open files") }
	if f, err := linefile.OpenAppend(path, 0o640); err == nil {
		f.Close()
		t.Fatal("a file whose name is not durable is used")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	if err := os.WriteFile(path, []byte("kept\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if f, err := linefile.OpenAppend(path, 0o640); err == nil {
		f.Close()
		t.Fatal("a file whose name is not durable is used")
	}
	if body, err := os.ReadFile(path); string(body) != "kept\n" {
		t.Errorf("a file that was there before holds %q, %v", body, err)
	}
}

// A folder that an earlier attempt, or an earlier life, made and could not make durable must not be taken for durable because it is there.
func TestFoldersOfAnEarlierLifeAreDurable(t *testing.T) {
	root := t.TempDir()
	disk := linefiletest.Watch(t, root)
	if err := os.Mkdir(filepath.Join(root, "a"), 0o750); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "a", "b", "app.log")
	broken := errors.New("input/output error")
	disk.Fail(broken)
	if _, err := linefile.OpenAppend(path, 0o640); !errors.Is(err, broken) {
		t.Errorf("a folder that is not durable: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	disk.Fail(nil)
	f, err := linefile.OpenAppend(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	disk.WantDurable(t, root)
}
