package linefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

// How much goes into one chunk. A single line may be longer than ChunkBytes.
const (
	ChunkLines = 256
	ChunkBytes = 1 << 20
)

// Reader reads lines in chunks. A line ends with a line feed, which is not part of it; a carriage return is. What stands
// behind the last line feed is a line too.
type Reader struct {
	w *window
	rules
	ends [ChunkLines]int
}

// rules say which lines a Reader gives.
type rules struct {
	longest int                // bytes
	stop    []byte             // a line that begins so ends the chunk in front of it; nil: none
	odd     func([]byte) error // why a line is none; nil: all are
	hold    bool               // what stands behind the last line feed is not whole yet: ErrTail
}

// NewReader reads from src. A line longer than longest bytes is passed over, and said.
func NewReader(src io.Reader, longest int) *Reader {
	return &Reader{w: &window{src: src}, rules: rules{longest: longest}}
}

// Offset is how many bytes were taken so far.
func (r *Reader) Offset() int64 { return r.w.offset }

// Skip passes over n bytes.
func (r *Reader) Skip(n int64) error { return r.w.skip(n) }

// SkipMark passes over a byte order mark (see jsonscan.Mark). An error shows again at the next call of Next.
func (r *Reader) SkipMark() {
	if rest, err := r.w.peek(len("\ufeff")); err == nil {
		r.w.advance(jsonscan.Mark(rest))
	}
}

// More reports whether there is anything left to take, or an error other than io.EOF. It may read.
func (r *Reader) More() bool { return r.w.more() }

// Close gives the Reader's memory back: nothing can be read any more. What it has given stays valid.
func (r *Reader) Close() { r.w.free() }

// LongLineError says that a line was passed over because it is longer than it may be.
type LongLineError struct {
	Span  // of the line, with its line feed
	Limit int
}

func (e *LongLineError) Error() string {
	return fmt.Sprintf("the line at bytes %d to %d is longer than %s", e.From, e.To, engine.Bytes(e.Limit))
}

// ErrTail says that a line at the end of the file has no line feed yet, and is held for that.
var ErrTail = errors.New("the last line has no end yet")

// Next appends the next lines to b.Messages, with the time t, and returns io.EOF when there is none. The bodies of a chunk are
// parts of one allocation. An error comes after the lines in front of it. After a LongLineError the next call goes on
// behind that line; any other error stays.
func (r *Reader) Next(b *engine.Batch, t time.Time) error {
	for {
		if n, size := r.scan(); n > 0 {
			r.emit(b, t, n, size)
			return nil
		}
		rest, feed := r.w.rest(), r.w.feed(0)
		switch {
		case r.stopped(rest):
			return io.EOF
		case len(rest) > r.longest && feed > r.longest:
			return r.w.passLine(r.longest)
		case feed != none: // and scan does not take it
			return r.odd(rest[:feed])
		case r.w.err == io.EOF && len(rest) > 0:
			return r.last(b, t, rest)
		case r.w.err != nil:
			return r.w.err
		}
		r.w.fill()
	}
}

// last gives the line behind the last line feed.
func (r *Reader) last(b *engine.Batch, t time.Time, line []byte) error {
	if r.hold {
		return ErrTail
	}
	if r.isOdd(line) {
		return r.odd(line)
	}
	r.ends[0] = len(line)
	r.emit(b, t, 1, len(line))
	return nil
}

// scan finds the whole lines of the next chunk: how many they are, and how many bytes with their line feeds.
func (r *Reader) scan() (n, size int) {
	rest := r.w.rest()
	for n < ChunkLines && !r.stopped(rest[size:]) {
		i := r.w.feed(size)
		if i == none || i-size > r.longest || n > 0 && i >= ChunkBytes || r.isOdd(rest[size:i]) {
			break
		}
		r.ends[n] = i
		size = i + 1
		n++
	}
	return n, size
}

func (r *Reader) isOdd(line []byte) bool { return r.odd != nil && r.odd(line) != nil }

func (r *Reader) stopped(rest []byte) bool { return r.stop != nil && bytes.HasPrefix(rest, r.stop) }

// emit makes messages of the n lines in the next size bytes.
func (r *Reader) emit(b *engine.Batch, t time.Time, n, size int) {
	arena := bytes.Clone(r.w.rest()[:size])
	b.Messages = slices.Grow(b.Messages, n)
	from := 0
	for _, end := range r.ends[:n] {
		b.Messages = append(b.Messages, engine.Message{Body: arena[from:end:end], Time: t})
		from = end + 1
	}
	r.w.advance(size)
}
