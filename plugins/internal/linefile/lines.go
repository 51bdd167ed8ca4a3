package linefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// How much goes into one chunk. A single line may be longer than ChunkBytes.
const (
	ChunkLines = 256
	ChunkBytes = 1 << 20
)

// readSize is how much is read at once; several chunks of ordinary lines.
const readSize = 256 << 10

// Reader reads lines in chunks. A line ends with a line feed, which is not part of it; a carriage return is. What stands
// behind the last line feed is a line too.
type Reader struct {
	src     io.Reader
	longest int
	stop    []byte             // a line that begins so ends the chunk in front of it; nil: none
	odd     func([]byte) error // why a line is none; nil: all are
	hold    bool               // what stands behind the last line feed is not whole yet: errTail

	buf        []byte
	start, end int   // what of buf is read and not taken yet
	seen       int   // how much of it is known to be without a line feed, so that a long line is not searched again and again
	offset     int64 // of buf[start] in src
	err        error // of src; io.EOF is one
	ends       [ChunkLines]int
}

// NewReader reads from src. A line longer than longest bytes is passed over, and said.
func NewReader(src io.Reader, longest int) *Reader { return &Reader{src: src, longest: longest} }

// Offset is how many bytes were taken so far.
func (r *Reader) Offset() int64 { return r.offset }

// LongLineError says that a line was passed over because it is longer than it may be.
type LongLineError struct {
	Span  // of the line, with its line feed
	Limit int
}

func (e *LongLineError) Error() string {
	return fmt.Sprintf("the line at bytes %d to %d is longer than %s", e.From, e.To, engine.Bytes(e.Limit))
}

// Next appends the next lines to b.Messages, with the time t, and returns io.EOF when there is none. The bodies of a chunk are
// parts of one allocation. An error comes after the lines in front of it. After a LongLineError the next call goes on
// behind that line; any other error stays.
func (r *Reader) Next(b *engine.Batch, t time.Time) error {
	for {
		if n, size := r.scan(); n > 0 {
			r.emit(b, t, n, size)
			return nil
		}
		rest := r.end - r.start
		switch {
		case r.stopped(r.start):
			return io.EOF
		case rest > r.longest && r.feed(0) > r.longest:
			return r.pass()
		case r.feed(0) != none: // and scan does not take it
			return r.odd(r.buf[r.start : r.start+r.feed(0)])
		case r.err == io.EOF && rest > 0 && r.hold:
			return errTail
		case r.err == io.EOF && rest > 0 && r.isOdd(r.buf[r.start:r.end]):
			return r.odd(r.buf[r.start:r.end])
		case r.err == io.EOF && rest > 0:
			r.ends[0] = rest
			r.emit(b, t, 1, rest)
			return nil
		case r.err != nil:
			return r.err
		}
		r.fill()
	}
}

var errTail = errors.New("the last line has no end yet")

// pass drops the line that is too long, however long it is, without keeping it in memory.
func (r *Reader) pass() error {
	from := r.offset
	for {
		i := r.feed(0)
		r.advance(min(i, r.end-r.start-1) + 1)
		switch {
		case i != none || r.err == io.EOF:
			return &LongLineError{Span{from, r.offset}, r.longest}
		case r.err != nil:
			return r.err
		}
		r.fill()
	}
}

// Skip passes over n bytes.
func (r *Reader) Skip(n int64) error {
	for {
		part := min(n, int64(r.end-r.start))
		r.advance(int(part))
		if n -= part; n == 0 {
			return nil
		}
		if r.err != nil {
			return r.err
		}
		r.fill()
	}
}

// scan finds the whole lines of the next chunk in the buffer: how many they are, and how many bytes with their line feeds.
func (r *Reader) scan() (n, size int) {
	for n < ChunkLines && !r.stopped(r.start+size) {
		i := r.feed(size)
		if i == none || i-size > r.longest || n > 0 && i >= ChunkBytes || r.isOdd(r.buf[r.start+size:r.start+i]) {
			break
		}
		r.ends[n] = i
		size = i + 1
		n++
	}
	return n, size
}

func (r *Reader) isOdd(line []byte) bool { return r.odd != nil && r.odd(line) != nil }

func (r *Reader) stopped(at int) bool {
	return r.stop != nil && bytes.HasPrefix(r.buf[at:r.end], r.stop)
}

// none is the place of a line feed that is not there.
const none = math.MaxInt

// feed is where in the buffer the next line feed is, at or behind from, counted from start.
func (r *Reader) feed(from int) int {
	begin := max(from, r.seen)
	i := bytes.IndexByte(r.buf[r.start+begin:r.end], '\n')
	if i >= 0 {
		return begin + i
	}
	if from <= r.seen {
		r.seen = r.end - r.start
	}
	return none
}

// emit makes messages of the n lines in the next size bytes.
func (r *Reader) emit(b *engine.Batch, t time.Time, n, size int) {
	arena := bytes.Clone(r.buf[r.start : r.start+size])
	b.Messages = slices.Grow(b.Messages, n)
	from := 0
	for _, end := range r.ends[:n] {
		b.Messages = append(b.Messages, engine.Message{Body: arena[from:end:end], Time: t})
		from = end + 1
	}
	r.advance(size)
}

func (r *Reader) advance(n int) {
	r.start += n
	r.offset += int64(n)
	r.seen = max(0, r.seen-n)
}

// fill reads more into the buffer. It is called only when there is no whole line in it, so that little is moved.
func (r *Reader) fill() {
	if r.err != nil {
		return
	}
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
	if r.end == len(r.buf) {
		r.buf = append(r.buf, make([]byte, max(readSize, len(r.buf)))...)
	}
	for range 100 { // as often as bufio asks a reader that gives nothing
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		r.err = err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// line is the next line with its line feed, without taking it; it is valid until the next call. At the end of src it may lack the line feed.
func (r *Reader) line() ([]byte, error) {
	for {
		if i := r.feed(0); i != none {
			return r.buf[r.start : r.start+i+1], nil
		}
		if r.end-r.start > r.longest {
			return nil, &LongLineError{Span{r.offset, r.offset + int64(r.end-r.start)}, r.longest}
		}
		if r.err != nil {
			return r.buf[r.start:r.end], r.err
		}
		r.fill()
	}
}

// takenAhead is how many times what is there take makes room for, where it is not sure of the rest. Each step leaves what it had as garbage:
// of less, a large batch would leave several times its length. A batch of 16 MiB, the default, comes in two.
const takenAhead = 32

// take reads the next n bytes into memory of their own. When less is there it returns that, and why. It does not
// allocate n bytes before it has seen that they are there, unless the caller is sure of them.
func (r *Reader) take(n int64, sure bool) ([]byte, error) {
	room := min(n, ChunkBytes)
	if sure {
		room = n
	}
	out := make([]byte, 0, room)
	for {
		part := min(n-int64(len(out)), int64(r.end-r.start))
		if need := int64(len(out)) + part; need > int64(cap(out)) {
			out = append(make([]byte, 0, max(need, min(n, takenAhead*int64(cap(out))))), out...)
		}
		out = append(out, r.buf[r.start:r.start+int(part)]...)
		r.advance(int(part))
		if int64(len(out)) == n {
			return out, nil
		}
		if r.err != nil {
			return out, r.err
		}
		r.fill()
	}
}

// back undoes the last take.
func (r *Reader) back(taken []byte) {
	r.buf = append(taken[:len(taken):len(taken)], r.buf[r.start:r.end]...)
	r.start, r.end, r.seen = 0, len(r.buf), 0
	r.offset -= int64(len(taken))
}

// More reports whether there is anything left to take, or an error other than io.EOF. It may read.
func (r *Reader) More() bool {
	for r.start == r.end && r.err == nil {
		r.fill()
	}
	return r.start < r.end || r.err != io.EOF
}
