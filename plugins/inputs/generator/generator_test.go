package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

func open(t testing.TB, c Config) engine.Input {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	in, err := New(c, engine.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return in
}

func with(change func(*Config)) Config {
	c := Defaults()
	change(&c)
	return c
}

// read reads one chunk and checks its form.
func read(t testing.TB, in engine.Input) (*engine.Batch, error) {
	t.Helper()
	b := new(engine.Batch)
	err := in.Read(t.Context(), b)
	if (err == nil) != (len(b.Messages) > 0) || len(b.Messages) > maxChunk {
		t.Fatalf("Read gave %d messages and %v", len(b.Messages), err)
	}
	for _, m := range b.Messages {
		if cap(m.Body) != len(m.Body) {
			t.Fatal("append to a body would write into its neighbour")
		}
	}
	return b, err
}

// all reads to the end.
func all(t testing.TB, in engine.Input) (chunks []*engine.Batch) {
	t.Helper()
	for {
		b, err := read(t, in)
		if errors.Is(err, io.EOF) {
			return chunks
		}
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, b)
	}
}

type record struct {
	Timestamp time.Time `json:"timestamp"`
	Source    string    `json:"source"`
	Event     string    `json:"event"`
	Count     int       `json:"count"`
	Seq       int       `json:"seq"`
	Pad       string    `json:"pad"`
}

func parse(t testing.TB, chunks ...*engine.Batch) (records []record) {
	t.Helper()
	for _, b := range chunks {
		for _, m := range b.Messages {
			var r record
			if err := json.Unmarshal(m.Body, &r); err != nil {
				t.Fatalf("%s: %v", m.Body, err)
			}
			if d := m.Time.Sub(r.Timestamp); d < 0 || d >= time.Microsecond {
				t.Fatalf("the message says %v, its record %v", m.Time, r.Timestamp)
			}
			r.Timestamp = time.Time{}
			records = append(records, r)
		}
	}
	return records
}

func seqs(records []record) (seqs []int) {
	for _, r := range records {
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

func TestSuite(t *testing.T) {
	enginetest.TestInput(t, enginetest.InputSuite{
		New: func(t *testing.T, bodies [][]byte) engine.Input {
			in, err := New(with(func(c *Config) { c.Count = len(bodies) }), engine.Env{})
			if err != nil {
				t.Fatal(err)
			}
			return in
		},
		Invents: true,
	})
}

func TestRecords(t *testing.T) {
	records := parse(t, all(t, open(t, with(func(c *Config) { c.Count, c.Start = 3000, 7 })))...)
	seen := map[string]int{}
	for i, r := range records {
		if r.Seq != 7+i || r.Pad != "" {
			t.Fatalf("record %d is %+v", i, r)
		}
		seen[r.Source]++
		seen[r.Event]++
		seen[fmt.Sprint(r.Count)]++
	}
	if len(records) != 3000 || len(seen) != 3+3+5 {
		t.Errorf("%d records with the values %v", len(records), seen)
	}
	for value, n := range seen {
		if n < 450 {
			t.Errorf("%s comes only %d times", value, n)
		}
	}
}

func TestSeedDecidesTheRecords(t *testing.T) {
	get := func(seed int) []record {
		return parse(t, all(t, open(t, with(func(c *Config) { c.Count, c.Seed, c.Size = 1000, seed, 300 })))...)
	}
	if diff := cmp.Diff(get(1), get(1)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(get(1), get(2)) {
		t.Error("seeds 1 and 2 give the same records")
	}
}

func TestSize(t *testing.T) {
	for _, size := range []int{1, 100, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 250, 70_000, 2 << 20} {
		count := max(2, min(20, maxChunkBytes/size))
		for _, b := range all(t, open(t, with(func(c *Config) { c.Count, c.Size = count, engine.Bytes(size) }))) {
			parse(t, b)
			for _, m := range b.Messages {
				if len(m.Body) != size && (size > len(m.Body) || len(m.Body) > recordLength) {
					t.Errorf("size %d: a message of %d bytes: %.200s", size, len(m.Body), m.Body)
				}
			}
			if b.Bytes() > maxChunkBytes && len(b.Messages) > 1 {
				t.Errorf("size %d: a chunk of %d messages, %d bytes", size, len(b.Messages), b.Bytes())
			}
		}
	}
}

func TestInvalidEvery(t *testing.T) {
	var invalid int
	for _, b := range all(t, open(t, with(func(c *Config) { c.Count, c.InvalidEvery, c.Size = 1000, 10, 200 }))) {
		for _, m := range b.Messages {
			if !json.Valid(m.Body) {
				invalid++
				if !json.Valid(append(m.Body, '}')) || len(m.Body) != 199 {
					t.Errorf("%s", m.Body)
				}
			}
		}
	}
	if invalid != 100 {
		t.Errorf("%d messages are invalid", invalid)
	}
}

// What is unacked when the input is closed must come again, exactly that, or a reconnect would lose it.
func TestUnackedRecordsComeAgain(t *testing.T) {
	in := open(t, with(func(c *Config) { c.Count = 5 * maxChunk }))
	var chunks []*engine.Batch
	for range 4 {
		b, _ := read(t, in)
		chunks = append(chunks, b)
	}
	if err := in.Ack(t.Context(), []uint64{chunks[2].Tag, chunks[0].Tag}); err != nil {
		t.Fatal(err)
	}
	in.Close(t.Context())
	in.Open(t.Context())
	first, _ := read(t, in)
	if !bytes.Equal(first.Messages[maxChunk-1].Body, chunks[1].Messages[maxChunk-1].Body) {
		t.Errorf("%s came again as %s", chunks[1].Messages[maxChunk-1].Body, first.Messages[maxChunk-1].Body)
	}
	if first.Tag != chunks[0].Tag || !slices.Equal(seqs(parse(t, first)), seqs(parse(t, chunks[1]))) {
		t.Errorf("after the first Open: chunk %d with %v", first.Tag, seqs(parse(t, first)))
	}
	in.Close(t.Context()) // with one chunk read again and one not
	in.Open(t.Context())
	got := seqs(parse(t, all(t, in)...))
	var want []int
	for seq := 1; seq <= 5*maxChunk; seq++ {
		if chunk := (seq - 1) / maxChunk; chunk != 0 && chunk != 2 {
			want = append(want, seq)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	in.Close(t.Context())
	in.Open(t.Context()) // nothing was acked: all of it again, also after the end
	if diff := cmp.Diff(want, seqs(parse(t, all(t, in)...))); diff != "" {
		t.Error(diff)
	}
}

func TestAckOfUnknownTag(t *testing.T) {
	in := open(t, with(func(c *Config) { c.Count = 1 }))
	b, _ := read(t, in)
	if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
		t.Fatal(err)
	}
	if err := in.Ack(t.Context(), []uint64{b.Tag}); err == nil {
		t.Error("the same tag was acked twice")
	}
}

func TestRate(t *testing.T) {
	for _, rate := range []float64{0.1, 1, 3, 100, 999, 1500, 100_000, 5_000_000} {
		synctest.Test(t, func(t *testing.T) {
			in := open(t, with(func(c *Config) { c.Rate = rate }))
			start, n, length := time.Now(), 0, time.Duration(float64(max(20, min(50_000, rate)))/rate*1e9)
			for {
				b, _ := read(t, in)
				if time.Since(start) > length {
					break
				}
				n += len(b.Messages)
				// Never more than is due, never a millisecond's worth less.
				due := time.Since(start).Seconds()*rate + 1
				if float64(n) > due+0.01 || float64(n) < due-2-float64(maxChunk)-rate/1000 {
					t.Fatalf("rate %v: %d records after %v", rate, n, time.Since(start))
				}
			}
			if want := length.Seconds() * rate; math.Abs(float64(n)-want) > 1+rate/1000+maxChunk {
				t.Errorf("rate %v: %d records in %v", rate, n, length)
			}
		})
	}
}

// After an outage of an hour a burst of an hour's records would be no even load.
func TestRateMakesUpForOneSecondOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := open(t, with(func(c *Config) { c.Rate = 1000 }))
		read(t, in)
		time.Sleep(time.Hour)
		start, n := time.Now(), 0
		for {
			b, _ := read(t, in)
			if time.Since(start) > 0 {
				break
			}
			n += len(b.Messages)
		}
		if n != 1000 {
			t.Errorf("%d records at once", n)
		}
	})
}

func TestReadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := open(t, with(func(c *Config) { c.Rate = 0.000_000_001 }))
		read(t, in)
		errStop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1000*time.Hour, func() { cancel(errStop) })
		b := new(engine.Batch)
		if err := in.Read(ctx, b); !errors.Is(err, errStop) || len(b.Messages) > 0 {
			t.Errorf("%d messages, %v", len(b.Messages), err)
		}
		if err := open(t, Defaults()).Read(ctx, b); !errors.Is(err, errStop) || len(b.Messages) > 0 {
			t.Errorf("without a rate: %d messages, %v", len(b.Messages), err)
		}
	})
}

func TestValidate(t *testing.T) {
	c := Config{Count: -1, Rate: math.NaN(), Size: -1, InvalidEvery: -1, Start: -1}
	want := []string{
		"count: -1 is less than 0; 0 is without end",
		"rate: NaN is not between 0 and 1e9; 0 is as fast as possible",
		"size: -1B is not between 0 and 16MiB",
		"invalid_every: -1 is less than 0; 0 is never",
		"start: -1 is less than 0; 0 is the lowest",
	}
	if diff := cmp.Diff(want, strings.Split(c.Validate().Error(), "\n")); diff != "" {
		t.Error(diff)
	}
	if err := (Config{Count: 2, Start: math.MaxInt - 1}).Validate(); err == nil {
		t.Error("the last seq is more than an int can hold")
	}
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []engine.Bytes{0, 250} {
		b.Run(fmt.Sprintf("size %d", size), func(b *testing.B) {
			in := open(b, with(func(c *Config) { c.Size = size }))
			chunk := new(engine.Batch)
			tags := make([]uint64, 1)
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(chunk.Messages) { // one operation is one message
				*chunk = engine.Batch{Messages: chunk.Messages[:0]}
				if err := in.Read(b.Context(), chunk); err != nil {
					b.Fatal(err)
				}
				tags[0] = chunk.Tag
				if err := in.Ack(b.Context(), tags); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
