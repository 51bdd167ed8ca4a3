package linefile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/internal/ourwords"
)

var update = flag.Bool("update", false, "write testdata anew")

var ignoreReceipts = cmpopts.IgnoreUnexported(engine.Batch{}, engine.Message{})

// sameMeta compares what can be asked of a Meta, and NaN with NaN.
var sameMeta = cmp.Options{
	ignoreReceipts,
	cmp.Transformer("meta", func(m engine.Meta) any {
		if m == nil {
			return nil
		}
		more, _ := m.(interface{ Properties() map[string]any })
		return []any{m.ID(), m.RoutingKey(), m.Headers(), more.Properties()}
	}),
	cmpopts.EquateNaNs(),
	cmp.Comparer(bytes.Equal),
}

func seal(batches ...*engine.Batch) []byte {
	var file []byte
	for _, b := range batches {
		file = AppendHeader(file, "", b)
		for _, m := range b.Messages {
			file = append(append(file, m.Body...), '\n')
		}
	}
	return file
}

// unseal reads a whole file and returns what it is made of, in order: *engine.Batch and error.
func unseal(t testing.TB, file []byte, size int64, wrap func(io.Reader) io.Reader) (parts []any) {
	t.Helper()
	u := NewUnsealer(wrap(bytes.NewReader(file)), 0, size, noon)
	for last := int64(-1); ; {
		b := &engine.Batch{}
		if more, at := u.More(), u.Offset(); more != (at < int64(len(file))) {
			t.Fatalf("More says %v at %d of %d bytes", more, at, len(file))
		}
		span, err := u.Next(b)
		var cut *CutError
		var damage *DamageError
		switch {
		case err == io.EOF:
			if u.Offset() != int64(len(file)) {
				t.Fatalf("the end at %d of %d bytes", u.Offset(), len(file))
			}
			return parts
		case errors.As(err, &cut), errors.As(err, &damage):
			parts = append(parts, err)
		case err != nil:
			return append(parts, err)
		default:
			if span.From <= last || span.To <= span.From || span.To != u.Offset() || len(b.Messages) == 0 {
				t.Fatalf("span %v behind %d, %d messages", span, last, len(b.Messages))
			}
			last = span.From
			parts = append(parts, b)
		}
	}
}

func plainReader(r io.Reader) io.Reader { return r }

func batchOf(id string, bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: id, Partition: "source=app1", Time: noon, SealedBy: engine.SealedByCount}
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: noon})
	}
	return b
}

// The format is a contract: files of an older version must be read by a newer one.
func TestGoldenFile(t *testing.T) {
	everything := batchOf("01HX4Q4T3V0000000000000002", `{"two":"lines
"}`, "", "\x00\xff\r", `{"logpipe_batch":1,`)
	everything.Partition = "source=app%2F1/day=2024-05-06"
	everything.Messages[1].Time = noon.Add(-time.Hour)
	everything.Messages[2].Time = time.Time{}
	everything.Messages[1].Meta = &meta{id: "m-1", key: "logs.app1", headers: map[string]any{
		"nil": nil, "yes": true, "int": int64(-7), "uint": uint64(math.MaxUint64), "float": 1.0, "text": "a \"quote\"\n\x01", "bytes": []byte("b"),
		"time": noon, "list": []any{int64(1), "x", []any{}}, "table": map[string]any{"b64": "no tag"}, "latin1": "\xe9",
	}}
	everything.Messages[3].Meta = &meta{}
	want := []any{batchOf("01HX4Q4T3V0000000000000001", `{"source":"app1"}`, `{"source":"app1"}`), everything}

	got := seal(want[0].(*engine.Batch), everything)
	owned := batchOf("01HX4Q4T3V0000000000000003", "x")
	want = append(want, owned)
	got = append(AppendHeader(got, "logs \"a\"", owned), "x\n"...)
	if *update {
		if err := os.WriteFile("testdata/sealed.ndjson", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/sealed.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(golden), string(got)); d != "" {
		t.Errorf("written (-want +got):\n%s", d)
	}
	first, err := os.ReadFile("testdata/sealed-first-release.ndjson") // which escaped line feeds in another way
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range [][]byte{golden, first} {
		if d := cmp.Diff(want, unseal(t, file, int64(len(file)), plainReader), sameMeta); d != "" {
			t.Errorf("read back (-want +got):\n%s", d)
		}
	}
}

// odd makes text that tries to be mistaken for something else.
func odd(rnd *rand.Rand) string {
	pieces := []string{"", "\n", "\r\n", "\x00", "\xff\xfe", `{"a":1}`, marker, marker + `1,"id":"x"}`, `"`, `\`, "é", "\u2028", strings.Repeat("x", rnd.IntN(3000))}
	var s strings.Builder
	for range rnd.IntN(4) {
		s.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return s.String()
}

func oddTime(rnd *rand.Rand) time.Time {
	switch rnd.IntN(6) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(rnd.Int64N(1e14)-5e13, rnd.Int64N(1e9)).UTC()
	case 2:
		return noon
	}
	return noon.Add(time.Duration(rnd.Int64N(1e12)))
}

func oddValue(rnd *rand.Rand, depth int) any {
	switch n := rnd.IntN(10); {
	case n == 0:
		return nil
	case n == 1:
		return rnd.IntN(2) == 0
	case n == 2:
		return int64(rnd.Uint64())
	case n == 3:
		return rnd.Uint64()
	case n == 4:
		return []float64{rnd.NormFloat64(), math.Inf(1), math.NaN(), 0, 1e300, 3}[rnd.IntN(6)]
	case n == 5:
		return []byte(odd(rnd))
	case n == 6:
		return oddTime(rnd)
	case n == 7 && depth < 3:
		list := []any{}
		for range rnd.IntN(4) {
			list = append(list, oddValue(rnd, depth+1))
		}
		return list
	case n == 8 && depth < 3:
		return oddTable(rnd, depth+1)
	}
	return odd(rnd)
}

func oddTable(rnd *rand.Rand, depth int) map[string]any {
	table := map[string]any{}
	for range rnd.IntN(4) {
		table[[]string{"map", "b64", "a", "\xff", odd(rnd)}[rnd.IntN(5)]] = oddValue(rnd, depth)
	}
	return table
}

func oddBatch(rnd *rand.Rand) *engine.Batch {
	b := &engine.Batch{ID: "id" + odd(rnd), Partition: odd(rnd), Time: oddTime(rnd), SealedBy: odd(rnd)}
	known, times, plain := rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(3) == 0
	for range 1 + rnd.IntN(8) {
		m := engine.Message{Body: []byte(odd(rnd)), Time: b.Time}
		if plain {
			m.Body = bytes.ReplaceAll(m.Body, []byte("\n"), nil)
		}
		if times {
			m.Time = oddTime(rnd)
		}
		if known && rnd.IntN(3) > 0 {
			m.Meta = &meta{id: odd(rnd), key: odd(rnd)}
			if rnd.IntN(2) == 0 {
				m.Meta.(*meta).headers = oddTable(rnd, 0)
			}
			if rnd.IntN(2) == 0 {
				m.Meta.(*meta).properties = oddTable(rnd, 0)
			}
		}
		b.Messages = append(b.Messages, m)
	}
	return b
}

// What comes home equals what fell back: id, partition, times, bodies and all that was known of them.
func TestSealedBatchesComeBackEqual(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		var want []any
		var file []byte
		for range 1 + rnd.IntN(4) {
			b := oddBatch(rnd)
			want = append(want, b)
			file = append(file, seal(b)...)
		}
		if file[len(file)-1] != '\n' {
			t.Fatalf("seed %d: the file does not end in a line feed", seed)
		}
		for _, size := range []int64{int64(len(file)), -1} {
			if d := cmp.Diff(want, unseal(t, file, size, iotest.HalfReader), sameMeta); d != "" {
				t.Fatalf("seed %d (-want +got):\n%s", seed, d)
			}
		}
	}
}

// A crash cuts a file anywhere. All batches in front of the cut come home, the one that was cut was never answered, and no half
// of it is taken for a log.
func TestCutAnywhere(t *testing.T) {
	one, two := batchOf("1", "a", "bb", ""), batchOf("2", "c\nc", "ddd")
	file := seal(one, two)
	first := int64(len(seal(one)))
	for n := range file {
		for _, size := range []int64{int64(n), -1} {
			var want []any
			at := int64(0)
			if int64(n) >= first {
				want, at = append(want, one), first
			}
			if int64(n) > at {
				want = append(want, &CutError{At: at})
			}
			if d := cmp.Diff(want, unseal(t, file[:n], size, plainReader), sameMeta); d != "" {
				t.Fatalf("cut at %d (-want +got):\n%s", n, d)
			}
		}
	}
}

// Whatever byte of the middle batch is spoilt: its neighbours come home whole, and it is not delivered as if it were well.
func TestDamageAnywhere(t *testing.T) {
	before, middle, after := batchOf("1", "a", "b"), batchOf("2", "cc\n", "dd"), batchOf("3", "e", "f")
	from, to := len(seal(before)), len(seal(before, middle))
	for at := from; at < to; at++ {
		for _, bit := range []byte{1, 2, 0x80} {
			file := seal(before, middle, after)
			file[at] ^= bit
			parts := unseal(t, file, int64(len(file)), plainReader)
			if len(parts) < 3 {
				t.Fatalf("byte %d: %d parts", at, len(parts))
			}
			if !cmp.Equal(parts[0], any(before), sameMeta) || !cmp.Equal(parts[len(parts)-1], any(after), sameMeta) {
				t.Fatalf("byte %d: a neighbour is lost: %v", at, parts)
			}
			for _, p := range parts[1 : len(parts)-1] {
				if b, ok := p.(*engine.Batch); ok {
					t.Fatalf("byte %d: of the damaged batch came as if it were well: %q with %d messages", at, b.ID, len(b.Messages))
				}
			}
			alone := seal(middle, after) // the same at the beginning of a file, where lines of other programs may stand
			alone[at-from] ^= bit
			if parts := unseal(t, alone, int64(len(alone)), plainReader); len(parts) != 2 || !cmp.Equal(parts[1], any(after), sameMeta) {
				t.Fatalf("byte %d at the beginning: %v", at, parts)
			}
		}
	}
}

// Somebody took a line out by hand, so that the header tells a wrong length: the next batch is found all the same.
func TestEditedFile(t *testing.T) {
	before, middle, after := batchOf("1", "a"), batchOf("2", "cc", "dd", "ee"), batchOf("3", "e")
	for _, edit := range [][2]string{{"dd\n", ""}, {"cc\n", "cc\nmore\n"}, {"ee\n", ""}} {
		file := strings.Replace(string(seal(before, middle, after)), edit[0], edit[1], 1)
		parts := unseal(t, []byte(file), int64(len(file)), plainReader)
		var damage *DamageError
		if len(parts) != 3 || !cmp.Equal(parts[0], any(before), sameMeta) || !cmp.Equal(parts[2], any(after), sameMeta) {
			t.Fatalf("%q: %v", edit, parts)
		}
		if err, _ := parts[1].(error); !errors.As(err, &damage) || damage.To != int64(len(file)-len(seal(after))) {
			t.Errorf("%q: %v", edit, parts[1])
		}
	}
}

// A file of another program. Its empty lines are nothing that anybody logged.
func TestLinesWithoutHeader(t *testing.T) {
	file := `{"n":1}` + "\n\n" + `{"n":2}` + "\n\r\n\n" + string(seal(batchOf("1", "a", ""))) + string(seal(batchOf("2", "b")))
	for _, size := range []int64{int64(len(file)), -1} {
		var got []string
		for _, p := range unseal(t, []byte(file), size, iotest.OneByteReader) {
			b := p.(*engine.Batch)
			for _, m := range b.Messages {
				if !m.Time.Equal(noon) {
					t.Errorf("time %v", m.Time)
				}
				got = append(got, b.ID+":"+string(m.Body))
			}
		}
		if d := cmp.Diff([]string{`:{"n":1}`, `:{"n":2}`, "1:a", "1:", "2:b"}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	parts := unseal(t, []byte("\n{\"n\":1}\n{\"n\":"), -1, plainReader)
	if len(parts) != 2 || string(parts[1].(*engine.Batch).Messages[0].Body) != `{"n":` {
		t.Errorf("a line without an end: %v", parts)
	}
	u := NewUnsealer(strings.NewReader("{\"n\":1}\n{\"n\":"), 0, -1, noon)
	u.Hold()
	b := &engine.Batch{}
	if _, err := u.Next(b); err != nil || len(b.Messages) != 1 {
		t.Errorf("%d messages, %v", len(b.Messages), err)
	}
	if _, err := u.Next(b); !errors.Is(err, ErrTail) {
		t.Errorf("a line that may still be written to: %v", err)
	}
}

// What is left of a batch is neither a message nor nothing: it comes as damage, so that its file is kept, and all that is well comes home.
func TestLinesThatAreNoMessages(t *testing.T) {
	one, two := batchOf("1", "a"), batchOf("2", "b", "c\n{}")
	zeros := strings.Repeat("\x00", 20)
	headless := zeros + string(seal(two))[20:]
	long := strings.Repeat("x", longestPlain+1) + "\n"
	for name, parts := range map[string][]string{ // those that begin with "!" are damaged
		"zeros behind":           {string(seal(one)), "!" + zeros},
		"lines behind":           {string(seal(one)), "!{\"n\":1}\n", string(seal(two)), "!{\"n\":2}\nx"},
		"first header":           {"!" + headless, string(seal(one))},
		"header in the middle":   {string(seal(one)), "!" + headless, string(seal(one))},
		"header behind lines":    {"n\n", "!" + headless},
		"zeros in another's":     {"n\n", "!a" + zeros + "\n", "m\n", "!" + zeros},
		"long line of another's": {"n\n", "!" + long, "m\n"},
		"long line behind":       {string(seal(one)), "!" + long, string(seal(two))},
		"only zeros":             {"!" + zeros},
	} {
		t.Run(name, func(t *testing.T) {
			var file string
			var spans []Span
			for _, p := range parts {
				text, bad := strings.CutPrefix(p, "!")
				if file += text; bad {
					spans = append(spans, Span{int64(len(file) - len(text)), int64(len(file))})
				}
			}
			var got []Span
			batches := 0
			for _, p := range unseal(t, []byte(file), int64(len(file)), plainReader) {
				var damage *DamageError
				if err, ok := p.(error); !ok {
					batches++
				} else if errors.As(err, &damage) {
					got = append(got, damage.Span)
				} else {
					t.Errorf("%v", err)
				}
			}
			if d := cmp.Diff(spans, got); d != "" || batches != len(parts)-len(spans) {
				t.Errorf("%d batches, and damage (-want +got):\n%s", batches, d)
			}
		})
	}
}

// Headers that nobody may believe: they would make a reader take memory without end, or invent messages.
func TestBadHeaders(t *testing.T) {
	sum := func(s string) string {
		return s + sumName + fmt.Sprintf("%08x", checksum([]byte(s))) + `"}` + "\n"
	}
	good := `,"id":"1","partition":"","time":"2024-05-06T12:00:00Z"`
	for name, header := range map[string]string{
		"no sum":           marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"00000000"}` + "\n",
		"wrong sum":        strings.Replace(sum(marker+`1`+good+`,"count":1,"bytes":2,"crc32c":"00000000"`), `"count":1`, `"count":2`, 1),
		"newer version":    sum(marker + `2` + good + `,"count":1,"bytes":2,"crc32c":"00000000"`),
		"no count":         sum(marker + `1` + good + `,"count":0,"bytes":0,"crc32c":"00000000"`),
		"negative bytes":   sum(marker + `1` + good + `,"count":1,"bytes":-5,"crc32c":"00000000"`),
		"huge count":       sum(marker + `1` + good + `,"count":999999999999,"bytes":2,"crc32c":"00000000"`),
		"wrong lengths":    sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","lengths":[7]`),
		"negative length":  sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","lengths":[-7]`),
		"short lengths":    sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","lengths":[0]`),
		"many lengths":     sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","lengths":[1,1]`),
		"bad time":         sum(marker + `1` + good[:len(good)-5] + `","count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `"`),
		"bad meta":         sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","meta":[{"id":7}]`),
		"bad header":       sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","meta":[{"headers":{"what":"x"}}]`),
		"no JSON":          sum(marker + `1,,`),
		"text for a count": sum(marker + `1` + good + `,"count":"x","bytes":2,"crc32c":"00000000"`),
		"fraction":         sum(marker + `1` + good + `,"count":1.5,"bytes":2,"crc32c":"00000000"`),
		"lists for texts":  sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":[]`),
		"bad message time": sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","times":[1.5]`),
		"no message time":  sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","times":["yesterday"]`),
		"era":              sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","times":["@x.y"]`),
		"null time":        sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","times":[null]`),
		"bad numbers":      sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","meta":[{"headers":{"map":{"a":{"u64":"-1"}}}}]`),
		"bad bytes":        sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","meta":[{"headers":{"map":{"a":{"b64":"?"}}}}]`),
		"a list as id":     sum(marker + `1` + good + `,"count":1,"bytes":2,"crc32c":"` + sumOf("x\n") + `","meta":[{"id":["x",{"map":{"y":1}}]}]`),
	} {
		t.Run(name, func(t *testing.T) {
			file := append([]byte(header+"x\n"), seal(batchOf("2", "next"))...)
			parts := unseal(t, file, int64(len(file)), plainReader)
			if len(parts) != 2 {
				t.Fatalf("got %v", parts)
			}
			var damage *DamageError
			if err, _ := parts[0].(error); !errors.As(err, &damage) || damage.From != 0 || damage.To != int64(len(header)+2) {
				t.Errorf("got %v", parts[0])
			} else if word := ourwords.Foreign(damage.Error()); word != "" { // it is in the log
				t.Errorf("the damage is told with %q: %v", word, damage)
			}
			if b, ok := parts[1].(*engine.Batch); !ok || b.ID != "2" {
				t.Errorf("the next batch is %v", parts[1])
			}
		})
	}
}

// A header that says 8 EiB in a compressed file must not make anybody reserve them.
func TestHugeBytes(t *testing.T) {
	line := marker + `1,"id":"1","partition":"","time":"2024-05-06T12:00:00Z","count":1,"bytes":9223372036854775807,"crc32c":"00000000"`
	line += sumName + sumOf(line) + `"}` + "\n"
	for _, size := range []int64{-1, int64(len(line)) + 2} {
		parts := unseal(t, []byte(line+"x\n"), size, plainReader)
		var cut *CutError
		if err, _ := parts[0].(error); len(parts) != 1 || !errors.As(err, &cut) {
			t.Errorf("got %v", parts)
		}
	}
}

// A batch that comes home is in memory beside all that the input holds. What it takes to read it must be little more than the batch, also where a
// compressed file does not say how long it is.
func TestReadingABatchTakesItsSize(t *testing.T) {
	const size = 16 << 20
	file := seal(&engine.Batch{ID: "large", Time: noon, Messages: []engine.Message{{Body: bytes.Repeat([]byte("x"), size), Time: noon}}})
	for _, known := range []int64{int64(len(file)), -1} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b := &engine.Batch{}
		if _, err := NewUnsealer(bytes.NewReader(file), 0, known, noon).Next(b); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > size+size/4 {
			t.Errorf("%d bytes are allocated for a batch of %d (its end is said to be at %d)", n, size, known)
		}
	}
}

func TestBrokenDiskIsNoCut(t *testing.T) {
	file := seal(batchOf("1", "a", "b"), batchOf("2", "c"))
	broken := errors.New("disk broken")
	for n := range file {
		u := NewUnsealer(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)), 0, int64(len(file)), noon)
		for {
			b := &engine.Batch{}
			_, err := u.Next(b)
			if err == nil && b.ID != "" {
				continue
			}
			if !errors.Is(err, broken) {
				t.Fatalf("at %d: %v; the rest of the file would be dropped", n, err)
			}
			break
		}
	}
}

// One producer can send tables within tables without end. They must not make a header that nobody reads: the whole batch would go with it.
func TestDeepHeaders(t *testing.T) {
	for _, depth := range []int{10, 999, 6000, 20_000} {
		var tables, lists, odd any = "t", "l", "o"
		for range depth {
			tables, lists, odd = map[string]any{"a": tables}, []any{lists}, map[string]any{"\xff": odd}
		}
		b := batchOf("1", "x", "y")
		b.Messages[0].Meta = &meta{headers: map[string]any{"tables": tables, "lists": lists, "odd": odd}}
		parts := unseal(t, seal(b), -1, plainReader)
		got, ok := parts[0].(*engine.Batch)
		if !ok || got.ID != "1" || len(got.Messages) != 2 {
			t.Fatalf("%d levels: %.200v", depth, parts[0])
		}
		if depth < 1000 && !reflect.DeepEqual(got.Messages[0].Meta.Headers(), b.Messages[0].Meta.Headers()) {
			t.Errorf("%d levels came back changed", depth)
		}
	}
}

// Two pipelines on one file: each finds its own batches, and those that say nothing, and leaves the others.
func TestBatchesOfOtherPipelines(t *testing.T) {
	var file []byte
	for i, pipeline := range []string{"one", "two", "", "one"} {
		file = append(AppendHeader(file, pipeline, batchOf(fmt.Sprint(i), "x\ny")), "x\ny\n"...)
	}
	for only, want := range map[string]string{"one": "0two23", "two": "one12one", "": "0123"} {
		u := NewUnsealer(bytes.NewReader(file), 0, int64(len(file)), noon)
		u.Only(only)
		got := ""
		for {
			var b engine.Batch
			_, err := u.Next(&b)
			var foreign *ForeignError
			if err == io.EOF {
				break
			} else if errors.As(err, &foreign) {
				got += foreign.Pipeline
			} else if err != nil {
				t.Fatal(err)
			}
			got += b.ID
		}
		if got != want {
			t.Errorf("for %q came %s, want %s", only, got, want)
		}
	}
}

func TestSkip(t *testing.T) {
	one, two := batchOf("1", "a", strings.Repeat("b", 500_000)), batchOf("2", "c")
	file := seal(one, two)
	u := NewUnsealer(bytes.NewReader(file), 0, int64(len(file)), noon)
	if err := u.Skip(int64(len(seal(one)))); err != nil {
		t.Fatal(err)
	}
	var b engine.Batch
	if _, err := u.Next(&b); err != nil || b.ID != "2" {
		t.Errorf("behind the first batch: %q, %v", b.ID, err)
	}
	if err := u.Skip(1); err != io.EOF {
		t.Errorf("skip behind the end: %v", err)
	}
}

func FuzzUnsealer(f *testing.F) {
	golden, err := os.ReadFile("testdata/sealed.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden, true)
	f.Add(golden[:len(golden)/2], false)
	f.Add([]byte("plain\n"+string(seal(batchOf("1", "a\n")))+"rest"), true)
	f.Fuzz(func(t *testing.T, file []byte, known bool) {
		size := int64(-1)
		if known {
			size = int64(len(file))
		}
		for _, p := range unseal(t, file, size, plainReader) {
			if err, ok := p.(error); ok {
				if word := ourwords.Foreign(err.Error()); word != "" && !bytes.Contains(file, []byte(word)) {
					t.Errorf("it is told with %q: %v", word, err)
				}
			}
			// What was read as sealed must be what was written: the same bytes again.
			if b, ok := p.(*engine.Batch); ok && b.ID != "" {
				again := unseal(t, seal(b), -1, plainReader)
				if d := cmp.Diff([]any{b}, again, sameMeta); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	batch := batchOf("1")
	for range 1000 {
		batch.Messages = append(batch.Messages, engine.Message{Body: bytes.Repeat([]byte("x"), 250), Time: noon})
	}
	b.SetBytes(250 * 1000)
	b.ReportAllocs()
	var header []byte
	for b.Loop() {
		header = AppendHeader(header[:0], "logs", batch)
	}
}

func BenchmarkUnseal(b *testing.B) {
	batch := batchOf("1")
	for range 1000 {
		batch.Messages = append(batch.Messages, engine.Message{Body: bytes.Repeat([]byte("x"), 250), Time: noon})
	}
	file := bytes.Repeat(seal(batch), 100)
	b.SetBytes(250 * 1000)
	b.ReportAllocs()
	u := NewUnsealer(bytes.NewReader(file), 0, int64(len(file)), noon)
	for b.Loop() {
		var got engine.Batch
		if _, err := u.Next(&got); err == io.EOF {
			u = NewUnsealer(bytes.NewReader(file), 0, int64(len(file)), noon)
		}
	}
}

func sumOf(s string) string { return string(appendSum(nil, checksum([]byte(s)))) }
