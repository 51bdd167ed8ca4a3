package file

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// systemSays has the system answer the question for writers as told, in this order; the last answer stays.
func systemSays(t *testing.T, answers ...linefile.Writers) {
	t.Helper()
	real := linefile.WritersOf
	t.Cleanup(func() { linefile.WritersOf = real })
	linefile.WritersOf = func(*os.File) linefile.Writers {
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return answer
	}
}

// writer is a program that has a file open.
type writer struct {
	t *testing.T
	*os.File
}

func create(t *testing.T, path string) writer {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return writer{t, f}
}

func (w writer) say(text string) {
	if _, err := w.WriteString(text); err != nil {
		w.t.Error(err)
	}
}

// dated writes with the time of the bubble.
func (w writer) dated(text string) {
	w.say(text)
	if err := os.Chtimes(w.Name(), time.Now(), time.Now()); err != nil {
		w.t.Error(err)
	}
}

// polls reads and acks for so long, or until it has as many lines as are wanted.
func polls(t *testing.T, in engine.Input, d time.Duration, wanted ...int) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for {
		b := &engine.Batch{}
		err := in.Read(ctx, b)
		if errors.Is(err, context.DeadlineExceeded) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range b.Messages {
			lines = append(lines, string(m.Body))
		}
		if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
			t.Error(err)
		}
		if len(wanted) > 0 && len(lines) >= wanted[0] {
			return lines
		}
	}
}

func polling(delivered string, minAge time.Duration) func(*Config) {
	return func(c *Config) { c.OnDelivered, c.MinAge, c.PollInterval = delivered, minAge, time.Second }
}

// numbered are lines 0 to n-1.
func numbered(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("line %d", i))
	}
	return lines
}

func wantEqual(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d: %.300q", len(got), len(want), got)
	}
}

// A program that keeps its file open has more to write: to claim the file means to lose that with it. All comes, once, when the file is closed.
func TestFileThatAProgramHasOpen(t *testing.T) {
	for name, portion := range map[string]int{"a line each 3 s": 1, "a slow copy": 1000} {
		for _, delivered := range []string{keep, remove} {
			t.Run(name+" "+delivered, func(t *testing.T) {
				dir := t.TempDir()
				want := numbered(10 * portion)
				w := create(t, dir+"/a.log")
				write(t, dir+"/b.log", "b\n")
				in, _ := newInput(t, polling(delivered, time.Minute), dir+"/*.log")
				synctest.Test(t, func(t *testing.T) {
					for i := range 10 {
						time.AfterFunc(time.Duration(i)*3*time.Second, func() {
							w.say(strings.Join(want[i*portion:(i+1)*portion], "\n") + "\n")
						})
					}
					time.AfterFunc(40*time.Second, func() { w.Close() })
					if err := in.Open(t.Context()); err != nil {
						t.Fatal(err)
					}
					wantEqual(t, polls(t, in, 39*time.Second), []string{"b"}) // which does not wait
					wantEqual(t, polls(t, in, 10*time.Second), want)
					in.Close(t.Context())
				})
				if delivered == remove {
					wantNames(t, dir)
				} else {
					wantNames(t, dir, "a.log.delivered", "b.log.delivered")
				}
			})
		}
	}
}

// A batch job must not wait for a program that may never end, nor look as if it had read all.
func TestFiniteInputLeavesOpenFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range mostNamed + 2 {
		create(t, fmt.Sprintf("%s/%02d.log", dir, i)).say("x\n")
	}
	write(t, dir+"/well.log", "well\n")
	in, _ := opened(t, nil, dir+"/*.log")
	lines, tags, err := readAll(t, in)
	wantEqual(t, lines, []string{"well"})
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	if !isShort(err) || !strings.Contains(err.Error(), "00.log: another program has it open for writing") || !strings.Contains(err.Error(), "2 more files") {
		t.Errorf("the end: %v", err)
	}
	if list := names(t, dir); list[0] != "00.log" || len(list) != mostNamed+3 {
		t.Errorf("files: %q", list)
	}
}

// A packed file that is still being written ends in the middle. It is no broken one.
func TestPackedFileThatIsBeingWritten(t *testing.T) {
	dir := t.TempDir()
	const portion = 3000
	want := numbered(4 * portion)
	w := create(t, dir+"/a.log.gz")
	z := gzip.NewWriter(w)
	in, _ := newInput(t, polling(keep, time.Minute), dir+"/*.gz")
	synctest.Test(t, func(t *testing.T) {
		go func() {
			for part := range slices.Chunk(want, portion) {
				io.WriteString(z, strings.Join(part, "\n")+"\n")
				z.Flush()
				time.Sleep(4 * time.Second)
			}
			time.Sleep(4 * time.Second)
			z.Close()
			w.Close()
		}()
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, polls(t, in, 19*time.Second), nil)
		wantEqual(t, polls(t, in, 5*time.Second), want)
		in.Close(t.Context())
	})
	wantNames(t, dir, "a.log.gz.delivered")
}

// Where the system cannot tell, a packed file may be taken too early. What came of it by then does not come again, and it is not parked.
func TestPackedFileThatWasTakenTooEarly(t *testing.T) {
	systemSays(t, linefile.UnknownWriters)
	dir := t.TempDir()
	want := numbered(2000)
	w := create(t, dir+"/a.log.gz")
	z := gzip.NewWriter(w)
	flush := func(lines []string) {
		io.WriteString(z, strings.Join(lines, "\n")+"\n")
		z.Flush()
	}
	flush(want[:1000])
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(w.Name(), hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	in, l := opened(t, func(c *Config) { c.OnDelivered = remove }, dir+"/*.gz")
	b := &engine.Batch{}
	if err := in.Read(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	flush(want[1000:1500])
	lines, tags, err := readAll(t, in)
	if !isShort(err) || !errors.Is(err, errGrew) {
		t.Errorf("the end: %v", err)
	}
	for _, m := range b.Messages {
		lines = append(lines, string(m.Body))
	}
	if err := in.Ack(t.Context(), append(tags, b.Tag)); err != nil {
		t.Error(err)
	}
	if strings.Contains(l.String(), "ERROR") {
		t.Errorf("log: %s", l)
	}
	wantNames(t, dir, "a.log.gz.TIME.reading", "a.log.gz.TIME.reading.done")
	flush(want[1500:])
	z.Close()
	w.Close()
	again, _ := opened(t, func(c *Config) { c.OnDelivered, c.MinAge = remove, 0 }, dir+"/*.gz")
	rest, tags, err := readAll(t, again)
	if err != io.EOF {
		t.Errorf("the end: %v", err)
	}
	if err := again.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	all := append(lines, rest...)
	slices.Sort(all)
	slices.Sort(want)
	wantEqual(t, all, want)
	wantNames(t, dir)
}

// Where the system cannot tell who has a file open, it is not touched before it is old, by its time or, where that lies ahead, by what was
// seen of it.
func TestFilesGrowOldWhereTheSystemCannotTell(t *testing.T) {
	systemSays(t, linefile.UnknownWriters)
	for _, name := range []string{"dated", "ahead"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			want := numbered(10)
			w := create(t, dir+"/a.log")
			say := w.say
			if name == "dated" {
				say = w.dated
			}
			in, l := newInput(t, polling(remove, 10*time.Second), dir+"/*.log")
			synctest.Test(t, func(t *testing.T) {
				for i, line := range want {
					time.AfterFunc(time.Duration(i)*6*time.Second, func() { say(line + "\n") })
				}
				if err := in.Open(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantEqual(t, polls(t, in, (54+9)*time.Second), nil)
				wantEqual(t, polls(t, in, 4*time.Second), want)
				in.Close(t.Context())
			})
			wantNames(t, dir)
			if strings.Count(l.String(), "min_age=10s") != 1 {
				t.Errorf("log: %s", l)
			}
		})
	}
}

// A finite input waits for what is young, because a job that reads what the job before it wrote is common, but not for what never rests.
func TestFiniteInputWaitsForYoungFiles(t *testing.T) {
	systemSays(t, linefile.UnknownWriters)
	dir := t.TempDir()
	w, busy := create(t, dir+"/a.log"), create(t, dir+"/busy.log")
	in, _ := newInput(t, func(c *Config) { c.MinAge = time.Minute }, dir+"/*.log")
	synctest.Test(t, func(t *testing.T) {
		w.dated("one\n")
		for i := range 100 {
			time.AfterFunc(time.Duration(i)*2*time.Second, func() { busy.dated("x\n") })
		}
		began := time.Now()
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines, _, err := readAll(t, in)
		wantEqual(t, lines, []string{"one"})
		if took := time.Since(began); took < time.Minute || took > 3*time.Minute {
			t.Errorf("it took %v", took)
		}
		if !isShort(err) || !strings.Contains(err.Error(), "busy.log: it was changed a moment ago") {
			t.Errorf("the end: %v", err)
		}
		in.Close(t.Context())
	})
	wantNames(t, dir, "a.log", "busy.log") // a.log is not acked
}

// Half a line that a program wrote and closed is one message with the other half, not two; but it does not wait for ever.
func TestHalfALine(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "one\nha")
	write(t, dir+"/b.log", "never ends")
	in, _ := newInput(t, polling(remove, time.Minute), dir+"/*.log")
	synctest.Test(t, func(t *testing.T) {
		time.AfterFunc(30*time.Second, func() {
			w := create(t, dir+"/a.log")
			w.say("lf\n")
			w.Close()
		})
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, polls(t, in, 29*time.Second), nil)
		wantEqual(t, polls(t, in, 29*time.Second), []string{"one", "half"})
		wantEqual(t, polls(t, in, 5*time.Second), []string{"never ends"})
		in.Close(t.Context())
	})
	wantNames(t, dir)
}

// A program that packs a file removes it when that is done. Both would be read, and each line come twice.
func TestFileThatIsBeingPacked(t *testing.T) {
	for pattern, want := range map[string][]string{"/*": nil, "/*.log": {"a"}} {
		dir := t.TempDir()
		write(t, dir+"/a.log", "a\n")
		w := create(t, dir+"/a.log.gz")
		in, _ := newInput(t, polling(remove, time.Minute), dir+pattern)
		synctest.Test(t, func(t *testing.T) {
			if err := in.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantEqual(t, polls(t, in, 10*time.Second), want)
			if want == nil {
				z := gzip.NewWriter(w)
				io.WriteString(z, "a\n")
				z.Close()
				if err := errors.Join(w.Close(), os.Remove(dir+"/a.log")); err != nil {
					t.Error(err)
				}
				wantEqual(t, polls(t, in, 10*time.Second), []string{"a"})
				wantNames(t, dir)
			}
			in.Close(t.Context())
		})
	}
}

// A program may open the file between the question and the rename. Then it gets its name back.
func TestFileThatIsOpenedMeanwhile(t *testing.T) {
	systemSays(t, linefile.NoWriter, linefile.OpenWriter)
	dir := t.TempDir()
	write(t, dir+"/a.log", "a\n")
	in, _ := opened(t, nil, dir+"/a.log")
	if _, _, err := readAll(t, in); !isShort(err) || !errors.Is(err, errOpen) {
		t.Errorf("the end: %v", err)
	}
	wantNames(t, dir, "a.log")
}

// A program that opens a file that is settled, by another name of it, must not lose what it writes.
func TestFileThatIsOpenedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", "a\n")
	if err := os.Link(dir+"/a.log", dir+"/other"); err != nil {
		t.Fatal(err)
	}
	in, _ := opened(t, func(c *Config) { c.OnDelivered = remove }, dir+"/a.log")
	_, tags, _ := readAll(t, in)
	w := create(t, dir+"/other")
	if err := in.Ack(t.Context(), tags); err != nil {
		t.Error(err)
	}
	wantNames(t, dir, "a.log.TIME.reading", "a.log.TIME.reading.done", "other")
	w.say("b\n")
	w.Close()
	again, _ := opened(t, func(c *Config) { c.OnDelivered = remove }, dir+"/a.log")
	wantLines(t, again, "b")
	wantNames(t, dir, "other")
}

// A log that is never closed is never read: that must not stay unsaid, nor be said at each look.
func TestOpenFilesAreSaid(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		create(t, fmt.Sprintf("%s/%d.log", dir, i)).say("x\n")
	}
	in, l := newInput(t, polling(keep, time.Minute), dir+"/*.log")
	synctest.Test(t, func(t *testing.T) {
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		polls(t, in, 3*time.Hour)
		in.Close(t.Context())
	})
	if n := strings.Count(l.String(), "level="); n != 2 || strings.Count(l.String(), "level=WARN") != 1 || strings.Count(l.String(), "files=20") != 2 {
		t.Errorf("log: %s", l)
	}
}
