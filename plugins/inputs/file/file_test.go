package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
	"github.com/logpipe/logpipe/plugins/internal/linefile/linefiletest"
	output "github.com/logpipe/logpipe/plugins/outputs/file"
)

// The test binary starts itself again where a second process is needed.
func TestMain(m *testing.M) {
	if os.Getenv("FILE_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	cfg := Defaults()
	cfg.Paths = os.Args[1:]
	in, _ := New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler)})
	if err := deliver(in); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// deliver says each line, then acks it.
func deliver(in engine.Input) error {
	ctx := context.Background()
	if err := in.Open(ctx); err != nil {
		return err
	}
	for {
		b := &engine.Batch{}
		err := in.Read(ctx, b)
		if err == io.EOF {
			return in.Close(ctx)
		}
		if err != nil {
			return err
		}
		var lines []byte
		for _, m := range b.Messages {
			lines = append(append(lines, m.Body...), '\n')
		}
		os.Stdout.Write(lines)
		if err := in.Ack(ctx, []uint64{b.Tag}); err != nil {
			return err
		}
	}
}

// log is a log that can be read while it is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newInput(t testing.TB, change func(*Config), paths ...string) (engine.Input, *log) {
	t.Helper()
	cfg := Defaults()
	cfg.Paths = paths
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	l := &log{}
	in, err := New(cfg, engine.Env{Log: slog.New(slog.NewTextHandler(l, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return in, l
}

func opened(t testing.TB, change func(*Config), paths ...string) (engine.Input, *log) {
	t.Helper()
	in, l := newInput(t, change, paths...)
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(context.Background()) })
	return in, l
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readAll reads to the end, or an error, and returns the lines and the tags that are not acked.
func readAll(t testing.TB, in engine.Input) (lines []string, tags []uint64, err error) {
	t.Helper()
	for {
		b := &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil {
			return lines, tags, err
		}
		for _, m := range b.Messages {
			lines = append(lines, string(m.Body))
		}
		tags = append(tags, b.Tag)
	}
}

// wantLines reads to the end and acks all.
func wantLines(t testing.TB, in engine.Input, want ...string) {
	t.Helper()
	got, tags, err := readAll(t, in)
	if err != io.EOF {
		t.Errorf("the end is %v", err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
}

// names lists a folder, with each time in a name as TIME.
func names(t testing.TB, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		parts := strings.Split(e.Name(), ".")
		for i, p := range parts {
			if len(p) == len("20060102T150405") && p[8] == 'T' {
				parts = slices.Replace(parts, i, i+2, "TIME")
				break
			}
		}
		list = append(list, strings.Join(parts, "."))
	}
	return list
}

func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, names(t, dir)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
}

func TestSuite(t *testing.T) {
	for name, files := range map[string]int{"one file": 1, "many files": 50} {
		for _, delivered := range []string{keep, remove} {
			t.Run(name+" "+delivered, func(t *testing.T) {
				enginetest.TestInput(t, enginetest.InputSuite{
					Unordered: files > 1,
					New: func(t *testing.T, bodies [][]byte) engine.Input {
						dir := t.TempDir()
						for i, body := range bodies {
							f, err := os.OpenFile(fmt.Sprintf("%s/%d.log", dir, i%files), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
							if err != nil {
								t.Fatal(err)
							}
							f.Write(append(body, '\n'))
							f.Close()
						}
						in, _ := newInput(t, func(c *Config) { c.OnDelivered = delivered }, dir+"/*.log")
						return in
					},
				})
			})
		}
	}
}

// Each line is delivered once, byte for byte, and then its file is out of the way.
func TestReadsFilesOnce(t *testing.T) {
	for _, delivered := range []string{keep, remove} {
		dir := t.TempDir()
		write(t, dir+"/b.log", "b1\r\n\n b3 \x00\xff\n")
		write(t, dir+"/a.log", "a1\nno line feed at the end")
		write(t, dir+"/empty.log", "")
		write(t, dir+"/other.txt", "x\n")
		if err := errors.Join(os.Mkdir(dir+"/folder.log", 0o755)); err != nil {
			t.Fatal(err)
		}
		in, l := opened(t, func(c *Config) { c.OnDelivered = delivered }, dir+"/*.log", dir+"/a.log")
		wantLines(t, in, "a1", "no line feed at the end", "b1\r", "", " b3 \x00\xff")
		in.Close(t.Context())
		rest := []string{"empty.log", "folder.log", "other.txt"}
		if delivered == keep {
			rest = []string{"a.log.delivered", "b.log.delivered", "empty.log", "folder.log", "other.txt"}
		}
		wantNames(t, dir, rest...)
		again, _ := opened(t, nil, dir+"/*.log", dir+"/*.delivered")
		wantLines(t, again)
		if l.String() != "" {
			t.Errorf("log: %s", l)
		}
	}
}

// A byte order mark says how a file is encoded. As a part of the first line it would make a dead letter of each file's first
// record. It is taken off once, at the very beginning, also where that is read again.
func TestMark(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "\ufeff{\"a\":1}\n\ufeff{\"a\":2}\n")
	write(t, dir+"/b.log", "\ufeffno line feed")
	write(t, dir+"/c.log", "\ufeff\n\n")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("\ufeffpacked\n"))
	z.Close()
	write(t, dir+"/d.log.gz", packed.String())
	want := []string{"{\"a\":1}", "\ufeff{\"a\":2}", "no line feed", "", "", "packed"}
	for range 2 {
		in, l := newInput(t, nil, dir+"/*")
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, _, err := readAll(t, in) // and acks nothing: it is read again
		if d := cmp.Diff(want, got); d != "" || err != io.EOF {
			t.Errorf("lines (-want +got), %v:\n%s", err, d)
		}
		if err := in.Close(t.Context()); err != nil || l.String() != "" {
			t.Errorf("%v, log: %s", err, l)
		}
	}
	in, _ := opened(t, nil, dir+"/*")
	wantLines(t, in, want...)
	wantNames(t, dir, "a.log.delivered", "b.log.delivered", "c.log.delivered", "d.log.gz.delivered")
}

// Text in UTF-16 comes byte for byte, so that nothing is lost, but as lines that nobody can read: that must be said.
func TestUTF16IsSaid(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "\xff\xfea\x00\n\x00b\x00\n\x00")
	write(t, dir+"/b.log", "well\n")
	in, l := opened(t, nil, dir+"/*")
	wantLines(t, in, "\xff\xfea\x00", "\x00b\x00", "\x00", "well")
	if n := strings.Count(l.String(), "UTF-16"); n == 0 || !strings.Contains(l.String(), "a.log") || strings.Contains(l.String(), "b.log") {
		t.Errorf("log: %s", l)
	}
}

// A second file of the same name must not replace the one that is kept.
func TestKeepsEveryFile(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		write(t, dir+"/a.log", fmt.Sprintf("%d\n", i))
		in, _ := opened(t, nil, dir+"/a.log")
		wantLines(t, in, fmt.Sprint(i))
		in.Close(t.Context())
	}
	wantNames(t, dir, "a.log.TIME.delivered", "a.log.TIME.delivered", "a.log.delivered")
}

func TestUnpacks(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	for _, part := range []string{"one\n", "two\n"} { // two members, as the file output appends them
		z := gzip.NewWriter(&packed)
		z.Write([]byte(part))
		z.Close()
	}
	write(t, dir+"/a.log.gz", packed.String())
	z, _ := zstd.NewWriter(nil)
	write(t, dir+"/b.log.zst", string(z.EncodeAll([]byte("three\n"), nil)))
	in, _ := opened(t, nil, dir+"/*.gz", dir+"/*.zst")
	wantLines(t, in, "one", "two", "three")
	wantNames(t, dir, "a.log.gz.delivered", "b.log.zst.delivered")
}

// What cannot be read is never removed, never silently taken for read, and no reason not to read the others.
func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("one\ntwo\n"))
	z.Close()
	write(t, dir+"/cut.gz", packed.String()[:packed.Len()-5])
	write(t, dir+"/garbage.gz", "this is not gzip")
	write(t, dir+"/garbage.zst", "this is not zstd")
	write(t, dir+"/long.log", "three\n"+strings.Repeat("x", 1001)+"\nfour\n")
	write(t, dir+"/well.log", "five\n")
	in, l := opened(t, func(c *Config) { c.OnDelivered, c.MaxLineBytes = remove, 1000 }, dir+"/*")
	got, tags, err := readAll(t, in)
	if d := cmp.Diff([]string{"one", "two", "three", "four", "five"}, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	wantNames(t, dir, "cut.gz.failed", "garbage.gz.failed", "garbage.zst.failed", "long.log.failed")
	for _, want := range []string{"unexpected EOF", "gzip: invalid header", "magic number mismatch", "the line at bytes 6 to 1008 is longer than 1000B"} {
		if !strings.Contains(l.String(), want) || !strings.Contains(err.Error(), want) {
			t.Errorf("log does not say %q, or the end does not (%v): %s", want, err, l)
		}
	}
}

// A finite input that left something must not look like success, or a batch job that lost a file would be green. And it must come to
// an end: to read again would bring nothing more. An earlier connection's news count, too.
func TestEndThatLeavesSomething(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/bad.gz", "this is not gzip")
	write(t, dir+"/grows.log", "one\n")
	in, _ := opened(t, nil, dir+"/*")
	b := &engine.Batch{}
	if err := in.Read(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(in.(*input).open[0].claim.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("two\n")
	for _, state := range []string{"on its way", "settled"} {
		err := in.Read(t.Context(), &engine.Batch{})
		if !isShort(err) || !strings.Contains(err.Error(), "bad.gz: ") || !strings.Contains(err.Error(), "grows.log: another program") {
			t.Errorf("the end of what is %s: %v", state, err)
		}
		if state == "on its way" {
			if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
				t.Error(err)
			}
		}
	}
	in.Close(t.Context())
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAll(t, in); !isShort(err) {
		t.Errorf("the end after another connection: %v", err)
	}
}

// ill is a disk that fails after the first bytes.
type ill struct {
	first string
}

func (i *ill) Read(p []byte) (int, error) {
	n := copy(p, i.first)
	i.first = i.first[n:]
	if n > 0 {
		return n, nil
	}
	return 0, &fs.PathError{Op: "read", Path: "a.log", Err: unix.EIO}
}

// A disk that fails for a moment says nothing of the file: it must be read again, and not be parked as damaged with all that stands
// behind. Other files are read meanwhile, and what was settled does not come twice.
func TestDiskThatFails(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", strings.Repeat("a\n", 300))
	write(t, dir+"/b.log", "b\n")
	in, l := newInput(t, nil, dir+"/*.log")
	synctest.Test(t, func(t *testing.T) {
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := in.(*input).next(t.Context()); err != nil { // looks
			t.Fatal(err)
		}
		if err := in.(*input).next(t.Context()); err != nil { // claims
			t.Fatal(err)
		}
		in.(*input).current.lines = linefile.NewReader(&ill{"a\n"}, 1000)
		for _, want := range []string{"a", "b"} {
			b := &engine.Batch{}
			if err := in.Read(t.Context(), b); err != nil || string(b.Messages[0].Body) != want {
				t.Fatalf("%v", err)
			}
			if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
				t.Error(err)
			}
		}
		lines, tags, err := readAll(t, in)
		if err != io.EOF || len(lines) != 299 {
			t.Errorf("%d lines, %v", len(lines), err)
		}
		if err := in.Ack(t.Context(), tags); err != nil {
			t.Error(err)
		}
	})
	wantNames(t, dir, "a.log.delivered", "b.log.delivered")
	if strings.Count(l.String(), "tried again") != 1 {
		t.Errorf("log: %s", l)
	}
}

// What cannot be read is no reason to wait for ever: a batch job must come to an end, and say what it left.
func TestDiskThatFailsForLong(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "a\n")
	write(t, dir+"/b.log", "b\n")
	in, l := newInput(t, nil, dir+"/*.log")
	synctest.Test(t, func(t *testing.T) {
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var tags []uint64
		for {
			if s := in.(*input).current; s != nil && s.name == dir+"/a.log" {
				s.lines = linefile.NewReader(&ill{}, 1000)
			}
			if err := in.(*input).next(t.Context()); isShort(err) && errors.Is(err, unix.EIO) && strings.Contains(err.Error(), "a.log: read") {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if s := in.(*input).current; s != nil && s.name == dir+"/a.log" {
				s.lines = linefile.NewReader(&ill{}, 1000)
			} else if s == nil {
				continue
			}
			b := &engine.Batch{}
			err := in.(*input).current.lines.Next(b, time.Now())
			in.(*input).note(b, 0, err)
			if err == nil {
				tags = append(tags, b.Tag)
			}
		}
		if took := time.Since(start); took != 3*time.Second || len(tags) != 1 {
			t.Errorf("the end came after %v, and %d chunks", took, len(tags))
		}
		if err := in.Ack(t.Context(), tags); err != nil {
			t.Error(err)
		}
		in.Close(t.Context())
	})
	wantNames(t, dir, "a.log", "b.log.delivered")
	if strings.Count(l.String(), "tried again") != 1 {
		t.Errorf("log: %s", l)
	}
}

// A file is out of the way only when its last line is settled, whatever the order of the acks.
func TestAckInAnyOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", strings.Repeat("a\n", 600))
	write(t, dir+"/b.log", "b\n")
	in, _ := opened(t, nil, dir+"/*.log")
	_, tags, _ := readAll(t, in)
	if len(tags) != 4 {
		t.Fatalf("%d chunks", len(tags))
	}
	ack := func(tags ...uint64) {
		t.Helper()
		if err := in.Ack(t.Context(), tags); err != nil {
			t.Error(err)
		}
	}
	ack(tags[2], tags[0])
	wantNames(t, dir, "a.log.TIME.reading", "a.log.TIME.reading.done", "b.log.TIME.reading")
	ack(tags[3])
	wantNames(t, dir, "a.log.TIME.reading", "a.log.TIME.reading.done", "b.log.delivered")
	ack(tags[1])
	wantNames(t, dir, "a.log.delivered", "b.log.delivered")
	if err := in.Ack(t.Context(), []uint64{77}); err == nil {
		t.Error("an ack for nothing was taken")
	}
}

// What was interrupted is read on, behind what is settled, also if a new file has its name by now. One of which nothing is settled gets
// its name back.
func TestGivesBack(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", strings.Repeat("old\n", 300))
	in, _ := opened(t, nil, dir+"/a.log")
	readAll(t, in)
	in.Close(t.Context())
	wantNames(t, dir, "a.log")
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, tags, _ := readAll(t, in)
	if err := in.Ack(t.Context(), tags[:1]); err != nil {
		t.Fatal(err)
	}
	in.Close(t.Context())
	wantNames(t, dir, "a.log.TIME.reading", "a.log.TIME.reading.done")
	for range 2 { // what is noted is not lost by an interruption that settles nothing
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		readAll(t, in)
		in.Close(t.Context())
	}
	write(t, dir+"/a.log", "new\n")
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines, tags, err := readAll(t, in)
	if err != io.EOF || len(lines) != 45 || lines[0] != "old" || lines[44] != "new" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	wantNames(t, dir, "a.log.TIME.delivered", "a.log.delivered")
}

// A note that a crash cut off, or that is about more than the file holds, may repeat lines but skip none.
func TestNotesThatCannotBeBelieved(t *testing.T) {
	text := ""
	for i := range 600 {
		text += fmt.Sprintf("line %d\n", i)
	}
	for _, name := range []string{"a.log", "a.log.gz"} {
		dir := t.TempDir()
		packed := text
		if name == "a.log.gz" {
			var buf bytes.Buffer
			z := gzip.NewWriter(&buf)
			z.Write([]byte(text))
			z.Close()
			packed = buf.String()
		}
		write(t, dir+"/"+name, packed)
		in, _ := opened(t, nil, dir+"/"+name)
		_, tags, _ := readAll(t, in)
		if err := in.Ack(t.Context(), tags[:1]); err != nil {
			t.Fatal(err)
		}
		in.Close(t.Context())
		notes, _ := filepath.Glob(dir + "/*.done")
		if len(notes) != 1 {
			t.Fatalf("notes: %q", notes)
		}
		note, err := os.ReadFile(notes[0])
		if err != nil {
			t.Fatal(err)
		}
		claim := strings.TrimSuffix(notes[0], ".done")
		var sizes []int
		for n := range note {
			sizes = append(sizes, n)
		}
		for _, n := range append(sizes, -1) {
			bad := []byte("\n99999999;\n")
			if n >= 0 {
				bad = note[:n]
			}
			write(t, claim+".done", string(bad))
			in, _ := opened(t, nil, dir+"/"+name)
			lines, _, err := readAll(t, in)
			if err != io.EOF || len(lines) != 600 && len(lines) != 344 || lines[len(lines)-1] != "line 599" {
				t.Fatalf("%s, note %q: %d lines, %v", name, bad, len(lines), err)
			}
			if n < 0 && len(lines) != 600 {
				t.Errorf("%s: a note about more than is there was believed", name)
			}
			open := in.(*input).open[0]
			open.claim.Close() // dies
			claim = open.claim.Path
		}
	}
}

// A file of another program that is named like a note says nothing of a file that was never claimed, and is not ours to remove.
func TestForeignFileNamedLikeANote(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "one\ntwo\n")
	write(t, dir+"/a.log.done", "\n4;\n")
	in, _ := opened(t, nil, dir+"/*.log")
	wantLines(t, in, "one", "two")
	wantNames(t, dir, "a.log.delivered", "a.log.done")
}

// A stop must repeat nothing that is settled, also after a power failure: else each rolling update would repeat whole files.
func TestStopIsDurable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", strings.Repeat("a\n", 600))
	disk := linefiletest.Watch(t, dir)
	in, _ := opened(t, nil, dir+"/*.log")
	for range 2 {
		b := &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
			t.Fatal(err)
		}
	}
	in.Close(t.Context())
	disk.WantDurable(t, dir)
	write(t, dir+"/b.log.20240506T120000.000000000Z.reading.done", "left behind") // its claim is gone
	in, _ = opened(t, nil, dir+"/*.log")
	lines, tags, _ := readAll(t, in)
	if len(lines) != 600-2*linefile.ChunkLines {
		t.Errorf("%d lines", len(lines))
	}
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	wantNames(t, dir, "a.log.delivered")
	disk.WantDurable(t, dir)
}

// A long line in front of a stop must not be forgotten by the stop: its file would be removed with it.
func TestDamageOutlivesAStop(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "one\n"+strings.Repeat("x", 1001)+"\n"+strings.Repeat("two\n", 300))
	cfg := func(c *Config) { c.OnDelivered, c.MaxLineBytes = remove, 1000 }
	in, _ := opened(t, cfg, dir+"/*.log")
	_, tags, _ := readAll(t, in)
	if err := in.Ack(t.Context(), tags[:2]); err != nil {
		t.Fatal(err)
	}
	in.Close(t.Context())
	in, _ = opened(t, cfg, dir+"/*.log")
	_, tags, err := readAll(t, in)
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	wantNames(t, dir, "a.log.failed")
	if err == io.EOF {
		t.Error("the end is well")
	}
}

// Where the system cannot tell, a program that does not know of the lock may go on writing to the file that it opened. Those lines must not
// go with the file.
func TestFileThatGrows(t *testing.T) {
	systemSays(t, linefile.UnknownWriters)
	for _, delivered := range []string{keep, remove} {
		dir := t.TempDir()
		f, err := os.Create(dir + "/a.log")
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("one\nha")
		in, l := opened(t, func(c *Config) { c.OnDelivered, c.MinAge = delivered, 0 }, dir+"/a.log")
		_, tags, _ := readAll(t, in)
		f.WriteString("lf\n")
		f.Close()
		if err := in.Ack(t.Context(), tags); err != nil {
			t.Error(err)
		}
		wantNames(t, dir, "a.log.TIME.reading", "a.log.TIME.reading.done")
		if !strings.Contains(l.String(), "still writes") {
			t.Errorf("log: %s", l)
		}
		again, _ := opened(t, func(c *Config) { c.MinAge = 0 }, dir+"/a.log")
		wantLines(t, again, "half") // the whole line, and not what was read of it before
	}
}

// With logpipe's own file output as the writer each line comes once, and none is read half.
func TestBehindAFileOutput(t *testing.T) {
	dir := t.TempDir()
	cfg := output.Defaults()
	cfg.Path = engine.Literal(dir + "/app.ndjson")
	out, err := output.New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler), Role: engine.RoleOutput})
	if err != nil {
		t.Fatal(err)
	}
	const n = 300
	done := make(chan error, 1)
	go func() {
		for i := range n {
			b := &engine.Batch{Messages: []engine.Message{{Body: fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 5000))}}}
			if err := out.Write(t.Context(), b); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	in, _ := opened(t, func(c *Config) { c.OnDelivered, c.PollInterval = remove, time.Millisecond }, dir+"/app.ndjson")
	var got int
	for got < n {
		b := &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for _, m := range b.Messages {
			if want := fmt.Sprintf("%d %s", got, strings.Repeat("x", 5000)); string(m.Body) != want {
				t.Fatalf("line %d is %.30q with %d bytes", got, m.Body, len(m.Body))
			}
			got++
		}
		if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	in.Close(t.Context())
	wantNames(t, dir)
}

// Several processes share a folder: each line is read by one of them. And what a killed one had claimed is read by the next.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 40 {
		var text string
		for j := range 100 {
			text += fmt.Sprintf("%d-%d\n", i, j)
			want = append(want, fmt.Sprintf("%d-%d", i, j))
		}
		write(t, fmt.Sprintf("%s/%02d.log", dir, i), text)
	}
	start := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], dir+"/*.log")
		cmd.Env = append(os.Environ(), "FILE_TEST_CHILD=1")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}
	killed, partly := start()
	for len(names(t, dir)) == 40 && !slices.ContainsFunc(names(t, dir), func(s string) bool { return strings.HasSuffix(s, ".delivered") }) {
	}
	killed.Process.Signal(syscall.SIGKILL)
	killed.Wait()
	first := strings.Fields(partly.String())

	var got []string
	kids := map[*exec.Cmd]*bytes.Buffer{}
	for range 3 {
		cmd, out := start()
		kids[cmd] = out
	}
	for cmd, out := range kids {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		got = append(got, strings.Fields(out.String())...)
	}
	repeated := map[string]bool{}
	for _, line := range first {
		if slices.Contains(got, line) {
			repeated[strings.Split(line, "-")[0]] = true
		}
	}
	if len(repeated) > 1 {
		t.Errorf("the kill repeats %d files; it read one", len(repeated))
	}
	for _, line := range first {
		if !repeated[strings.Split(line, "-")[0]] {
			got = append(got, line)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%.1000s", d)
	}
	for _, name := range names(t, dir) {
		if !strings.HasSuffix(name, ".delivered") {
			t.Errorf("left behind: %s", name)
		}
	}
}

// What another process reads is left to it, and what it left is taken over.
func TestClaimsOfOthers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "a\n")
	one, _ := opened(t, nil, dir+"/*.log")
	two, _ := opened(t, nil, dir+"/*.log")
	_, tags, _ := readAll(t, one)
	if len(tags) != 1 {
		t.Fatal("nothing read")
	}
	wantLines(t, two)
	one.(*input).open[0].claim.Close() // as its death does; the name of the claim stays
	three, _ := opened(t, nil, dir+"/a.log")
	wantLines(t, three, "a")
}

// A file that cannot be claimed keeps no other from being read, and is said once. A finite input says so at its end.
func TestFileThatIsHeldByAnother(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "a\n")
	write(t, dir+"/locked.log", "b\n")
	in, l := newInput(t, nil, dir+"/a.log", dir+"/locked.log")
	unlock := lockFromOutside(t, dir+"/locked.log")
	defer unlock()
	synctest.Test(t, func(t *testing.T) { // the patience with the lock
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines, tags, err := readAll(t, in)
		if !slices.Equal(lines, []string{"a"}) || !isShort(err) || !strings.Contains(err.Error(), "another process has had the lock") {
			t.Errorf("read %q, and the end is %v", lines, err)
		}
		if err := in.Ack(t.Context(), tags); err != nil {
			t.Error(err)
		}
		in.Close(t.Context())
	})
	wantNames(t, dir, "a.log.delivered", "locked.log")
	if n := strings.Count(l.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, l)
	}
}

// An input that polls goes on with what comes while one file cannot be read, and reads that one when it can.
func TestOneFileKeepsNoOtherWaiting(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/locked.log", "locked\n")
	in, l := newInput(t, func(c *Config) { c.PollInterval = time.Second }, dir+"/*.log")
	unlock := lockFromOutside(t, dir+"/locked.log")
	synctest.Test(t, func(t *testing.T) {
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, unlock)
		for i := range 100 {
			time.AfterFunc(time.Duration(i)*time.Minute, func() { write(t, fmt.Sprintf("%s/%d.log", dir, i), "x\n") })
		}
		for range 101 {
			b := &engine.Batch{}
			if err := in.Read(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
				t.Fatal(err)
			}
		}
		in.Close(t.Context())
	})
	if left := names(t, dir); slices.ContainsFunc(left, func(name string) bool { return !strings.HasSuffix(name, linefile.Delivered) }) {
		t.Errorf("left behind: %q", left)
	}
	if n := strings.Count(l.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, l)
	}
}

// Where a file could not leave once it is read, it must not be read: it would come again for ever.
func TestFolderThatCannotBeChanged(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "a\n")
	write(t, dir+"/b.log", "b\n")
	in, _ := newInput(t, nil, dir+"/*.log")
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := in.Read(t.Context(), &engine.Batch{}); err != nil {
		t.Fatal(err)
	}
	in.(*input).open[0].claim.Close() // dies, and leaves a claim
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const immutable = 0x10 // FS_IMMUTABLE_FL of ioctl_iflags(2)
	if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, immutable); err != nil {
		t.Skipf("make a folder immutable: %v", err)
	}
	again, _ := newInput(t, nil, dir+"/*.log")
	var lines []string
	synctest.Test(t, func(t *testing.T) {
		if err = again.Open(t.Context()); err == nil {
			lines, _, err = readAll(t, again)
		}
		again.Close(t.Context())
	})
	if len(lines) > 0 || !isShort(err) || !errors.Is(err, unix.EPERM) {
		t.Errorf("read %q and %v", lines, err)
	}
	if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, 0); err != nil {
		t.Error(err)
	}
}

func lockFromOutside(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := linefile.TryLock(f); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return func() { f.Close() }
}

// Mistakes in paths are said once, not at every look.
func TestSaysWhatItDoesNotRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/real", "x\n")
	if err := errors.Join(os.Symlink("real", dir+"/link"), os.Mkdir(dir+"/folder", 0o755)); err != nil {
		t.Fatal(err)
	}
	in, l := newInput(t, nil, dir+"/link", dir+"/folder", dir+"/none", dir+"/*.log")
	for range 3 {
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantLines(t, in)
		in.Close(t.Context())
	}
	for _, want := range []string{"is a symbolic link", "is a folder", "no such file"} {
		if strings.Count(l.String(), want) != 1 {
			t.Errorf("log says %q not once: %s", want, l)
		}
	}
}

func TestPolls(t *testing.T) {
	dir := t.TempDir()
	in, _ := newInput(t, func(c *Config) { c.PollInterval = time.Minute }, dir+"/*.log")
	synctest.Test(t, func(t *testing.T) {
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		time.AfterFunc(150*time.Second, func() { write(t, dir+"/a.log", "a\n") })
		b := &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil || string(b.Messages[0].Body) != "a" || time.Since(start) != 3*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := in.Read(ctx, &engine.Batch{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read of an ended context: %v", err)
		}
	})
}

// More small files than may be open at once: reading waits for acks, and goes on with them.
func TestManySmallFiles(t *testing.T) {
	dir := t.TempDir()
	const n = maxOpen + 20
	for i := range n {
		write(t, fmt.Sprintf("%s/%d.log", dir, i), "x\n")
	}
	in, _ := opened(t, func(c *Config) { c.OnDelivered = remove }, dir+"/*.log")
	tags := make(chan uint64, n)
	for range maxOpen {
		b := &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		tags <- b.Tag
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := in.Read(short, &engine.Batch{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more: %v", err)
	}
	acked := make(chan error, 1)
	go func() {
		var err error
		for tag := range tags {
			err = errors.Join(err, in.Ack(t.Context(), []uint64{tag}))
		}
		acked <- err
	}()
	for range n - maxOpen {
		b := &engine.Batch{}
		if err := in.Read(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		tags <- b.Tag
	}
	close(tags)
	if err := <-acked; err != nil {
		t.Error(err)
	}
	wantNames(t, dir)
}

func TestValidate(t *testing.T) {
	bad := Config{OnDelivered: "move", MinAge: 25 * time.Hour, PollInterval: -1}
	var got []string
	for _, err := range bad.Validate().(interface{ Unwrap() []error }).Unwrap() {
		var attr *engine.AttrError
		errors.As(err, &attr)
		got = append(got, attr.Attr)
	}
	if d := cmp.Diff([]string{"paths", "on_delivered", "max_line_bytes", "min_age", "poll_interval"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	cfg := Defaults()
	cfg.Paths = []string{"[", ""}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "is no pattern") || !strings.Contains(err.Error(), "a path is empty") {
		t.Errorf("%v", err)
	}
}

// Patterns that other tools have find less here, or nothing, and nobody would see which logs stay behind.
func TestPatternsOfOthers(t *testing.T) {
	cfg := Defaults()
	for path, word := range map[string]string{"/var/log/**/*.log": "**", "/var/log/{nginx,app}/*.log": "{nginx,app}", "/var/log/***": "***"} {
		cfg.Paths = []string{path}
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), word+" in ") {
			t.Errorf("%s: %v", path, err)
		}
	}
	cfg.Paths = []string{"/var/log/*/*.log", "/var/log/[ab]?.log", "/var/log/{x}.log", "/var/log/a,b.log"}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	write(b, dir+"/a.log", strings.Repeat(strings.Repeat("x", 249)+"\n", 400_000))
	b.SetBytes(250)
	b.ReportAllocs()
	in, _ := newInput(b, nil, dir+"/a.log")
	if err := in.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	batch := &engine.Batch{}
	for n := 0; n < b.N; n += len(batch.Messages) {
		batch.Messages = batch.Messages[:0]
		if err := in.Read(b.Context(), batch); err == io.EOF {
			in.Close(b.Context()) // gives it back
			in.Open(b.Context())
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// isShort says that the input is at its end, and that something was left.
func isShort(err error) bool {
	var short *engine.ShortError
	return errors.As(err, &short)
}
