package rabbitmq

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// endless sends one delivery after the other, made as it is read.
type endless struct {
	one  stream
	size int
	tag  uint64
	most uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.one.Len() == 0 {
		if e.tag == e.most {
			return 0, io.EOF
		}
		e.tag++
		e.one.deliver(e.tag, "exchange", "key", []byte{0, 0}, make([]byte, e.size), nil)
	}
	return e.one.Read(p)
}

// holder makes chunks of what comes, as an input does, and lets all of them go but every n-th.
type holder struct {
	chunk, every int

	open    []Incoming
	chunks  int
	held    []engine.Message
	counted int
}

func (h *holder) Receive(list []Incoming) {
	for i := range list {
		h.open = append(h.open, list[i])
		if len(h.open) < h.chunk {
			continue
		}
		chunk := Compact(h.open)
		h.open = nil
		if h.chunks++; h.chunks%h.every == 0 {
			m := &chunk[len(chunk)/2] // one keeps its chunk, for the window as for the memory
			h.held = append(h.held, engine.Message{Body: m.Body, Meta: &m.Meta})
			for i := range chunk {
				h.counted += chunk[i].Size
			}
		}
	}
}

func liveHeap() int {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// What is held is bounded by what is counted. A message that is held for long, one of 200 that came, kept its block of 64 KiB alive: 5,000 of them, of 250 B each,
// counted 1.6 MB and held 328 MB.
func TestWhatIsHeldIsWhatIsCounted(t *testing.T) {
	for _, c := range []struct{ size, chunk, every, messages int }{
		{250, 1, 200, 400_000}, {250, 1, 1, 5_000}, {250, 20, 10, 100_000}, {250, 256, 10, 200_000}, {250, 256, 1, 100_000},
		{4 << 10, 1, 200, 40_000}, {4 << 10, 16, 10, 20_000}, {4 << 10, 256, 5, 20_000}, {40 << 10, 1, 20, 4_000}, {40 << 10, 8, 2, 2_000},
		{100 << 10, 1, 5, 1_000}, {1 << 20, 1, 5, 100}, {16 << 20, 1, 3, 12},
	} {
		name := fmt.Sprintf("%d bytes, one of %d in chunks of %d", c.size, c.every, c.chunk)
		before := liveHeap()
		h := &holder{chunk: c.chunk, every: c.every}
		tap := newTap(&endless{one: stream{frame: maxFrame - framing.Overhead}, size: c.size, most: uint64(c.messages)})
		tap.take("q", h)
		if _, err := io.Copy(io.Discard, tap); err != nil {
			t.Fatal(err)
		}
		held := liveHeap() - before
		ratio := float64(held) / float64(h.counted)
		t.Logf("%s: %d held, counted %d, heap %d: %.2f", name, len(h.held), h.counted, held, ratio)
		if len(h.held) == 0 || ratio > 2 || ratio < 0.5 {
			t.Errorf("%s: %d bytes are counted and %d are held", name, h.counted, held)
		}
		runtime.KeepAlive(h)
		runtime.KeepAlive(tap)
	}
}

// A chunk that is copied must be what it was.
func TestCompactChangesNothing(t *testing.T) {
	s := stream{frame: maxFrame - framing.Overhead}
	for tag := range uint64(20) {
		s.deliver(tag+1, "exchange", fmt.Sprint(tag), []byte{0, 0}, bytes.Repeat([]byte{byte(tag)}, int(tag)*10), nil)
	}
	s.deliver(21, "exchange", "20", []byte{0, 0}, make([]byte, 300_000), nil)
	tap := newTap(bytes.NewReader(s.Bytes()))
	var kept keeper
	tap.take("q", &kept)
	if _, err := io.Copy(io.Discard, tap); err != nil {
		t.Fatal(err)
	}
	got := Compact(kept)
	clear(tap.block)
	for i, m := range got[:20] {
		if m.Tag != uint64(i+1) || m.Meta.RoutingKey() != fmt.Sprint(i) || !bytes.Equal(m.Body, bytes.Repeat([]byte{byte(i)}, i*10)) || cap(m.Body) != len(m.Body) {
			t.Errorf("message %d was changed", i)
		}
	}
	if len(got) != 21 || len(got[20].Body) != 300_000 {
		t.Error("a message is missing")
	}
}
