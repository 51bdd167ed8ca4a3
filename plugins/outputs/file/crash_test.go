package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

func childOutput(args []string) (engine.Output, error) {
	cfg := configured(args[0], func(c *Config) { c.Compression = args[2] })
	return New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler), Role: engine.Role(args[1]), NewID: engine.NewID})
}

// crashBatch is what a child writes under an id: of a size that takes several pages, so that a kill can hit the middle of it.
func crashBatch(id string) *engine.Batch {
	n, _ := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	b := &engine.Batch{ID: id, Time: noon}
	for i := range 1 + n%50 {
		b.Messages = append(b.Messages, engine.Message{Body: fmt.Appendf(nil, "%s %d %s", id, i, strings.Repeat("x", n*977%20000)), Time: noon})
	}
	return b
}

// writeForEver writes from several goroutines, and says each id that was answered.
func writeForEver(args []string) error {
	o, err := childOutput(args)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := w; ; i += 3 {
				id := fmt.Sprintf("%s-%d", args[3], i)
				if err := o.Write(context.Background(), crashBatch(id)); err != nil {
					os.Stdout.WriteString("error: " + err.Error() + "\n")
					return
				}
				os.Stdout.WriteString(id + "\n") // one system call: it is said or not
			}
		})
	}
	wg.Wait()
	return nil
}

// recoverForEver brings home, and says each id and that it was acked.
func recoverForEver(args []string) error {
	o, err := childOutput(args)
	if err != nil {
		return err
	}
	in := o.(*Fallback).Recovery()
	if err := in.Open(context.Background()); err != nil {
		return err
	}
	for {
		b := &engine.Batch{}
		err := in.Read(context.Background(), b)
		if err == io.EOF {
			continue
		}
		if err != nil {
			return err
		}
		if err := sameAsWritten(b); err != nil {
			return err
		}
		os.Stdout.WriteString(b.ID + "\n")
		if err := in.Ack(context.Background(), []uint64{b.Tag}); err != nil {
			return err
		}
	}
}

func sameAsWritten(b *engine.Batch) error {
	if d := cmp.Diff(crashBatch(b.ID).Messages, b.Messages, same); d != "" {
		return fmt.Errorf("batch %s is not as it was written: %.300s", b.ID, d)
	}
	return nil
}

// runAndKill starts children, lets them say n lines together, and kills them with a signal that nobody can catch.
func runAndKill(t *testing.T, n int, kids ...[]string) (said []string) {
	t.Helper()
	lines := make(chan string)
	var wg sync.WaitGroup
	var kill []func()
	for _, kid := range kids {
		cmd := child(t, kid[0], kid[1:]...)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		kill = append(kill, func() { cmd.Process.Signal(syscall.SIGKILL) })
		wg.Go(func() {
			for s := bufio.NewScanner(out); s.Scan(); {
				lines <- s.Text()
			}
			cmd.Wait()
		})
	}
	go func() { wg.Wait(); close(lines) }()
	for line := range lines {
		if strings.Contains(line, " ") {
			t.Errorf("child: %s", line)
		}
		if said = append(said, line); len(said) == n {
			for _, k := range kill {
				k()
			}
		}
	}
	return said
}

// The promise itself: whatever a fallback answered is there after a kill at any moment, whole, and nothing that is half there is
// delivered. Two processes write one file, in each of several lives, each of which goes on where the last one was killed.
func TestKilledWriters(t *testing.T) {
	for _, compression := range compressions {
		t.Run(string(compression), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "failed.ndjson")
			answered := map[string]bool{}
			for life := range 6 {
				one := []string{"write", path, "fallback", string(compression), fmt.Sprintf("a%d", life)}
				two := []string{"write", path, "fallback", string(compression), fmt.Sprintf("b%d", life)}
				for _, id := range runAndKill(t, 5+rand.IntN(40), one, two) {
					answered[id] = true
				}
			}
			o := open(t, engine.RoleFallback, path, func(c *Config) { c.Compression = string(compression) })
			home := map[string]int{}
			for _, b := range recoverAll(t, o, true) {
				home[b.ID]++
				if err := sameAsWritten(b); err != nil {
					t.Error(err)
				}
			}
			for id := range answered {
				if home[id] != 1 {
					t.Errorf("batch %s was answered, and came home %d times", id, home[id])
				}
			}
			if left := names(t, filepath.Dir(path)); len(left) != 0 {
				t.Errorf("left behind %q; log: %s", left, o.log)
			}
		})
	}
}

// Kills of the recovery as well: each batch comes home at least once, and no more than the one that was on its way is repeated.
func TestKilledRecovery(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failed.ndjson")
	answered, home := map[string]bool{}, map[string]int{}
	const lives = 6
	for life := range lives {
		for _, id := range runAndKill(t, 30, []string{"write", path, "fallback", "none", fmt.Sprint("w", life)}) {
			answered[id] = true
		}
		for _, id := range runAndKill(t, 20, []string{"recover", path, "fallback", "none"}) {
			home[id]++
		}
	}
	o := fallback(t, path)
	for _, b := range recoverAll(t, o, true) {
		home[b.ID]++
	}
	repeated := 0
	for id := range answered {
		if home[id] == 0 {
			t.Errorf("batch %s was answered, and is lost", id)
		}
		repeated += max(0, home[id]-1)
	}
	if repeated > lives {
		t.Errorf("%d batches came home again after %d kills", repeated, lives)
	}
	if left := names(t, filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind %q; log: %s", left, o.log)
	}
}

// Plain files: what was answered is in there, and every line is a whole one once somebody has written again.
func TestKilledWritersOfLines(t *testing.T) {
	for _, compression := range compressions {
		t.Run(string(compression), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.ndjson")
			var answered []string
			for life := range 6 {
				one := []string{"write", path, "output", string(compression), fmt.Sprintf("a%d", life)}
				two := []string{"write", path, "output", string(compression), fmt.Sprintf("b%d", life)}
				answered = append(answered, runAndKill(t, 5+rand.IntN(40), one, two)...)
			}
			o := open(t, engine.RoleOutput, path, func(c *Config) { c.Compression = string(compression) })
			mustWrite(t, o, batch("", "end"))
			records, err := encode.ReadAll(bytes.NewReader([]byte(content(t, o.file))), encode.Lines, compression)
			if err != nil {
				t.Fatalf("the file is not whole: %v", err)
			}
			there := map[string]bool{}
			for _, r := range records {
				there[string(r.Body)] = true
			}
			for _, id := range answered {
				for _, m := range crashBatch(id).Messages {
					if !there[string(m.Body)] {
						t.Fatalf("a line of %s was answered, and is lost", id)
					}
				}
			}
			delete(there, "end")
			for line := range there {
				if !isWhole(line) {
					t.Errorf("half a line: %.60q", line)
				}
			}
		})
	}
}

// isWhole reports whether a line is one of a crashBatch.
func isWhole(line string) bool {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return false
	}
	i, err := strconv.Atoi(fields[1])
	messages := crashBatch(fields[0]).Messages
	return err == nil && i < len(messages) && string(messages[i].Body) == line
}

// Every cut of the last write is found, and nothing of the writes before it is touched.
func TestEndOfTheLastWholeWrite(t *testing.T) {
	for _, compression := range compressions {
		for _, role := range []engine.Role{engine.RoleOutput, engine.RoleFallback} {
			t.Run(fmt.Sprintf("%s %s", compression, role), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "app.ndjson")
				o := open(t, role, path, func(c *Config) { c.Compression = string(compression) })
				mustWrite(t, o, batch("1", "one", strings.Repeat("x", 100)))
				whole := content(t, o.file)
				mustWrite(t, o, batch("2", strings.Repeat("abc", 70)))
				all := content(t, o.file)
				for n := len(whole); n <= len(all); n++ {
					os.RemoveAll(filepath.Dir(path))
					if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(o.file, []byte(all[:n]), 0o640)); err != nil {
						t.Fatal(err)
					}
					again := open(t, role, path, func(c *Config) { c.Compression = string(compression) })
					mustWrite(t, again, batch("3", "three"))
					got := content(t, o.file)
					kept := whole
					if n == len(all) {
						kept = all
					}
					if !strings.HasPrefix(got, kept) || len(got) != len(kept)+lengthOf(t, role, compression, batch("3", "three")) {
						t.Fatalf("cut at %d of %d: %d bytes", n, len(all), len(got))
					}
					cut := n > len(whole) && n < len(all)
					if logged := strings.Contains(again.log.String(), "middle of a write"); logged != cut {
						t.Fatalf("cut at %d: log %s", n, again.log)
					}
					partial, err := os.ReadFile(o.file + linefile.Partial)
					if keep := cut && role == engine.RoleOutput; keep != (err == nil) || keep && !strings.HasPrefix(string(partial), all[len(whole):n]) {
						t.Fatalf("cut at %d: kept %q, %v", n, partial, err)
					}
				}
			})
		}
	}
}

func lengthOf(t *testing.T, role engine.Role, compression encode.Compression, b *engine.Batch) int {
	o := open(t, role, filepath.Join(t.TempDir(), "x"), func(c *Config) { c.Compression = string(compression) })
	mustWrite(t, o, b)
	return len(content(t, o.file))
}

// After a failed fsync nobody knows what the disk has, and the next fsync would say that all is well.
func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	broken := errors.New("input/output error")
	fail := true
	live := o.use(o.file).live
	live.sync = func(f *os.File) error {
		if fail {
			return broken
		}
		return f.Sync()
	}
	if err := o.Write(t.Context(), batch("2", "x")); !errors.Is(err, broken) || engine.IsPermanent(err) {
		t.Fatalf("a write that may be lost was answered with %v", err)
	}
	if d := cmp.Diff([]string{"failed.TIME.ndjson"}, names(t, dir)); d != "" {
		t.Errorf("the file is not put aside (-want +got):\n%s", d)
	}
	fail = false
	mustWrite(t, o, batch("2", "x"))
	got := ids(recoverAll(t, o, true))
	if !slices.Equal(got, []string{"1", "2", "2"}) && !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("came home: %q", got)
	}
}

// A disk that fails for long must not get a file, and a copy of the batch, for each attempt.
func TestFailedSyncsLeaveOneCopy(t *testing.T) {
	for _, first := range []bool{true, false} {
		dir := t.TempDir()
		o := open(t, engine.RoleOutput, filepath.Join(dir, "app.ndjson"), nil)
		if first {
			mustWrite(t, o, batch("0", "zero"))
		}
		live := o.use(o.file).live
		live.sync = func(*os.File) error { return errors.New("input/output error") }
		for range 20 {
			if err := o.Write(t.Context(), batch("1", "one")); err == nil {
				t.Fatal("a write that may be lost was answered")
			}
		}
		live.sync = (*os.File).Sync
		mustWrite(t, o, batch("1", "one"))
		want, all := []string{"app.ndjson"}, ""
		if first {
			want = []string{"app.TIME.ndjson", "app.ndjson"}
		}
		if d := cmp.Diff(want, names(t, dir)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			all += content(t, f)
		}
		if strings.Count(all, "one") != 1 || strings.Contains(all, "zero") != first {
			t.Errorf("the files have %q", all)
		}
	}
}

// As above, and the file cannot be put aside either: nothing may be appended to it until it is.
func TestFailedSyncAndRename(t *testing.T) {
	dir := t.TempDir()
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	mutable := immutable(t, dir)
	defer mutable()
	live := o.use(o.file).live
	live.sync = func(*os.File) error { return errors.New("input/output error") }
	if err := o.Write(t.Context(), batch("2", "x")); err == nil || !strings.Contains(err.Error(), "input/output error") {
		t.Fatal(err)
	}
	live.sync = (*os.File).Sync
	before := content(t, o.file)
	if err := o.Write(t.Context(), batch("2", "x")); err == nil || !strings.Contains(err.Error(), "its end is unknown") {
		t.Errorf("a write behind an unknown end: %v", err)
	}
	if content(t, o.file) != before {
		t.Error("the file was written to")
	}
	mutable()
	mustWrite(t, o, batch("3", "x"))
	if got := content(t, o.file); strings.Count(got, "logpipe_batch") != 1 {
		t.Errorf("not a new file: %s", got)
	}
}

// Another program appends without the lock, between our look at the size and our write: from then on offsets mean nothing.
func TestAppendFromOutside(t *testing.T) {
	o := fallback(t, filepath.Join(t.TempDir(), "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	live := o.use(o.file).live
	part := content(t, o.file)
	if err := live.hold(t.Context(), int64(len(part))); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(o.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"n": 1}` + "\n")
	f.Close()
	if err := live.write([][]byte{[]byte(part)}, int64(len(part))); err != nil {
		t.Fatal(err)
	}
	if end := live.end(live.whole + int64(len(part))); end != 0 {
		t.Errorf("the file counts as whole up to %d", end)
	}
	live.letGo()
}

// A full disk takes nothing of a batch, all that was there before stays, and it goes on when there is room.
func TestDiskFull(t *testing.T) {
	for _, role := range []engine.Role{engine.RoleOutput, engine.RoleFallback} {
		t.Run(string(role), func(t *testing.T) {
			dir := mount(t, "size=256k")
			o := open(t, role, filepath.Join(dir, "app.ndjson"), nil)
			t.Cleanup(func() { o.Close(context.Background()) })
			small, large := batch("1", "small"), batch("2", strings.Repeat("x", 100_000), strings.Repeat("y", 200_000))
			mustWrite(t, o, small)
			before := content(t, o.file)
			for range 3 {
				if err := o.Write(t.Context(), large); !errors.Is(err, unix.ENOSPC) || engine.IsPermanent(err) || !strings.Contains(err.Error(), o.file) {
					t.Fatalf("a full disk: %v", err)
				}
				if got := content(t, o.file); got != before {
					t.Fatalf("half a batch is left: %d bytes, want %d", len(got), len(before))
				}
			}
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=1m"); err != nil {
				t.Fatal(err)
			}
			mustWrite(t, o, large)
			if got := content(t, o.file); !strings.HasPrefix(got, before) || len(got) < 300_000 {
				t.Errorf("%d bytes", len(got))
			}
			if d := cmp.Diff([]string{"app.ndjson"}, names(t, dir)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Coming home is what frees a full disk, so it must not need room itself.
func TestRecoveryOnAFullDisk(t *testing.T) {
	dir := mount(t, "size=256k")
	o := fallback(t, filepath.Join(dir, "failed.ndjson"))
	mustWrite(t, o, batch("1", "x"))
	mustWrite(t, o, batch("2", "y"))
	mustClose(t, o)
	fill(t, dir)
	if got := ids(recoverAll(t, o, true)); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("came home: %q", got)
	}
	if d := cmp.Diff([]string{"filler"}, names(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !strings.Contains(o.log.String(), "no space left") {
		t.Errorf("log: %s", o.log)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := mount(t, "size=256k")
	o := open(t, engine.RoleOutput, filepath.Join(dir, "app.ndjson"), nil)
	mustWrite(t, o, batch("1", "x"))
	mustClose(t, o)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := o.Write(t.Context(), batch("2", "x")); !errors.Is(err, unix.EROFS) || engine.IsPermanent(err) {
		t.Errorf("write: %v", err)
	}
	if err := o.Check(t.Context()); !errors.Is(err, unix.EROFS) {
		t.Errorf("check: %v", err)
	}
}

func writeOnce(args []string) error {
	o, err := childOutput(args)
	if err != nil {
		return err
	}
	check := o.(engine.Checker).Check(context.Background())
	return fmt.Errorf("write: %w; check: %w", o.Write(context.Background(), batch("1", "x")), check)
}

// A process without rights says which file it cannot write.
func TestPermissionDenied(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give the child another user")
	}
	dir, err := os.MkdirTemp("/tmp", "logpipe-file-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	text, err := os.ReadFile(os.Args[0])
	if err := errors.Join(err, os.Chmod(dir, 0o755), os.WriteFile(program, text, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := child(t, "write once", filepath.Join(dir, "app.ndjson"), "output", "none")
	cmd.Path, cmd.Dir, cmd.Stderr = program, dir, nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, _ := cmd.Output()
	want := fmt.Sprintf("write: open %s/app.ndjson: permission denied; check: write to %s: permission denied\n", dir, dir)
	if string(out) != want {
		t.Errorf("got  %swant %s", out, want)
	}
}

func TestPathsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "folder"), 0o755), os.WriteFile(filepath.Join(dir, "file"), nil, 0o644), os.Symlink("nowhere", filepath.Join(dir, "dangling"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "folder"):       "folder",
		filepath.Join(dir, "file", "x"):    "file",
		filepath.Join(dir, "dangling"):     "follow the symbolic link",
		filepath.Join(dir, "file/x/y/z"):   "file",
		"/dev/null":                        "is not a regular file",
		"/proc/sys/kernel/logpipe/nowhere": "/proc/sys/kernel",
	} {
		o := open(t, engine.RoleOutput, path, nil)
		if err := o.Write(t.Context(), batch("1", "x")); err == nil || engine.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("write to %s: %v", path, err)
		}
		if err := o.Check(t.Context()); err == nil && !strings.HasPrefix(path, "/proc") {
			t.Errorf("check of %s finds nothing wrong", path)
		}
	}
}

func TestCheckMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, engine.RoleOutput, filepath.Join(dir, "a", "b", "app.ndjson"), nil).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := open(t, engine.RoleOutput, "", partitioned(filepath.Join(dir, "c")+"/")).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("made %q", got)
	}
}
