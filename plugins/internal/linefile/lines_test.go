package linefile

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

var noon = time.Date(2024, 5, 6, 12, 0, 0, 123456789, time.UTC)

// linesOf is what a reader must give: what stands between line feeds, and behind the last one if that is anything.
func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func readLines(t *testing.T, r *Reader) (lines []string, err error) {
	t.Helper()
	for {
		var b engine.Batch
		if err := r.Next(&b, noon); err != nil {
			if len(b.Messages) > 0 {
				t.Fatalf("%d messages beside the error %v", len(b.Messages), err)
			}
			return lines, err
		}
		if len(b.Messages) == 0 || len(b.Messages) > ChunkLines || len(b.Messages) > 1 && b.Bytes() > ChunkBytes {
			t.Fatalf("a chunk of %d messages and %d bytes", len(b.Messages), b.Bytes())
		}
		for _, m := range b.Messages {
			if cap(m.Body) != len(m.Body) {
				t.Fatal("append to a body would write into its neighbour")
			}
			lines = append(lines, string(m.Body))
		}
	}
}

// A line that is lost, split or glued to another is a log that is lost.
func TestReaderGivesEveryLine(t *testing.T) {
	big := strings.Repeat("x", readSize)
	texts := []string{
		"", "\n", "\n\n\n", "a", "a\n", "a\nb", "a\r\nb\r\n", "\x00\n\xff\xfe\n", strings.Repeat("short\n", 1000),
		big, big + "\n", big[1:] + "\n" + big + "\nend", strings.Repeat(big[:200_000]+"\n", 12), "a\n" + strings.Repeat(big, 9) + "\nb\n",
	}
	wraps := map[string]func(io.Reader) io.Reader{
		"whole":     func(r io.Reader) io.Reader { return r },
		"half":      iotest.HalfReader,
		"with data": iotest.DataErrReader,
	}
	for name, wrap := range wraps {
		for i, text := range texts {
			r := NewReader(wrap(strings.NewReader(text)), 16<<20)
			got, err := readLines(t, r)
			if err != io.EOF || r.Offset() != int64(len(text)) {
				t.Errorf("%s, text %d: error %v at %d of %d bytes", name, i, err, r.Offset(), len(text))
			}
			if d := cmp.Diff(linesOf(text), got); d != "" {
				t.Errorf("%s, text %d: %.300s", name, i, d)
			}
		}
	}
}

func TestReaderSeed(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var text strings.Builder
		for range rnd.IntN(600) {
			text.WriteString(strings.Repeat("ab", rnd.IntN(1<<rnd.IntN(11))))
			text.WriteString(strings.Repeat("\n", rnd.IntN(3)))
		}
		got, err := readLines(t, NewReader(iotest.HalfReader(strings.NewReader(text.String())), 1<<20))
		if err != io.EOF || !cmp.Equal(linesOf(text.String()), got) {
			t.Fatalf("seed %d: error %v, or other lines", seed, err)
		}
	}
}

// What stands in front of a line that is too long is delivered, and what stands behind it; the line itself is an error that says where,
// not a log cut in two. It is never kept in memory as a whole.
func TestLongLine(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", 1001), strings.Repeat("x", 1e6)} {
		for _, rest := range []string{"", "\n", "\nthree\n", "\n" + long + "\nthree"} {
			text := "one\ntwo\n" + long + rest
			r := NewReader(strings.NewReader(text), 1000)
			got, err := readLines(t, r)
			want := Span{8, 8 + int64(len(long)) + int64(min(1, len(rest)))}
			var e *LongLineError
			if !errors.As(err, &e) || e.Span != want || e.Limit != 1000 || !cmp.Equal(got, []string{"one", "two"}) {
				t.Fatalf("got %q and %v", got, err)
			}
			got, err = readLines(t, r)
			if errors.As(err, &e) && strings.Count(rest, "x") > 0 && len(got) == 0 {
				got, err = readLines(t, r)
			}
			if err != io.EOF || (len(got) == 1) != strings.Contains(rest, "three") || r.Offset() != int64(len(text)) {
				t.Errorf("then %q and %v", got, err)
			}
		}
	}
	got, err := readLines(t, NewReader(strings.NewReader(strings.Repeat("x", 1000)+"\n"), 1000))
	if err != io.EOF || len(got) != 1 {
		t.Errorf("a line as long as it may be: %d lines, %v", len(got), err)
	}
	if _, err := readLines(t, NewReader(io.MultiReader(strings.NewReader(strings.Repeat("x", 5000)), iotest.ErrReader(io.ErrClosedPipe)), 1000)); err != io.ErrClosedPipe {
		t.Errorf("a disk that breaks in a long line: %v", err)
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("disk broken")
	got, err := readLines(t, NewReader(io.MultiReader(strings.NewReader("one\nhalf"), iotest.ErrReader(broken)), 100))
	if !errors.Is(err, broken) || !cmp.Equal(got, []string{"one"}) {
		t.Errorf("got %q and %v: half a line is no line", got, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add("a\nb\n\nc", uint8(3))
	f.Add(strings.Repeat("line\n", 300), uint8(0))
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		longest := int(limit) + 1
		r := NewReader(iotest.HalfReader(strings.NewReader(text)), longest)
		got, err := readLines(t, r)
		for long := (*LongLineError)(nil); errors.As(err, &long); {
			if long.To-long.From <= int64(longest) {
				t.Errorf("%v", err)
			}
			var more []string
			more, err = readLines(t, r)
			got = append(got, more...)
		}
		want := slices.DeleteFunc(linesOf(text), func(line string) bool { return len(line) > longest })
		if err != io.EOF || strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			t.Errorf("error %v, %d lines, want %d", err, len(got), len(want))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := bytes.Repeat([]byte(strings.Repeat("x", 249)+"\n"), 100_000)
	b.SetBytes(250)
	b.ReportAllocs()
	var batch engine.Batch
	r := NewReader(bytes.NewReader(text), 1<<20)
	for n := 0; n < b.N; n += len(batch.Messages) {
		batch.Messages = batch.Messages[:0]
		if r.Next(&batch, noon) == io.EOF {
			r = NewReader(bytes.NewReader(text), 1<<20)
		}
	}
}
