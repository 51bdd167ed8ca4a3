package linefile

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// claims takes files for a test.
func claims() *Claims { return NewClaims(slog.New(slog.DiscardHandler)) }

// take claims a file as a file input does.
func take(t *testing.T, path string) *Claim {
	t.Helper()
	c, err := claims().Take(t.Context(), path, Claimed)
	if err != nil || c == nil {
		t.Fatalf("take %s: %v, %v", path, c, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Two that read one file would deliver it twice, and the first to finish would remove it under the other.
func TestClaimIsExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "x")
	c := take(t, path)
	if other, err := claims().TakeOver(c.Path); other != nil || err != nil {
		t.Errorf("a claim was taken a second time: %v, %v", other, err)
	}
	if other, err := claims().Take(t.Context(), path, Claimed); other != nil || err != nil {
		t.Errorf("a file that is gone was taken: %v, %v", other, err)
	}
	claimed := c.Path
	c.Close() // as the death of its process does
	again, err := claims().TakeOver(claimed)
	if again == nil || err != nil {
		t.Fatalf("the claim of a dead process stays for ever: %v", err)
	}
	if err := again.Remove(); err != nil {
		t.Fatal(err)
	}
	if other, err := claims().TakeOver(claimed); other != nil || err != nil {
		t.Errorf("a removed file was taken: %v, %v", other, err)
	}
}

// Between open and lock the owner of a claim may finish with it. Who gets the lock then has a file without a name, or with a
// name that says it is done.
func TestClaimThatEndsMeanwhile(t *testing.T) {
	dir := t.TempDir()
	for range 100 {
		path := filepath.Join(dir, "app.log")
		write(t, path, "x")
		c := take(t, path)
		claimed := c.Path
		var wg sync.WaitGroup
		var ended atomic.Bool
		for range 4 {
			wg.Go(func() {
				for !ended.Load() {
					if other, err := claims().TakeOver(claimed); other != nil || err != nil {
						t.Errorf("took %v, %v", other, err)
						return
					}
				}
			})
		}
		if err := c.Remove(); err != nil {
			t.Fatal(err)
		}
		ended.Store(true)
		wg.Wait()
	}
}

// The same, when it happens in the one moment that matters.
func TestClaimThatEndsBeforeItsLock(t *testing.T) {
	defer func() { beforeLock = func() {} }()
	path := filepath.Join(t.TempDir(), "app.log")
	for name, end := range map[string]func(*Claim) error{
		"removed": (*Claim).Remove,
		"kept":    func(c *Claim) error { return c.Keep(path, Delivered) },
	} {
		write(t, path, "x")
		c := take(t, path)
		claimed := c.Path
		beforeLock = func() {
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			write(t, claimed, "another")
		}
		if other, err := claims().TakeOver(claimed); other != nil || err != nil {
			t.Errorf("a file that was %s was taken: %v, %v", name, other, err)
		}
	}
}

// A writer that opened the file before it was claimed must not wait for the whole recovery.
func TestHoldGivesUpAClaimedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "x")
	writer, err := OpenAppend(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	held := make(chan error, 1)
	claim, err := claims().Take(t.Context(), path, func(path string) string { // while the lock is held
		go func() {
			ok, err := Hold(t.Context(), writer, path)
			if ok {
				err = errors.New("the writer has the lock of a claim")
			}
			held <- err
		}()
		return Rotated(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	if err := <-held; err != nil {
		t.Error(err)
	}
}

func TestHoldSaysWhoeverHasTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "x")
	locked, err := claims().lockFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Close()
	f, err := OpenAppend(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ok, err := Hold(t.Context(), f, path)
		if ok || !errors.Is(err, errHeld) || time.Since(start) != holdPatience {
			t.Errorf("%v and %v after %v", ok, err, time.Since(start))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stop")
		time.AfterFunc(time.Second, func() { cancel(stop) })
		if ok, err := Hold(ctx, f, path); ok || !errors.Is(err, stop) {
			t.Errorf("%v and %v", ok, err)
		}
	})
}

// A rename back must never replace a file that was made in the meantime.
func TestGiveBack(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	write(t, path, "old")
	c := take(t, path)
	write(t, path, "new")
	c.GiveBack(path)
	if text, _ := os.ReadFile(path); string(text) != "new" {
		t.Errorf("the new file has %q", text)
	}
	if text, _ := os.ReadFile(c.Path); string(text) != "old" {
		t.Errorf("the claim has %q", text)
	}
	os.Remove(path)
	again, err := claims().TakeOver(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	claimed := again.Path
	again.GiveBack(path)
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the file has %q", text)
	}
	if exists(claimed) || exists(claimed+Done) {
		t.Error("the claim, or a list of nothing, is still there")
	}
}

// Two that keep a file under one name at once must both keep theirs.
func TestKeepReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	write(t, path+Delivered, "first")
	write(t, path, "second")
	c := take(t, path)
	if err := c.Keep(path, Delivered); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path + Delivered); string(text) != "first" {
		t.Errorf("the kept file has %q", text)
	}
	if text, _ := os.ReadFile(c.Path); string(text) != "second" || !strings.HasSuffix(c.Path, Delivered) {
		t.Errorf("the second file, %s, has %q", c.Path, text)
	}
}

// What somebody took away is not there to be removed or kept, and what he put in its place is not ours: to remove it is to lose it.
func TestFileThatSomebodyReplaced(t *testing.T) {
	for name, end := range map[string]func(*Claim, string) error{
		"remove": func(c *Claim, _ string) error { return c.Remove() },
		"keep":   func(c *Claim, path string) error { return c.Keep(path, Delivered) },
	} {
		for _, another := range []string{"", "another"} {
			path := filepath.Join(t.TempDir(), "app.log")
			write(t, path, "x")
			c := take(t, path)
			claimed := c.Path
			if err := os.Remove(claimed); err != nil {
				t.Fatal(err)
			}
			if another != "" {
				write(t, claimed, another)
			}
			if err := end(c, path); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if text, _ := os.ReadFile(claimed); string(text) != another {
				t.Errorf("%s: the file in its place has %q", name, text)
			}
		}
	}
}

// A neighbour that looks for lists without a file must find none of a claim that is taken over: what it notes would come again.
func TestNeighboursLeaveListsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "x")
	c := take(t, path)
	clean := func() {
		lists, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"+Done))
		if err != nil || len(lists) != 1 {
			t.Fatalf("%q, %v", lists, err)
		}
		RemoveOrphans(lists)
	}
	c.Notes.Add(Span{0, 1})
	c.Notes.Write()
	clean()
	c.Close()
	for range 2 {
		again, err := claims().TakeOver(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		clean()
		if to, _ := again.Notes.End(0); to != 1 || again.Path != c.Path {
			t.Errorf("settled up to %d of %s", to, again.Path)
		}
		again.GiveBack(path)
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string][2]string{
		"app.ndjson":    {"app.", ".ndjson"},
		"app.ndjson.gz": {"app.", ".ndjson.gz"},
		"app.zst":       {"app.", ".zst"},
		"app":           {"app.", ""},
		".log":          {".log.", ""},
		"a.b/c":         {"a.b/c.", ""},
	} {
		if before, after := split(path); before != want[0] || after != want[1] {
			t.Errorf("%s: %q %q", path, before, after)
		}
	}
	path := filepath.Join(dir, "app.ndjson.gz")
	var want []string
	for range 12 { // within one tick of a coarse clock a counter tells them apart
		name := Rotated(path)
		write(t, name, "")
		want = append(want, name)
	}
	for _, other := range []string{"app.ndjson.gz", "app.x.ndjson.gz", "other.20240506T120000.000000000Z.ndjson.gz", "app.20240506T120000.000000000Z-.ndjson.gz",
		"app.20240506T120000.000000000Z.ndjson.gz.corrupt", "app.20240506T120000.000000000Z-x.ndjson.gz", "app.20241306T120000.000000000Z.ndjson.gz"} {
		write(t, filepath.Join(dir, other), "")
	}
	got, err := RotatedFiles(path)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if got, err := RotatedFiles(filepath.Join(dir, "no", "folder")); err != nil || got != nil {
		t.Errorf("in no folder: %v, %v", got, err)
	}
}

func TestFreshNamesInOneInstant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	synctest.Test(t, func(t *testing.T) { // where time stands still
		var want []string
		for range 12 {
			name := Rotated(path)
			write(t, name, "")
			want = append(want, name)
		}
		got, err := RotatedFiles(path)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
	})
}

func TestOriginal(t *testing.T) {
	for _, path := range []string{"/a.b/app.log", "app", "x.log.gz"} {
		if got := Original(Claimed(path)); got != path {
			t.Errorf("%s became %s", path, got)
		}
	}
	for _, path := range []string{"app.reading", "app.log.reading", "app.20240506T120000.000000000Z", "reading", ".reading"} {
		if got := Original(path); got != "" {
			t.Errorf("%s is taken for the claim of %s", path, got)
		}
	}
	if !Reserved("a.log.delivered") || Reserved("a.log") {
		t.Error("reserved names")
	}
}

func TestOpenAppend(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "app.log")
	f, err := OpenAppend(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	st, _ := os.Stat(path)
	folder, _ := os.Stat(filepath.Dir(path))
	if st.Mode().Perm() != 0o666 || folder.Mode().Perm()&^0o750 != 0 {
		t.Errorf("modes %v and %v", st.Mode(), folder.Mode())
	}
	if _, err := OpenAppend(filepath.Dir(path), 0o666); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := OpenAppend(filepath.Join(path, "x"), 0o666); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file where a folder should be: %v", err)
	}
	if _, err := OpenAppend("/dev/null", 0o666); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a device: %v", err)
	}
	link := filepath.Join(dir, "dangling")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAppend(link, 0o666); err == nil {
		t.Error("a link to nowhere was opened")
	}
}

func TestResolve(t *testing.T) {
	dir, _ := filepath.EvalSymlinks(t.TempDir())
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve(link); err == nil {
		t.Error("a link to nowhere was resolved")
	}
	write(t, target, "")
	for path, want := range map[string]string{target: target, link: target, filepath.Join(dir, "none"): filepath.Join(dir, "none")} {
		if got, err := Resolve(path); got != want || err != nil {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
	if _, err := Resolve(filepath.Join(target, "below")); err == nil || strings.Contains(err.Error(), "link") { // a file in the place of a folder, and no link
		t.Errorf("below a file: %v", err)
	}
}
