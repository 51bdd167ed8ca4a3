package encode

import (
	"io"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Buffer collects what is to be written at once. Append to it, Finish it, use Parts or Reader, Release it. It is used by one goroutine
// at a time. What it holds beside the messages themselves is their text as it is written, compressed where it is: a large body that is
// written as it came is not copied.
type Buffer struct {
	Messages    int       // how many were appended
	Raw         int64     // bytes before compression
	First, Last time.Time // the earliest and the latest time of the messages

	enc *Encoder
	z   compressor // nil without compression and between frames
	raw []byte     // encoded and not written to out or the compressor yet
	out pieces     // finished
	err error      // the first of the compressor
}

// compressor is what gzip.Writer and zstd.Encoder have in common.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// flushAt is how much is collected before it is handed to the compressor or written: enough that a call costs nothing per message,
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
	if b.enc.format == Lines {
		b.add(m.Body)
		b.add(lineFeed)
		return
	}
	n := len(b.raw)
	b.raw = appendHead(b.raw, m, reason)
	b.Raw += int64(len(b.raw) - n)
	b.addBody(m.Body)
}

var lineFeed = []byte{'\n'}

// addBody adds the last member of an envelope, in parts: so a large body is nowhere as a whole a second time.
func (b *Buffer) addBody(body []byte) {
	how := bodyOf(body)
	b.addText(how.begin)
	for part := range slices.Chunk(body, bodyPart) {
		n := len(b.raw)
		b.raw = how.append(b.raw, part)
		b.Raw += int64(len(b.raw) - n)
		b.spill()
	}
	b.addText(how.end)
}

// AppendRaw writes p as it is, between messages: a header line for example. p must not be changed before Release.
func (b *Buffer) AppendRaw(p []byte) { b.add(p) }

func (b *Buffer) addText(s string) {
	b.Raw += int64(len(s))
	b.raw = append(b.raw, s...)
	b.spill()
}

func (b *Buffer) add(p []byte) {
	b.Raw += int64(len(p))
	if len(p) < largeBody {
		b.raw = append(b.raw, p...)
		b.spill()
		return
	}
	b.flush()
	switch {
	case b.enc.compression == None:
		b.out.point(p)
	case b.open():
		_, b.err = b.z.Write(p)
	}
}

// spill writes what is collected when it is enough.
func (b *Buffer) spill() {
	if len(b.raw) >= flushAt {
		b.flush()
	}
}

// Finish ends the compressed frame. More can be appended afterwards and goes into a frame of its own; readers see frames
// that follow each other as one text. Finish again before what is in it is used.
func (b *Buffer) Finish() error {
	b.flush()
	if b.z != nil {
		if err := b.z.Close(); err != nil && b.err == nil {
			b.err = err
		}
		b.z.Reset(nil)
		b.enc.compressors.Put(b.z)
		b.z = nil
	}
	b.out.cut()
	return b.err
}

// Size is how many bytes were written up to the last Finish.
func (b *Buffer) Size() int64 { return b.out.size }

// Parts is what was written up to the last Finish, in order. It is valid until Release, and must not be changed.
func (b *Buffer) Parts() [][]byte { return b.out.parts }

// Reader reads what was written up to the last Finish.
func (b *Buffer) Reader() *Reader { return &Reader{parts: b.out.parts, size: b.out.size} }

// Release gives the memory back. Do not call it while somebody may still read what is in it: a Buffer that is not released
// is merely collected as garbage.
func (b *Buffer) Release() {
	if b.z != nil || b.err != nil { // in the middle of a frame: its state is of no use to the next user
		return
	}
	raw := b.raw[:0]
	if cap(raw) > mostRaw {
		raw = nil
	}
	b.out.free()
	*b = Buffer{enc: b.enc, raw: raw, out: b.out}
	b.enc.buffers.Put(b)
}

// mostRaw is what a Buffer keeps for its next user: long headers of one message must not stay in memory for ever, once for each worker.
const mostRaw = 4 * flushAt

// open opens a frame where none is, and reports whether one is open.
func (b *Buffer) open() bool {
	if b.err != nil || b.z != nil {
		return b.err == nil
	}
	z, ok := b.enc.compressors.Get().(compressor)
	if !ok {
		if z, b.err = b.enc.newCompressor(); b.err != nil {
			return false
		}
	}
	z.Reset(&b.out)
	b.z = z
	return true
}

// flush writes what is collected: to the compressor, where there is one.
func (b *Buffer) flush() {
	switch {
	case len(b.raw) == 0:
		return
	case b.enc.compression == None:
		_, _ = b.out.Write(b.raw) // it never fails
	case b.open():
		_, b.err = b.z.Write(b.raw)
	}
	b.raw = b.raw[:0]
}
