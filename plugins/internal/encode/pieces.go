package encode

import (
	"errors"
	"io"
	"sync"
)

// pieceSize is what finished text grows by. A slice that grows by being copied leaves several times its length as garbage, and its last
// copy is a quarter larger than it need be; a piece is used again by whoever encodes next.
const pieceSize = 64 << 10

// largeBody is from where on a body is not copied into a piece but stays where the message has it: else a batch of large bodies is in
// memory twice while it is written. Below it, more parts would cost more than the copy.
const largeBody = 16 << 10

// piecePool keeps the pieces of all encoders. What it holds the garbage collector takes, when nobody asks for it during two cycles.
var piecePool = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// pieces is text in parts: pieces of its own, and bodies of messages, which it points to. The zero value is empty.
type pieces struct {
	parts [][]byte           // finished
	own   []*[pieceSize]byte // to be given back; the last one is being filled
	from  int                // the bytes of it before are in parts
	to    int                // and up to here they are written
	size  int64
}

// Write copies p. It implements io.Writer for compressors.
func (t *pieces) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(t.own) == 0 || t.to == pieceSize {
			t.cut()
			t.own = append(t.own, piecePool.Get().(*[pieceSize]byte))
			t.from, t.to = 0, 0
		}
		k := copy(t.own[len(t.own)-1][t.to:], p)
		t.to += k
		p = p[k:]
	}
	t.size += int64(n)
	return n, nil
}

// point adds p without a copy. Nobody may change it before free.
func (t *pieces) point(p []byte) {
	t.cut()
	t.parts = append(t.parts, p)
	t.size += int64(len(p))
}

// cut makes a part of what was written since the last one.
func (t *pieces) cut() {
	if t.to > t.from {
		t.parts = append(t.parts, t.own[len(t.own)-1][t.from:t.to:t.to])
		t.from = t.to
	}
}

// free gives the memory back.
func (t *pieces) free() {
	for i, p := range t.own {
		piecePool.Put(p)
		t.own[i] = nil
	}
	clear(t.parts) // else it keeps bodies alive
	*t = pieces{parts: t.parts[:0], own: t.own[:0]}
	if cap(t.parts) > mostKept {
		t.parts = nil
	}
	if cap(t.own) > mostKept {
		t.own = nil
	}
}

// mostKept is how long a list of parts may be that is kept for the next batch: one for a few hundred MiB.
const mostKept = 8 << 10

// Reader reads what a Buffer holds, from its beginning. It is used by one goroutine at a time, and not after the Buffer's Release.
type Reader struct {
	parts [][]byte
	size  int64
	at    int64 // of all
	part  int   // and there: parts[part][within:]
	in    int
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (n int, err error) {
	for n < len(p) && r.part < len(r.parts) {
		k := copy(p[n:], r.parts[r.part][r.in:])
		n += k
		r.in += k
		if r.in == len(r.parts[r.part]) {
			r.part, r.in = r.part+1, 0
		}
	}
	r.at += int64(n)
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 || offset > r.size {
		return 0, errors.New("seek: there is nothing at that offset")
	}
	r.at, r.part, r.in = offset, 0, 0
	for r.part < len(r.parts) && offset >= int64(len(r.parts[r.part])) {
		offset -= int64(len(r.parts[r.part]))
		r.part++
	}
	r.in = int(offset)
	return r.at, nil
}
