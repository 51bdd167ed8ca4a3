package encode

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/jsonscan/jsonscantest"
	"github.com/logpipe/logpipe/internal/ourwords"
)

var compressions = []Compression{None, Gzip, Zstd}

type meta struct {
	id, key string
	headers map[string]any
}

func (m meta) ID() string              { return m.id }
func (m meta) RoutingKey() string      { return m.key }
func (m meta) Headers() map[string]any { return m.headers }

var noon = time.Date(2024, 5, 6, 12, 0, 0, 123456789, time.UTC)

func batchOf(bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: "0001"}
	for i, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: noon.Add(time.Duration(i) * time.Second)})
	}
	return b
}

// logs makes n records that look like real ones.
func logs(n int) *engine.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	events := []string{"login_failed", "high-cpu", "new_user", "request"}
	b := &engine.Batch{ID: "0001"}
	for i := range n {
		body := fmt.Sprintf(`{"timestamp":"2024-05-06T12:%02d:%02d.%03dZ","source":"app%d","event":"%s","count":%d,"seq":%d,"trace":"%016x","path":"/v1/accounts/%d/orders/%d?page=%d","status":%d,"took_ms":%d,"client":"10.%d.%d.%d"}`,
			i/60%60, i%60, r.IntN(1000), r.IntN(3)+1, events[r.IntN(4)], r.IntN(5)+1, i, r.Uint64(), r.IntN(5000), r.IntN(100000), r.IntN(9), 200+r.IntN(300), r.IntN(2000), r.IntN(256), r.IntN(256), r.IntN(256))
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: noon})
	}
	return b
}

func mustNew(tb testing.TB, f Format, c Compression, level int) *Encoder {
	tb.Helper()
	e, err := New(f, c, level)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func encodeAll(tb testing.TB, e *Encoder, b *engine.Batch) []byte {
	tb.Helper()
	buf, err := e.Encode(b)
	if err != nil {
		tb.Fatal(err)
	}
	defer buf.Release()
	return bytes.Join(buf.Parts(), nil)
}

func bodies(records []Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Body))
	}
	return all
}

// Law 7: what is read back equals what was sent, in every format and compression, at every size.
func TestBodiesComeBackByteForByte(t *testing.T) {
	texts := []string{`{"a":1}`, "", " ", "\r", "ends with \r", "\xff\xfe not UTF-8", "\x00\x01\x1f\x7f", `quote " backslash \ slash /`,
		"tab\tend", "grüße \u2028 \U0001F600", strings.Repeat("x", 300_000)}
	withBreaks := append([]string{"\n", "two\nlines", "ends\n"}, texts...)
	for _, c := range compressions {
		for f, want := range map[Format][]string{Lines: texts, Envelope: withBreaks} {
			t.Run(string(f)+"/"+string(c), func(t *testing.T) {
				got, err := ReadAll(bytes.NewReader(encodeAll(t, mustNew(t, f, c, 0), batchOf(want...))), f, c)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, bodies(got)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// A body with a line feed must not become two records; the others are written all the same.
func TestLinesLeaveOutWhatHasALineBreak(t *testing.T) {
	b := batchOf("a", "b\nc", "d\n", "e")
	buf, err := mustNew(t, Lines, None, 0).Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(bytes.Join(buf.Parts(), nil)); got != "a\ne\n" || buf.Messages != 2 || buf.Raw != 4 {
		t.Errorf("got %q with %d messages of %d bytes", got, buf.Messages, buf.Raw)
	}
	if !buf.First.Equal(noon) || !buf.Last.Equal(noon.Add(3*time.Second)) {
		t.Errorf("times are %v to %v", buf.First, buf.Last)
	}
	why := Lines.Check([]byte("b\nc"))
	var at *LineBreakError
	if !engine.IsPermanent(why) || !errors.As(why, &at) || at.At != 1 {
		t.Errorf("the reason is %v", why)
	}
}

func TestEnvelopeText(t *testing.T) {
	m := engine.Message{
		Body: []byte("a \"b\"\n\x01<é>"), Time: noon.In(time.FixedZone("", 7200)),
		Meta: meta{"id\xff1", "logs.app1", map[string]any{
			"z": nil, "bool": true, "int": int64(-5), "uint": uint64(math.MaxUint64), "float": 0.5, "nan": math.NaN(), "inf": math.Inf(-1),
			"text": "t\"x", "odd\n": "\xfe", "bytes": []byte{1, 2}, "time": noon, "list": []any{int64(1), "b", []any{}}, "table": map[string]any{"k": "v"},
			"other": 7,
		}},
	}
	want := `{"time":"2024-05-06T12:00:00.123456789Z","id":"id�1","routing_key":"logs.app1",` +
		`"headers":{"bool":true,"bytes":{"base64":"AQI="},"float":0.5,"inf":"-Inf","int":-5,"list":[1,"b",[]],"nan":"NaN","odd\n":{"base64":"/g=="},` +
		`"other":"7","table":{"k":"v"},"text":"t\"x","time":"2024-05-06T12:00:00.123456789Z","uint":18446744073709551615,"z":null},` +
		`"reason":"not JSON","body":"a \"b\"\n\u0001<é>"}` + "\n"
	got := string(Envelope.Append(nil, &m, errors.New("not JSON")))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if !json.Valid([]byte(got)) {
		t.Error("that is not JSON")
	}
	m.Body, m.Meta = []byte("\xff"), nil
	if got, want := string(Envelope.Append(nil, &m, nil)), `{"time":"2024-05-06T12:00:00.123456789Z","body_base64":"/w=="}`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEnvelopeComesBackWhole(t *testing.T) {
	headers := map[string]any{"n": int64(math.MinInt64), "u": uint64(math.MaxUint64), "f": 1.5, "b": []byte{0xff}, "l": []any{int64(1), map[string]any{"x": nil}}}
	b := batchOf("one")
	b.Messages[0].Meta = meta{"id1", "key1", headers}
	b.Reasons = []error{errors.New("why")}
	got, err := ReadAll(bytes.NewReader(encodeAll(t, mustNew(t, Envelope, Gzip, 0), b)), Envelope, Gzip)
	if err != nil {
		t.Fatal(err)
	}
	want := []Record{{Body: []byte("one"), Time: noon, ID: "id1", RoutingKey: "key1", Headers: headers, Reason: "why"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The same batch must give the same bytes, whoever encodes it and whatever was encoded before: a repeated upload then
// changes nothing.
func TestSameBatchSameBytes(t *testing.T) {
	for _, c := range compressions {
		for _, f := range []Format{Lines, Envelope} {
			e := mustNew(t, f, c, 0)
			batches := make([]*engine.Batch, 4)
			want := make([][]byte, len(batches))
			for i := range batches {
				batches[i] = logs(1 + 300*i)
				batches[i].Messages[0].Meta = meta{"1", "2", map[string]any{"a": int64(1), "b": int64(2), "c": int64(3)}}
				want[i] = encodeAll(t, mustNew(t, f, c, 0), batches[i])
			}
			var wg sync.WaitGroup
			for w := range 4 {
				wg.Go(func() {
					for i := range 4 {
						k := (w + i) % len(batches)
						if !bytes.Equal(encodeAll(t, e, batches[k]), want[k]) {
							t.Errorf("%s, %s: batch %d gave other bytes", f, c, k)
						}
					}
				})
			}
			wg.Wait()
		}
	}
}

// Frames that follow each other are one text: files are appended to.
func TestFramesFollowEachOther(t *testing.T) {
	for _, c := range compressions {
		buf := mustNew(t, Lines, c, 0).Buffer()
		for i := range 3 {
			buf.AppendRaw(fmt.Appendf(nil, "# header %d\n", i))
			buf.Append(&engine.Message{Body: []byte("body")}, nil)
			if err := buf.Finish(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ReadAll(buf.Reader(), Lines, c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"# header 0", "body", "# header 1", "body", "# header 2", "body"}, bodies(got)); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
	}
}

// A buffer that was given back in the middle of a frame must not spoil the next one.
func TestReleaseInTheMiddle(t *testing.T) {
	e := mustNew(t, Lines, Gzip, 0)
	buf := e.Buffer()
	buf.AppendRaw(bytes.Repeat([]byte("x"), 2*flushAt))
	buf.Release()
	if got := encodeAll(t, e, batchOf("a")); !bytes.Equal(got, encodeAll(t, mustNew(t, Lines, Gzip, 0), batchOf("a"))) {
		t.Errorf("got %q", got)
	}
}

// A frame that is cut off must not pass for a whole one.
func TestCutFrameIsAnError(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd} {
		whole := encodeAll(t, mustNew(t, Lines, c, 0), logs(100))
		for _, n := range []int{1, 5, len(whole) / 2, len(whole) - 1} {
			if _, err := ReadAll(bytes.NewReader(whole[:n]), Lines, c); err == nil {
				t.Errorf("%s cut at %d of %d was read without error", c, n, len(whole))
			}
		}
	}
	if _, err := ReadAll(strings.NewReader("a\nb"), Lines, None); err == nil {
		t.Error("a cut line was read without error")
	}
}

func TestNothingIsNothing(t *testing.T) {
	for _, c := range compressions {
		got, err := ReadAll(strings.NewReader(""), Lines, c)
		if err != nil || got != nil {
			t.Errorf("%s: %v, %v", c, got, err)
		}
	}
}

// Other programs must be able to read what we write: the standard library's gzip stands for them.
func TestStandardLibraryReadsGzip(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(encodeAll(t, mustNew(t, Lines, Gzip, 9), batchOf("a", "b"))))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() {
		t.Errorf("the header has a time: %v", z.ModTime)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != "a\nb\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFormatForRole(t *testing.T) {
	for _, row := range []struct {
		name string
		role engine.Role
		want Format
		ok   bool
	}{
		{"", engine.RoleOutput, Lines, true},
		{"auto", engine.RoleOutput, Lines, true},
		{"", engine.RoleFallback, Envelope, true},
		{"auto", engine.RoleDeadLetter, Envelope, true},
		{"lines", engine.RoleFallback, Lines, true},
		{"lines", engine.RoleDeadLetter, "", false},
		{"envelope", engine.RoleOutput, Envelope, true},
		{"csv", engine.RoleOutput, "", false},
	} {
		got, err := FormatFor(row.name, row.role)
		if got != row.want || (err == nil) != row.ok {
			t.Errorf("FormatFor(%q, %s) = %q, %v", row.name, row.role, got, err)
		}
	}
}

func TestLevels(t *testing.T) {
	for _, row := range []struct {
		c     Compression
		level int
		ok    bool
	}{{None, 0, true}, {None, 1, false}, {Gzip, 1, true}, {Gzip, 9, true}, {Gzip, 10, false}, {Gzip, -1, false}, {Zstd, 22, true}, {Zstd, 23, false}, {"lz4", 0, false}} {
		if _, err := New(Lines, row.c, row.level); (err == nil) != row.ok {
			t.Errorf("%s level %d: %v", row.c, row.level, err)
		}
	}
}

// A batch is encoded into memory that the batch before has left. Without that a user pays for the making and the collection of each object's
// bytes, and of a compressor of up to a megabyte a batch.
func TestBudgetEncode(t *testing.T) {
	for _, f := range []Format{Lines, Envelope} {
		for _, c := range []Compression{None, Gzip, Zstd} {
			t.Run(fmt.Sprintf("%s/%s", f, c), func(t *testing.T) {
				e, b := mustNew(t, f, c, 0), logs(1000)
				for i := range b.Messages {
					b.Messages[i].Meta = &meta{"id", "key", map[string]any{"a": int64(1), "b": "text", "c": true}}
				}
				enginetest.Budget{Allocations: 0.005, Bytes: 1}.Check(t, len(b.Messages), func() {
					buf, err := e.Encode(b)
					if err != nil {
						t.Fatal(err)
					}
					buf.Release()
				})
			})
		}
	}
}

// One producer can send tables within tables without end. A dead letter of it must be one that others can read: with more levels than a
// reader takes, its reason and body could not be got at either.
func TestDeepHeaders(t *testing.T) {
	for _, depth := range []int{999, 1001, 12_000} {
		var tables, lists any = "t", "l"
		for range depth {
			tables, lists = map[string]any{"a": tables}, []any{lists}
		}
		m := engine.Message{Body: []byte("body"), Time: noon, Meta: meta{"id", "key", map[string]any{"tables": tables, "lists": lists}}}
		r, err := Envelope.Decode(Envelope.Append(nil, &m, nil))
		if err != nil || string(r.Body) != "body" || r.ID != "id" {
			t.Errorf("%d levels: %v", depth, err)
		}
		if depth < 1000 && !reflect.DeepEqual(r.Headers, m.Meta.Headers()) {
			t.Errorf("%d levels came back changed", depth)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"a":"b"}`), "id", "key", "reason")
	f.Add([]byte("\xff\n"), "\"", "\x00", "é")
	f.Add([]byte("0"), "\xa4\xae", "0", "0") // a sign for each byte that is no UTF-8
	f.Fuzz(func(t *testing.T, body []byte, id, key, reason string) {
		m := engine.Message{Body: body, Time: noon, Meta: meta{id, key, map[string]any{key: id, "b": body}}}
		line := Envelope.Append(nil, &m, errors.New(reason))
		if bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("not one line: %q", line)
		}
		r, err := Envelope.Decode(line[:len(line)-1])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if !bytes.Equal(r.Body, body) || r.ID != string([]rune(id)) || !r.Time.Equal(noon) {
			t.Fatalf("%q became %+v", line, r)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"body":"x","headers":{"a":{"base64":"AQ=="}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		_, err := Envelope.Decode(line) // must not panic
		if err == nil {
			return
		}
		if word := ourwords.Foreign(err.Error()); word != "" && !bytes.Contains(line, []byte(word)) {
			t.Errorf("%q is told with %q: %v", line, word, err)
		}
	})
}

// BenchmarkEncode is the cost of a message of 262 bytes in a batch of 1000, in both formats and at the levels that users choose: one operation
// is one message. "ratio" says how much smaller it becomes.
func BenchmarkEncode(b *testing.B) {
	batch := &engine.Batch{}
	for _, line := range jsonscantest.Lines("262B", 1000) {
		batch.Messages = append(batch.Messages, engine.Message{Body: line, Time: noon})
	}
	levels := map[Compression][]int{None: {0}, Gzip: {1, 3, 5, 6, 9}, Zstd: {1, 3, 7, 11}}
	for _, f := range []Format{Lines, Envelope} {
		for _, c := range []Compression{None, Gzip, Zstd} {
			for _, level := range levels[c] {
				b.Run(fmt.Sprintf("%s/%s%d", f, c, level), func(b *testing.B) {
					e := mustNew(b, f, c, level)
					packed := 0
					b.ReportAllocs()
					b.SetBytes(batch.Bytes() / int64(len(batch.Messages)))
					for n := 0; n < b.N; n += len(batch.Messages) {
						buf, err := e.Encode(batch)
						if err != nil {
							b.Fatal(err)
						}
						packed = int(buf.Size())
						buf.Release()
					}
					b.ReportMetric(float64(batch.Bytes())/float64(packed), "ratio")
				})
			}
		}
	}
}

// A few bytes of zstd can ask for a window of gigabytes. They must not take the memory that the pipeline's logs are in.
func TestWindowIsBounded(t *testing.T) {
	for size, want := range map[int]error{maxWindow: nil, 4 * maxWindow: zstd.ErrWindowSizeExceeded} {
		var packed bytes.Buffer
		z, err := zstd.NewWriter(&packed, zstd.WithWindowSize(size), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // several blocks, so that the frame does not say how little is in it
			z.Write([]byte("hello\n"))
			z.Flush()
		}
		z.Close()
		r, err := NewReader(&packed, Zstd)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		r.Close()
		if !errors.Is(err, want) || (want == nil) != (string(text) == "hello\nhello\nhello\n") {
			t.Errorf("a window of %d: %q, %v", size, text, err)
		}
	}
}

// Each worker keeps a compressor, and the heap grows to several times what is kept: a few MiB here are many of the process.
func TestCompressorsAreSmall(t *testing.T) {
	held := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const workers = 8
	for c, limit := range map[Compression]uint64{Gzip: 1536 << 10, Zstd: 2560 << 10} {
		e := mustNew(t, Lines, c, 0)
		line := []byte("a line of a batch that is larger than any window\n")
		var all []compressor
		before := held()
		for range workers {
			z, err := e.newCompressor()
			if err != nil {
				t.Fatal(err)
			}
			z.Reset(io.Discard)
			for range 100_000 {
				if _, err := z.Write(line); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			z.Reset(nil)
			all = append(all, z)
		}
		if each := (held() - before) / workers; each > limit {
			t.Errorf("%s: a compressor holds %d KiB, more than %d", c, each>>10, limit>>10)
		}
		runtime.KeepAlive(all)
	}
}
