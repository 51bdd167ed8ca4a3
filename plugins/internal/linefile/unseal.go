package linefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// The longest lines of a fallback file. A header grows with its batch, and is read only as far as there is something.
const (
	longestHeader = 1 << 30
	longestPlain  = 64 << 20
)

// Unsealer reads a fallback file: sealed batches, and chunks of the lines that stand outside of them.
type Unsealer struct {
	w     *window
	lines Reader // of the same window: what stands outside of batches
	size  int64  // of what is read; -1: unknown
	plain time.Time
	ours  bool   // a header was seen: from here on there is nothing else
	only  string // the pipeline whose batches are read; "": all
}

// NewUnsealer reads from src, which is at the offset at of the file. size is the offset of its end, -1 when that is not
// known (it is compressed). The messages of lines without a header get the time plain.
func NewUnsealer(src io.Reader, at, size int64, plain time.Time) *Unsealer {
	w := &window{src: src, offset: at}
	lines := Reader{w: w, rules: rules{longest: longestPlain, stop: []byte(marker), odd: oddLine}}
	return &Unsealer{w: w, lines: lines, size: size, plain: plain}
}

// Only leaves out the batches of other pipelines: they come as a ForeignError.
func (u *Unsealer) Only(pipeline string) { u.only = pipeline }

// Hold keeps back what stands behind the last line feed outside of a batch, as ErrTail: another program may be in the middle of its write.
func (u *Unsealer) Hold() { u.lines.hold = true }

// More reports whether Next has anything to give.
func (u *Unsealer) More() bool { return u.w.more() }

// Offset is where the next batch begins.
func (u *Unsealer) Offset() int64 { return u.w.offset }

// Close gives the Unsealer's memory back: nothing can be read any more.
func (u *Unsealer) Close() { u.w.free() }

// Next reads the next batch into b, which comes empty, and says where it stood. A chunk of lines without a header has no ID;
// empty lines are left out. The end is io.EOF. After a CutError, DamageError or ForeignError it can be
// called again; any other error is for good.
func (u *Unsealer) Next(b *engine.Batch) (Span, error) {
	for {
		from := u.w.offset
		sealed, err := u.atHeader()
		switch {
		case err != nil:
			return Span{from, from}, err
		case sealed:
			u.ours = true
			err = u.batch(b)
		case u.ours: // nobody but us may write behind a batch: this is what is left of another one
			err = u.resync(from, errors.New("lines without a header behind a batch"))
		default:
			err = u.chunk(b)
		}
		if err != nil || len(b.Messages) > 0 {
			return Span{from, u.w.offset}, err
		}
	}
}

// Skip passes over n bytes, which were a batch of an earlier reading.
func (u *Unsealer) Skip(n int64) error {
	sealed, err := u.atHeader()
	if err != nil {
		return err
	}
	u.ours = u.ours || sealed
	return u.w.skip(n)
}

// atHeader reports whether a header comes next; if not, a line without one does.
func (u *Unsealer) atHeader() (bool, error) {
	rest, err := u.w.peek(len(marker))
	switch {
	case err == nil:
		return bytes.HasPrefix(rest, []byte(marker)), nil
	case len(rest) == 0 && errors.Is(err, io.ErrUnexpectedEOF): // a compressed frame ends before anything of its batch
		return false, u.cut(u.w.offset)
	case len(rest) == 0:
		return false, err
	case bytes.HasPrefix([]byte(marker), rest):
		return false, u.cut(u.w.offset)
	}
	return false, nil
}

// chunk reads lines without a header.
func (u *Unsealer) chunk(b *engine.Batch) error {
	from := u.w.offset
	err := u.lines.Next(b, u.plain)
	var long *LongLineError
	switch {
	case err == errHeaderEnd: // and its messages follow
		return u.resync(from, err)
	case err == errZero:
		line, _ := u.w.line(longestPlain)
		u.w.advance(len(line))
		return &DamageError{Span{from, u.w.offset}, err}
	case errors.As(err, &long):
		return &DamageError{long.Span, err}
	case err != nil:
		return fmt.Errorf("read a line without a header: %w", err)
	}
	b.Messages = slices.DeleteFunc(b.Messages, func(m engine.Message) bool { return len(bytes.TrimRight(m.Body, "\r")) == 0 })
	return nil
}

// batch reads a header and its messages.
func (u *Unsealer) batch(b *engine.Batch) error {
	from := u.w.offset
	line, err := u.w.line(longestHeader)
	if err != nil {
		return u.cut(from)
	}
	h, err := parseHeader(line[:len(line)-1])
	u.w.advance(len(line))
	if err != nil {
		return u.resync(from, err)
	}
	if u.size >= 0 && h.Bytes > u.size-u.w.offset {
		u.w.drop()
		return &CutError{At: from}
	}
	body, err := u.w.take(h.Bytes, u.size >= 0)
	if err != nil {
		return u.cut(from)
	}
	if err := h.fill(b, body); err != nil {
		*b = engine.Batch{}
		return u.damaged(from, body, err)
	}
	if owner, _ := text(h.Pipeline); owner != "" && u.only != "" && owner != u.only {
		*b = engine.Batch{}
		return &ForeignError{owner}
	}
	return nil
}
