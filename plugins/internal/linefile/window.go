package linefile

import (
	"bytes"
	"io"
	"math"
	"sync"
)

// readSize is how much is read at once; several chunks of ordinary lines.
const readSize = 256 << 10

// window is what was read of a source and not taken yet. It knows of line feeds, and of nothing else
// that stands in a file.
type window struct {
	src    io.Reader
	buf    []byte
	pooled *[readSize]byte // what buf is, unless it had to grow

	start, end int   // what of buf is read and not taken yet
	seen       int   // how much of it has no line feed for certain: a long line is searched once
	offset     int64 // of buf[start] in the source
	err        error // of the source; io.EOF is one
}

// windows keeps the buffers of sources that were read to their end, for the next ones.
var windows = sync.Pool{New: func() any { return new([readSize]byte) }}

// rest is what can be taken without reading. It is valid until the next call of another method.
func (w *window) rest() []byte { return w.buf[w.start:w.end] }

// advance takes n bytes of the rest.
func (w *window) advance(n int) {
	w.start += n
	w.offset += int64(n)
	w.seen = max(0, w.seen-n)
}

// drop takes all that is left. The source is at its end then, whatever may stand in it.
func (w *window) drop() {
	w.advance(w.end - w.start)
	w.err = io.EOF
}

// free gives the memory back. Nothing can be read any more.
func (w *window) free() {
	w.drop()
	w.own(nil)
	w.start, w.end = 0, 0
}

// none is the place of a line feed that is not there.
const none = math.MaxInt

// feed is where in the rest the next line feed is, at or behind from.
func (w *window) feed(from int) int {
	begin := max(from, w.seen)
	i := bytes.IndexByte(w.buf[w.start+begin:w.end], '\n')
	if i >= 0 {
		return begin + i
	}
	if from <= w.seen {
		w.seen = w.end - w.start
	}
	return none
}

// fill reads more, unless the source has failed or ended. It is called only when there is no whole
// line in the rest, so that little is moved.
func (w *window) fill() {
	if w.err != nil {
		return
	}
	rest := w.rest()
	if len(w.buf) > mostKept && len(rest) < readSize {
		w.usePool()
	}
	w.start, w.end = 0, copy(w.buf, rest)
	if w.end == len(w.buf) {
		w.grow()
	}
	for range 100 { // as often as bufio asks a reader that gives nothing
		n, err := w.src.Read(w.buf[w.end:])
		w.end += n
		w.err = err
		if n > 0 || err != nil {
			return
		}
	}
	w.err = io.ErrNoProgress
}

// mostKept is how large a buffer may be that is kept when the line that it was made for is taken.
const mostKept = 16 * readSize

func (w *window) grow() {
	if len(w.buf) == 0 {
		w.usePool()
		return
	}
	w.own(append(w.buf, make([]byte, len(w.buf))...))
}

// usePool makes a buffer of the usual size the window's.
func (w *window) usePool() {
	buf := windows.Get().(*[readSize]byte)
	w.own(buf[:])
	w.pooled = buf
}

// own makes buf the window's, and gives back the one that it had.
func (w *window) own(buf []byte) {
	if w.pooled != nil {
		windows.Put(w.pooled)
	}
	w.buf, w.pooled = buf, nil
}

// peek is what comes next, at least n bytes of it; when less is there, that, and why.
func (w *window) peek(n int) ([]byte, error) {
	for w.end-w.start < n && w.err == nil {
		w.fill()
	}
	if w.end-w.start < n {
		return w.rest(), w.err
	}
	return w.rest(), nil
}

// line is the next line with its line feed, without taking it. At the end of the source it may lack the
// line feed, and the error is that of the source.
func (w *window) line(longest int) ([]byte, error) {
	for {
		if i := w.feed(0); i != none {
			return w.rest()[:i+1], nil
		}
		if n := w.end - w.start; n > longest {
			return nil, &LongLineError{Span{w.offset, w.offset + int64(n)}, longest}
		}
		if w.err != nil {
			return w.rest(), w.err
		}
		w.fill()
	}
}

// passLine drops a line that is too long, however long it is, without keeping it in memory. Its error
// says where it was, or is that of the source.
func (w *window) passLine(longest int) error {
	from := w.offset
	for {
		i := w.feed(0)
		w.advance(min(i, w.end-w.start-1) + 1)
		switch {
		case i != none || w.err == io.EOF:
			return &LongLineError{Span{from, w.offset}, longest}
		case w.err != nil:
			return w.err
		}
		w.fill()
	}
}

// skip passes over n bytes.
func (w *window) skip(n int64) error {
	for {
		part := min(n, int64(w.end-w.start))
		w.advance(int(part))
		if n -= part; n == 0 {
			return nil
		}
		if w.err != nil {
			return w.err
		}
		w.fill()
	}
}

// takenAhead is how many times what is there take makes room for, where it is not sure of the rest. Each
// step leaves what it had as garbage: of less, a large batch would leave several times its length. A
// batch of 16 MiB, the default, comes in two.
const takenAhead = 32

// take reads the next n bytes into memory of their own. When less is there it returns that, and why. It
// does not allocate n bytes before it has seen that they are there, unless the caller is sure of them.
func (w *window) take(n int64, sure bool) ([]byte, error) {
	room := min(n, ChunkBytes)
	if sure {
		room = n
	}
	out := make([]byte, 0, room)
	for {
		part := min(n-int64(len(out)), int64(w.end-w.start))
		if need := int64(len(out)) + part; need > int64(cap(out)) {
			out = append(make([]byte, 0, max(need, min(n, takenAhead*int64(cap(out))))), out...)
		}
		out = append(out, w.rest()[:part]...)
		w.advance(int(part))
		if int64(len(out)) == n {
			return out, nil
		}
		if w.err != nil {
			return out, w.err
		}
		w.fill()
	}
}

// back undoes the last take.
func (w *window) back(taken []byte) {
	w.own(append(taken[:len(taken):len(taken)], w.rest()...))
	w.start, w.end, w.seen = 0, len(w.buf), 0
	w.offset -= int64(len(taken))
}

// more reports whether there is anything left to take, or an error other than io.EOF. It may read.
func (w *window) more() bool {
	for w.start == w.end && w.err == nil {
		w.fill()
	}
	return w.start < w.end || w.err != io.EOF
}
