package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

// made is an output with its file and what its log says.
type made struct {
	*Output
	fallback *Fallback // nil in other roles
	file     string
	log      *log
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

func configured(path string, change func(*Config)) Config {
	cfg := Defaults()
	cfg.Path = engine.Literal(path)
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// open makes an output in a role, as the engine does.
func open(t testing.TB, role engine.Role, path string, change func(*Config)) *made {
	t.Helper()
	cfg := configured(path, change)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	m := &made{file: withExtension(path, encode.Compression(cfg.Compression)), log: &log{}}
	out, err := New(cfg, engine.Env{Log: slog.New(slog.NewTextHandler(m.log, nil)), Role: role, NewID: engine.NewID})
	if err != nil {
		t.Fatal(err)
	}
	switch o := out.(type) {
	case *Fallback:
		m.Output, m.fallback = o.Output, o
	case *Output:
		m.Output = o
	}
	t.Cleanup(func() { m.Close(context.Background()) })
	return m
}

func batch(id string, bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: id, Partition: "source=app1", Time: noon}
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: noon})
	}
	return b
}

func mustWrite(t testing.TB, o engine.Output, b *engine.Batch) {
	t.Helper()
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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

func TestSuite(t *testing.T) {
	for _, format := range []encode.Format{encode.Lines, encode.Envelope} {
		for _, compression := range []encode.Compression{encode.None, encode.Gzip, encode.Zstd} {
			t.Run(fmt.Sprintf("%s %s", format, compression), func(t *testing.T) {
				dirs := map[string]string{}
				dirOf := func(t *testing.T) string {
					if dirs[t.Name()] == "" {
						dirs[t.Name()] = filepath.Join(t.TempDir(), "folder")
					}
					return dirs[t.Name()]
				}
				enginetest.TestOutput(t, enginetest.OutputSuite{
					New: func(t *testing.T) engine.Output {
						return open(t, engine.RoleOutput, filepath.Join(dirOf(t), "app.ndjson"), func(c *Config) {
							c.Format, c.Compression = string(format), string(compression)
						})
					},
					Stored: func(t *testing.T) (bodies [][]byte) {
						f, err := os.Open(filepath.Join(dirOf(t), "app.ndjson"+compression.Extension()))
						if errors.Is(err, os.ErrNotExist) {
							return nil
						}
						defer f.Close()
						records, err := encode.ReadAll(f, format, compression)
						if err != nil {
							t.Fatal(err)
						}
						for _, r := range records {
							bodies = append(bodies, bytes.Clone(r.Body))
						}
						return bodies
					},
					Break: func(t *testing.T) { takeAway(t, dirOf(t)) },
					Mend:  func(t *testing.T) { bringBack(t, dirOf(t)) },
				})
			})
		}
	}
}

// takeAway puts a file where the folder was.
func takeAway(t *testing.T, dir string) {
	if err := errors.Join(os.Rename(dir, dir+"-away"), os.WriteFile(dir, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func bringBack(t *testing.T, dir string) {
	if err := errors.Join(os.Remove(dir), os.Rename(dir+"-away", dir)); err != nil {
		t.Fatal(err)
	}
}

func TestSuiteAsFallback(t *testing.T) {
	for _, compression := range []encode.Compression{encode.None, encode.Gzip, encode.Zstd} {
		t.Run(string(compression), func(t *testing.T) {
			dirs := map[string]string{}
			fallback := func(t *testing.T) *made {
				if dirs[t.Name()] == "" {
					dirs[t.Name()] = filepath.Join(t.TempDir(), "folder")
				}
				return open(t, engine.RoleFallback, filepath.Join(dirs[t.Name()], "failed.ndjson"), func(c *Config) { c.Compression = string(compression) })
			}
			enginetest.TestOutput(t, enginetest.OutputSuite{
				New: func(t *testing.T) engine.Output { return fallback(t) },
				Stored: func(t *testing.T) (bodies [][]byte) {
					for _, b := range recoverAll(t, fallback(t), false) {
						for _, m := range b.Messages {
							bodies = append(bodies, m.Body)
						}
					}
					return bodies
				},
				Break: func(t *testing.T) { takeAway(t, dirs[t.Name()]) },
				Mend:  func(t *testing.T) { bringBack(t, dirs[t.Name()]) },
			})
		})
	}
}

// What a dead letter cannot take could go nowhere: it takes everything, with the reason.
func TestDeadLetter(t *testing.T) {
	o := open(t, engine.RoleDeadLetter, filepath.Join(t.TempDir(), "dead.ndjson"), nil)
	b := batch("", "a\nb", "\xff")
	b.Reasons = []error{errors.New("not JSON"), errors.New("not UTF-8")}
	mustWrite(t, o, b)
	want := `{"time":"2024-05-06T12:00:00Z","reason":"not JSON","body":"a\nb"}` + "\n" +
		`{"time":"2024-05-06T12:00:00Z","reason":"not UTF-8","body_base64":"/w=="}` + "\n"
	if got := content(t, o.file); got != want {
		t.Errorf("got %s", got)
	}
}

func TestModeOfNewFiles(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "a", "app.ndjson"), func(c *Config) { c.Mode = "0666" })
	mustWrite(t, o, batch("1", "x"))
	st, err := os.Stat(o.file)
	if err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

// Writers that wait share one fsync; each of them hears what became of its own write.
func TestGroupCommit(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "app.ndjson"), nil)
	const writers = 20
	var syncs atomic.Int32
	first, goOn := make(chan bool), make(chan bool)
	o.sync = func(f *os.File) error {
		if syncs.Add(1) == 1 {
			close(first)
			<-goOn
		}
		return f.Sync()
	}
	var wg sync.WaitGroup
	write := func(i int) {
		wg.Go(func() {
			if err := o.Write(t.Context(), batch("", fmt.Sprintf("line %d", i), "next")); err != nil {
				t.Error(err)
			}
		})
	}
	write(0)
	<-first
	for i := range writers {
		write(i + 1)
	}
	g := &o.use(o.file).group
	for waiting := 0; waiting < writers; {
		g.mu.Lock()
		waiting = len(g.queue)
		g.mu.Unlock()
	}
	close(goOn)
	wg.Wait()
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs for one write and %d that waited", n, writers)
	}
	if got := strings.Count(content(t, o.file), "\nnext\n"); got != writers+1 {
		t.Errorf("%d batches whole", got)
	}
}

// One whose context ends while another process has the lock does not take the others with it.
func TestEndedLeaderHandsOver(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "app.ndjson"), nil)
	mustWrite(t, o, batch("1", "first"))
	unlock := lockFromOutside(t, o.file)
	ctx, cancel := context.WithCancel(t.Context())
	led := make(chan error, 1)
	go func() { led <- o.Write(ctx, batch("2", "ended")) }()
	g := &o.use(o.file).group
	wait(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.leading && len(g.queue) == 0 })
	followed := make(chan error, 1)
	go func() { followed <- o.Write(t.Context(), batch("3", "last")) }()
	wait(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.queue) == 1 })
	cancel()
	if err := <-led; !errors.Is(err, context.Canceled) {
		t.Errorf("the leader got %v", err)
	}
	unlock()
	if err := <-followed; err != nil {
		t.Errorf("the follower got %v", err)
	}
	if got := content(t, o.file); got != "first\nlast\n" {
		t.Errorf("file: %q", got)
	}
}

// The same, when the others were taken along by the one that ended.
func TestEndedLeaderOfAGroupHandsOver(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "app.ndjson"), nil)
	g := &o.use(o.file).group
	queued := func(n int) func() bool {
		return func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.queue) == n }
	}
	ctx, cancel := context.WithCancel(t.Context())
	led, followed := make(chan error, 1), make(chan error, 1)
	var unlock func()
	g.live.sync = func(*os.File) error {
		go func() { led <- o.Write(ctx, batch("2", "ended")) }()
		wait(t, queued(1))
		go func() { followed <- o.Write(t.Context(), batch("3", "last")) }()
		wait(t, queued(2))
		// They will find a new file, which is locked.
		if err := errors.Join(os.Rename(o.file, o.file+".1"), os.WriteFile(o.file, nil, 0o644)); err != nil {
			t.Error(err)
		}
		unlock = lockFromOutside(t, o.file)
		g.live.sync = (*os.File).Sync
		return nil
	}
	mustWrite(t, o, batch("1", "first"))
	wait(t, queued(0))
	cancel()
	if err := <-led; !errors.Is(err, context.Canceled) {
		t.Errorf("the leader got %v", err)
	}
	unlock()
	if err := <-followed; err != nil {
		t.Errorf("the follower got %v", err)
	}
	if got := content(t, o.file); got != "last\n" {
		t.Errorf("file: %q", got)
	}
}

// wait polls a state that nothing tells of.
func wait(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("the state never came")
		}
	}
}

func TestRotateBytes(t *testing.T) {
	dir := t.TempDir()
	o := open(t, engine.RoleOutput, filepath.Join(dir, "app.ndjson"), func(c *Config) { c.RotateBytes = 20 })
	for i := range 5 {
		mustWrite(t, o, batch("", fmt.Sprintf("line %d", i))) // 7 bytes
	}
	mustWrite(t, o, batch("", strings.Repeat("x", 50))) // alone, because it must go somewhere
	mustWrite(t, o, batch("", "end"))
	if d := cmp.Diff([]string{"app.TIME.ndjson", "app.TIME.ndjson", "app.TIME.ndjson", "app.TIME.ndjson", "app.ndjson"}, names(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var all string
	entries, _ := filepath.Glob(filepath.Join(dir, "app.2*"))
	for _, path := range append(entries, o.file) {
		all += content(t, path) + "|"
	}
	if want := "line 0\nline 1\n|line 2\nline 3\n|line 4\n|" + strings.Repeat("x", 50) + "\n|end\n|"; all != want {
		t.Errorf("got %q", all)
	}
}

func TestRotateAge(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := open(t, engine.RoleOutput, filepath.Join(dir, "app.ndjson"), func(c *Config) { c.RotateAge = time.Hour })
		mustWrite(t, o, batch("", "one"))
		// The file's time is the real one; the bubble's begins in 2000.
		now := time.Now()
		if err := os.Chtimes(o.file, now, now); err != nil {
			t.Fatal(err)
		}
		mustClose(t, o)
		mustWrite(t, o, batch("", "two")) // as after a restart
		time.Sleep(time.Hour - 1)
		mustWrite(t, o, batch("", "three"))
		if got := content(t, o.file); got != "one\ntwo\nthree\n" {
			t.Errorf("rotated too early: %q", got)
		}
		time.Sleep(time.Nanosecond)
		mustWrite(t, o, batch("", "four"))
		if got := content(t, o.file); got != "four\n" {
			t.Errorf("not rotated: %q", got)
		}
	})
}

func mustClose(t testing.TB, o engine.Output) {
	t.Helper()
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Log rotation from outside must not make us write into a file that nobody looks at, or that has no name any more.
func TestFileTakenAwayFromOutside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.ndjson")
	o := open(t, engine.RoleOutput, path, nil)
	mustWrite(t, o, batch("", "one"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, o, batch("", "two"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, o, batch("", "three"))
	if one, three := content(t, path+".1"), content(t, path); one != "one\n" || three != "three\n" {
		t.Errorf("%q and %q", one, three)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, o, batch("", "four"))
	if got := content(t, path); got != "four\n" {
		t.Errorf("after a truncate: %q", got)
	}
}

// A link is followed, also when the file is rotated: what moves is the file and not the link.
func TestSymbolicLink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "disk", "real.ndjson")
	if err := errors.Join(os.Mkdir(filepath.Dir(target), 0o755), os.WriteFile(target, nil, 0o644), os.Symlink("disk/real.ndjson", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	o := open(t, engine.RoleOutput, filepath.Join(dir, "link"), func(c *Config) { c.RotateBytes = 5 })
	mustWrite(t, o, batch("", "one"))
	mustWrite(t, o, batch("", "two"))
	if d := cmp.Diff([]string{"real.TIME.ndjson", "real.ndjson"}, names(t, filepath.Join(dir, "disk"))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := content(t, filepath.Join(dir, "link")); got != "two\n" {
		t.Errorf("through the link: %q", got)
	}
}

// A link that leads elsewhere by now: who answers for durable must not write to the disk that was taken away.
func TestSymbolicLinkThatChanges(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "app.ndjson")
	o := open(t, engine.RoleOutput, link, func(c *Config) { c.RotateBytes = 5 })
	for _, disk := range []string{"a", "b"} {
		os.Remove(link)
		target := filepath.Join(dir, disk, "real.ndjson")
		if err := errors.Join(os.Mkdir(filepath.Dir(target), 0o755), os.WriteFile(target, nil, 0o644), os.Symlink(target, link)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			mustWrite(t, o, batch("", disk+disk+disk))
		}
		if d := cmp.Diff([]string{"real.TIME.ndjson", "real.ndjson"}, names(t, filepath.Dir(target))); d != "" {
			t.Errorf("%s (-want +got):\n%s", disk, d)
		}
	}
}

// What is known of a file outlives its being closed for others: else each opening would read all of a compressed file, and none would
// ever be old enough to be rotated.
func TestClosedFilesAreRemembered(t *testing.T) {
	dir := t.TempDir()
	o := open(t, engine.RoleOutput, "", func(c *Config) { partitioned(dir + "/")(c); c.Compression, c.RotateAge = "gzip", time.Hour })
	write := func(i int) {
		b := batch("", "x")
		b.Partition = fmt.Sprintf("source=app%d", i)
		mustWrite(t, o, b)
	}
	file := func(i int) string { return fmt.Sprintf("%s/app%d.ndjson.gz", dir, i) }
	for i := range maxFiles {
		write(i)
	}
	write(0) // so that 2 and those behind it are the ones that nobody has used for long
	o.files[file(2)].live.born = time.Now().Add(-2 * time.Hour)
	write(1)
	for i := range maxFiles - 1 {
		write(maxFiles + i)
	}
	if o.files[file(1)] == nil || o.files[file(2)] != nil || o.files[file(0)] != nil {
		t.Fatal("not the least recently used were closed")
	}
	text := []byte(content(t, file(0)))
	clear(text[:4]) // who reads it again finds that it is none of ours, and puts it aside
	if err := os.WriteFile(file(0), text, 0o640); err != nil {
		t.Fatal(err)
	}
	write(0)
	write(2)
	for i, want := range []int{1, 1, 2} {
		files, _ := filepath.Glob(fmt.Sprintf("%s/app%d.*", dir, i))
		if len(files) != want {
			t.Errorf("of %d there are %q", i, files)
		}
	}
	if len(o.known) > maxFiles {
		t.Errorf("%d are remembered", len(o.known))
	}
}

// Two busy writers on one file both get on: one that took the lock again at once would keep the other out until its patience ends, and
// its batches from being stored.
func TestBusyWritersTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.ndjson")
	mustWrite(t, open(t, engine.RoleOutput, path, nil), batch("", "x")) // what is opened in the bubble is no new file
	outputs := []*made{open(t, engine.RoleOutput, path, nil), open(t, engine.RoleOutput, path, nil)}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		var stored [2]atomic.Int64
		for i, o := range outputs {
			o.sync = func(*os.File) error { time.Sleep(20 * time.Millisecond); return nil } // a slow disk
			for range 3 {
				wg.Go(func() {
					for ctx.Err() == nil {
						if err := o.Write(context.Background(), batch("1", "x")); err != nil {
							t.Errorf("writer %d: %v", i, err)
							return
						}
						stored[i].Add(1)
					}
				})
			}
		}
		wg.Wait()
		one, two := stored[0].Load(), stored[1].Load()
		if one < 300 || two < 300 {
			t.Errorf("one stored %d batches and the other %d", one, two)
		}
	})
}

func partitioned(folder string) func(*Config) {
	return func(c *Config) {
		c.Path = engine.NewTemplate(folder+"${batch.partition.source}.ndjson", []string{"batch.partition.source"}, func(b *engine.Batch) (string, error) {
			for _, value := range engine.PartitionFields(b.Partition) {
				return folder + value + ".ndjson", nil
			}
			return "", errors.New("no partition")
		})
	}
}

// More files than are kept open: each gets its lines, also after it was closed in between.
func TestPathPerBatch(t *testing.T) {
	dir := t.TempDir()
	o := open(t, engine.RoleOutput, "", partitioned(dir+"/"))
	for round := range 2 {
		var wg sync.WaitGroup
		for i := range 3 * maxFiles {
			wg.Go(func() {
				b := batch("", fmt.Sprintf("%d of %d", round, i))
				b.Partition = fmt.Sprintf("source=app%d", i)
				if err := o.Write(t.Context(), b); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for i := range 3 * maxFiles {
		if got, want := content(t, fmt.Sprintf("%s/app%d.ndjson", dir, i)), fmt.Sprintf("0 of %d\n1 of %d\n", i, i); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if o.use("x"); len(o.files) > maxFiles+1 {
		t.Errorf("%d files are open", len(o.files))
	}
}

// A value of a message is part of the path. It must not choose any file of the machine.
func TestPathCannotLeaveItsFolder(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{dir + "/in/", ""} {
		o := open(t, engine.RoleOutput, "", partitioned(folder))
		for _, value := range []string{"../out", "a/../../out", "..", "a\x00b", "a/"} {
			b := batch("", "x")
			b.Partition = engine.JoinPartition([]string{"source"}, []string{value})
			if value == ".." || value == "a/" {
				o.cfg.Path = engine.NewTemplate("", nil, func(*engine.Batch) (string, error) { return folder + value, nil })
			}
			if err := o.Write(t.Context(), b); !engine.IsPermanent(err) {
				t.Errorf("%q in %q: %v", value, folder, err)
			}
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("made %q", got)
	}
	o := open(t, engine.RoleOutput, "", partitioned(dir+"/"))
	b := batch("", "x")
	b.Partition = "source=" + strings.Repeat("x", 300)
	if err := o.Write(t.Context(), b); !engine.IsPermanent(err) {
		t.Errorf("a name that is too long: %v", err)
	}
	b.Partition = ""
	if err := o.Write(t.Context(), b); err == nil || engine.IsPermanent(err) {
		t.Errorf("a path that cannot be rendered: %v", err)
	}
}

func TestValidate(t *testing.T) {
	good := configured("/var/log/app.ndjson", nil)
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	bad := configured("", func(c *Config) {
		c.Format, c.Compression, c.RotateBytes, c.RotateAge, c.Mode = "csv", "lz4", -1, -1, "rw"
	})
	var got []string
	for _, err := range bad.Validate().(interface{ Unwrap() []error }).Unwrap() {
		var attr *engine.AttrError
		if !errors.As(err, &attr) {
			t.Errorf("%v has no attribute", err)
			continue
		}
		got = append(got, attr.Attr)
	}
	if d := cmp.Diff([]string{"path", "format", "compression", "rotate_bytes", "rotate_age", "mode"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for want, change := range map[string]func(*Config){
		"names no file":               func(c *Config) { c.Path = engine.Literal("/var/log/") },
		`set compression = "gzip"`:    func(c *Config) { c.Path = engine.Literal("a.gz") },
		"levels 1 to 9":               func(c *Config) { c.Compression, c.CompressionLevel = "gzip", 12 },
		"let the owner read":          func(c *Config) { c.Mode = "0444" },
		`"8888" is no file mode`:      func(c *Config) { c.Mode = "8888" },
		`"10640" is no file mode`:     func(c *Config) { c.Mode = "10640" },
		"no level without compressio": func(c *Config) { c.CompressionLevel = 1 },
	} {
		c := configured("a", change)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestNewChecksTheRole(t *testing.T) {
	env := engine.Env{Log: slog.New(slog.DiscardHandler), Role: engine.RoleFallback}
	_, err := New(configured("", func(c *Config) { partitioned("/logs/")(c); c.Format = "lines" }), env)
	if err == nil || !strings.Contains(err.Error(), "path: a fallback has one file") || !strings.Contains(err.Error(), "format: a fallback writes sealed") {
		t.Errorf("fallback: %v", err)
	}
	env.Role = engine.RoleDeadLetter
	if _, err := New(configured("a", func(c *Config) { c.Format = "lines" }), env); err == nil {
		t.Error("a dead letter that cannot take every message")
	}
}

func TestTraits(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"a.ndjson":     func(c *Config) { c.Path = engine.Literal("a.ndjson") },
		"a.ndjson.zst": func(c *Config) { c.Path, c.Compression = engine.Literal("a.ndjson"), "zstd" },
		"a.gz":         func(c *Config) { c.Path, c.Compression = engine.Literal("a.gz"), "gzip" },
	} {
		c := configured("", change)
		if got := c.Traits(); got.Path != want || len(got.Reclaims) != 3 || got.Paths != nil {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	for folder, want := range map[string]engine.PathPattern{
		"/logs/":     {Prefix: "/logs/", Suffix: ".ndjson"},
		"/":          {Prefix: "/", Suffix: ".ndjson"},
		"":           {Suffix: ".ndjson"},
		"/logs/app-": {Prefix: "/logs/app-", Suffix: ".ndjson"},
	} {
		c := configured("", partitioned(folder))
		if got := c.Traits(); got.Path != "" || *got.Paths != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	c := configured("", func(c *Config) {
		c.Compression = "gzip"
		c.Path = engine.NewTemplate("", []string{"batch.date", "batch.id"}, func(b *engine.Batch) (string, error) {
			return "/logs/" + b.Time.Format("2006/01/02") + "/x/" + b.ID, nil
		})
	})
	if want := (engine.PathPattern{Prefix: "/logs/", Suffix: ".gz", Folders: 4}); *c.Traits().Paths != want {
		t.Errorf("%+v, want %+v", *c.Traits().Paths, want)
	}
}

func BenchmarkWrite(b *testing.B) {
	thousand := batch("01HX4Q4T3V0000000000000001")
	for range 1000 {
		thousand.Messages = append(thousand.Messages, engine.Message{Body: bytes.Repeat([]byte("x"), 250), Time: noon})
	}
	for _, role := range []engine.Role{engine.RoleOutput, engine.RoleFallback} {
		for _, durable := range []bool{true, false} { // without fsync it is our own time
			b.Run(fmt.Sprintf("%s fsync=%v", role, durable), func(b *testing.B) {
				o := open(b, role, filepath.Join(b.TempDir(), "app.ndjson"), func(c *Config) { c.RotateBytes = 64 << 20 })
				if !durable {
					o.sync = func(*os.File) error { return nil }
				}
				b.SetBytes(thousand.Bytes())
				b.ReportAllocs()
				for b.Loop() {
					mustWrite(b, o, thousand)
				}
			})
		}
	}
}

// A test of a pipeline is told the name that the file has, and leaves none behind.
func TestRehearse(t *testing.T) {
	o := open(t, engine.RoleOutput, filepath.Join(t.TempDir(), "app.ndjson"), func(c *Config) { c.Compression = "gzip" })
	path, err := o.Rehearse(batch("1", "a"))
	if err != nil || path != o.file {
		t.Errorf("%s, %v; want %s", path, err, o.file)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the rehearsal made the file: %v", err)
	}
	mustWrite(t, o, batch("1", "a"))
	content(t, path)
}
