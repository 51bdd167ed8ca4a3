package encode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/logpipe/logpipe/engine"
)

// random is a text that no compressor makes much smaller.
func random(n int) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	for i := range b {
		b[i] = letters[b[i]&63]
	}
	return b
}

// sizes are those around which a body takes another way.
var sizes = []int{0, 1, largeBody - 1, largeBody, bodyPart - 1, bodyPart, bodyPart + 1, flushAt - 1, flushAt, flushAt + 1, pieceSize, 3*pieceSize + 7}

// A body that takes another way because it is large must come back as it went, whatever stands before and behind it.
func TestLargeBodiesComeBack(t *testing.T) {
	var want []string
	b := &engine.Batch{}
	for i, n := range sizes {
		text := random(n)
		binary := append(bytes.Clone(text), 0xff, '"', 0)
		for _, body := range [][]byte{text, binary, fmt.Appendf(nil, "small %d", i)} {
			want = append(want, string(body))
			b.Messages = append(b.Messages, engine.Message{Body: body, Time: noon})
		}
	}
	for _, f := range []Format{Lines, Envelope} {
		for _, c := range compressions {
			e := mustNew(t, f, c, 0)
			for range 2 { // the second time in memory that was used before
				buf, err := e.Encode(b)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ReadAll(buf.Reader(), f, c)
				if err != nil {
					t.Fatalf("%s, %s: %v", f, c, err)
				}
				for i, body := range bodies(got) {
					if body != want[i] {
						t.Errorf("%s, %s: body %d of %d bytes came back as another of %d", f, c, i, len(want[i]), len(body))
					}
				}
				if len(got) != len(want) {
					t.Errorf("%s, %s: %d messages came back of %d", f, c, len(got), len(want))
				}
				buf.Release()
			}
		}
	}
}

// The parts of an envelope are the envelope: else the same message would be another object each time.
func TestEnvelopeInParts(t *testing.T) {
	for _, n := range sizes {
		for _, body := range [][]byte{random(n), append(random(n), 0xff), []byte(strings.Repeat("\x01\"é", n/4))} {
			m := &engine.Message{Body: body, Time: noon}
			got := encodeAll(t, mustNew(t, Envelope, None, 0), &engine.Batch{Messages: []engine.Message{*m}})
			if !bytes.Equal(got, Envelope.Append(nil, m, nil)) {
				t.Errorf("a body of %d bytes is not the same in parts", len(body))
			}
		}
	}
}

// An upload reads what is in a buffer, goes back, and reads it again: for its checksum, and at another attempt.
func TestReader(t *testing.T) {
	for _, n := range sizes {
		b := batchOf(string(random(n)), "small", string(random(n)), string(random(3)))
		buf, err := mustNew(t, Lines, None, 0).Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(buf.Reader(), bytes.Join(buf.Parts(), nil)); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// allocated is how many bytes f allocates, and how many of them are held after it.
func allocated(f func()) (all, held int64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// What a batch takes beside its messages while it is written is all memory that max_in_flight_bytes does not count. Large bodies that are
// written as they are take none; others their own size once, and no garbage of growing.
func TestBatchIsNotTwiceInMemory(t *testing.T) {
	const total = 8 << 20
	for _, size := range []int{1 << 10, 64 << 10, 4 << 20} {
		var list []string
		for range total / size {
			list = append(list, string(random(size)))
		}
		b := batchOf(list...)
		for _, f := range []Format{Lines, Envelope} {
			for _, c := range []Compression{None, Gzip, Zstd} {
				e := mustNew(t, f, c, 0)
				var buf *Buffer
				all, held := allocated(func() {
					var err error
					if buf, err = e.Encode(b); err != nil {
						t.Fatal(err)
					}
				})
				want := buf.Size()
				if f == Lines && c == None && size >= largeBody {
					want = 0
				}
				const little = 3 << 20 // a compressor
				if held > want+little || all > want+want/4+little {
					t.Errorf("%s, %s, bodies of %d: %d bytes become %d, for which %d are allocated and %d held", f, c, size, total, buf.Size(), all, held)
				}
				buf.Release()
			}
		}
		runtime.KeepAlive(b)
	}
}

// One batch that is far larger than the others must not hold its memory for as long as the small ones come.
func TestALargeBufferIsLetGo(t *testing.T) {
	for _, f := range []Format{Lines, Envelope} {
		e := mustNew(t, f, None, 0)
		large := batchOf(string(random(8<<20)), string(random(1000)))
		for range 1000 {
			large.Messages = append(large.Messages, large.Messages[1])
		}
		for _, b := range []*engine.Batch{large, batchOf("small")} {
			buf, err := e.Encode(b)
			if err != nil {
				t.Fatal(err)
			}
			buf.Release()
			if cap(buf.raw) > mostRaw || buf.out.size != 0 || len(buf.out.own) != 0 {
				t.Errorf("%s: a buffer that nobody uses keeps %d bytes and %d pieces", f, cap(buf.raw), len(buf.out.own))
			}
			for _, part := range buf.out.parts[:cap(buf.out.parts)] {
				if part != nil {
					t.Fatalf("%s: a buffer that nobody uses keeps a body alive", f)
				}
			}
		}
	}
}
