package encode

import (
	"io"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Buffer collects what is to be written at once. Append to it, Finish it, use Bytes, Release it. It is used by one goroutine
// at a time.
type Buffer struct {
	Messages    int       // how many were appended
	Raw         int64     // bytes before compression
	First, Last time.Time // the earliest and the latest time of the messages

	enc *Encoder
	z   compressor // nil without compression and between frames
	raw []byte     // encoded and not compressed yet
	out sink       // finished
	err error      // the first of the compressor
}

// compressor is what gzip.Writer and zstd.Encoder have in common.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// sink is the memory that a compressor writes to.
type sink struct{ bytes []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.bytes = append(s.bytes, p...)
	return len(p), nil
}

// flushAt is how much is collected before it is handed to the compressor: enough that a call costs nothing per message,
// and little enough to stay in the processor's cache.
const flushAt = 64 << 10

// Buffer returns an empty Buffer.
func (e *Encoder) Buffer() *Buffer {
	if b, ok := e.buffers.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{enc: e}
}

// Append writes one message, and the reason of a dead letter where there is one. The caller has asked Format.Check before.
func (b *Buffer) Append(m *engine.Message, reason error) {
	if b.Messages == 0 || m.Time.Before(b.First) {
		b.First = m.Time
	}
	if b.Messages == 0 || m.Time.After(b.Last) {
		b.Last = m.Time
	}
	b.Messages++
	if b.enc.compression == None {
		n := len(b.out.bytes)
		b.out.bytes = b.enc.format.Append(b.out.bytes, m, reason)
		b.Raw += int64(len(b.out.bytes) - n)
		return
	}
	n := len(b.raw)
	b.raw = b.enc.format.Append(b.raw, m, reason)
	b.Raw += int64(len(b.raw) - n)
	if len(b.raw) >= flushAt {
		b.flush()
	}
}

// AppendRaw writes p as it is, between messages: a header line for example.
func (b *Buffer) AppendRaw(p []byte) {
	b.Raw += int64(len(p))
	if b.enc.compression == None {
		b.out.bytes = append(b.out.bytes, p...)
		return
	}
	if b.raw = append(b.raw, p...); len(b.raw) >= flushAt {
		b.flush()
	}
}

// Finish ends the compressed frame. More can be appended afterwards and goes into a frame of its own; readers see frames
// that follow each other as one text. Finish again before Bytes is used.
func (b *Buffer) Finish() error {
	if b.enc.compression == None {
		return nil
	}
	if b.flush(); b.z == nil {
		return b.err
	}
	if err := b.z.Close(); err != nil && b.err == nil {
		b.err = err
	}
	b.z.Reset(nil)
	b.enc.compressors.Put(b.z)
	b.z = nil
	return b.err
}

// Bytes is what was written up to the last Finish; it is valid until Release.
func (b *Buffer) Bytes() []byte { return b.out.bytes }

// keptAlways is what a Buffer keeps for its next user. Above it, memory that was not used to a quarter is let go: one large batch among small
// ones must not stay in memory for ever, once for each worker.
const keptAlways = 1 << 20

// Release gives the memory back. Do not call it while somebody may still read Bytes: a Buffer that is not released
// is merely collected as garbage.
func (b *Buffer) Release() {
	if b.z != nil || b.err != nil { // in the middle of a frame: its state is of no use to the next user
		return
	}
	out := b.out.bytes[:0]
	if cap(out) > keptAlways && len(b.out.bytes) < cap(out)/4 {
		out = nil
	}
	*b = Buffer{enc: b.enc, raw: b.raw[:0], out: sink{out}}
	b.enc.buffers.Put(b)
}

// expect makes room, so that a large batch is not copied again and again while it grows.
func (b *Buffer) expect(batch *engine.Batch) {
	n := batch.Bytes()
	if b.enc.format == Envelope {
		n += n/8 + 64*int64(len(batch.Messages)) // quotes to escape, and the time
	}
	n += int64(len(batch.Messages))
	if b.enc.compression != None {
		b.raw = slices.Grow(b.raw, int(min(n, 2*flushAt)))
		n /= 8
	}
	b.out.bytes = slices.Grow(b.out.bytes, int(n))
}

// flush hands what is collected to the compressor, and opens a frame where none is open.
func (b *Buffer) flush() {
	if len(b.raw) == 0 || b.err != nil {
		return
	}
	if b.z == nil {
		z, ok := b.enc.compressors.Get().(compressor)
		if !ok {
			if z, b.err = b.enc.newCompressor(); b.err != nil {
				return
			}
		}
		z.Reset(&b.out)
		b.z = z
	}
	_, b.err = b.z.Write(b.raw)
	b.raw = b.raw[:0]
}
