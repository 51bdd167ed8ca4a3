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
	r     Reader
	size  int64 // of what is read; -1: unknown
	plain time.Time
	ours  bool   // a header was seen: from here on there is nothing else
	only  string // the pipeline whose batches are read; "": all
}

// NewUnsealer reads from src, which is at the offset at of the file. size is the offset of its end, -1 when that is not
// known (it is compressed). The messages of lines without a header get the time plain.
func NewUnsealer(src io.Reader, at, size int64, plain time.Time) *Unsealer {
	u := &Unsealer{r: *NewReader(src, longestPlain), size: size, plain: plain}
	u.r.offset = at
	u.r.stop, u.r.odd = []byte(marker), oddLine
	return u
}

// Only leaves out the batches of other pipelines: they come as a ForeignError.
func (u *Unsealer) Only(pipeline string) { u.only = pipeline }

// Hold keeps back what stands behind the last line feed outside of a batch: another program may be in the middle of its write.
func (u *Unsealer) Hold() { u.r.hold = true }

// ErrTail says that the end of the file is such a held line.
var ErrTail = errTail

// Span is a part of a file: from the offset From up to and without To.
type Span struct{ From, To int64 }

// CutError says that the file ends in the middle of a batch: its write was never answered. There is nothing behind it.
type CutError struct{ At int64 }

func (e *CutError) Error() string { return fmt.Sprintf("the batch at byte %d is cut off", e.At) }

// DamageError says that a part of the file cannot be read. Next goes on behind it.
type DamageError struct {
	Span
	Err error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("bytes %d to %d cannot be read: %v", e.From, e.To, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// ForeignError says that a batch belongs to another pipeline.
type ForeignError struct{ Pipeline string }

func (e *ForeignError) Error() string { return fmt.Sprintf("a batch of pipeline %q", e.Pipeline) }

// Next reads the next batch into b, which comes empty, and says where it stood. A chunk of lines without a header has no ID;
// empty lines are left out. The end is io.EOF. After a CutError, DamageError or ForeignError it can be
// called again; any other error is for good.
func (u *Unsealer) Next(b *engine.Batch) (Span, error) {
	for {
		from := u.r.offset
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
			err = u.lines(b)
		}
		if err != nil || len(b.Messages) > 0 {
			return Span{from, u.r.offset}, err
		}
	}
}

// lines reads a chunk of lines without a header.
func (u *Unsealer) lines(b *engine.Batch) error {
	from := u.r.offset
	err := u.r.Next(b, u.plain)
	var long *LongLineError
	switch {
	case err == errHeaderEnd: // and its messages follow
		return u.resync(from, err)
	case err == errZero:
		line, _ := u.r.line()
		u.r.advance(len(line))
		return &DamageError{Span{from, u.r.offset}, err}
	case errors.As(err, &long):
		return &DamageError{long.Span, err}
	case err != nil:
		return fmt.Errorf("read a line without a header: %w", err)
	}
	b.Messages = slices.DeleteFunc(b.Messages, func(m engine.Message) bool { return len(bytes.TrimRight(m.Body, "\r")) == 0 })
	return nil
}

var (
	errHeaderEnd = errors.New("a header whose beginning is damaged")
	errZero      = errors.New("a line with bytes that are zero, as a power failure leaves them")
)

// oddLine says why a line without a header is no message.
func oddLine(line []byte) error {
	if tail := len(line) - sumTail; tail >= 0 && isSum(line[tail:]) {
		return errHeaderEnd
	}
	if bytes.IndexByte(line, 0) >= 0 {
		return errZero
	}
	return nil
}

// isSum reports whether this is the last member of a header.
func isSum(tail []byte) bool {
	digits, named := bytes.CutPrefix(tail, []byte(sumName))
	digits, ended := bytes.CutSuffix(digits, []byte(`"}`))
	return named && ended && len(bytes.Trim(digits, "0123456789abcdef")) == 0
}

// More reports whether Next has anything to give.
func (u *Unsealer) More() bool { return u.r.More() }

// Offset is where the next batch begins.
func (u *Unsealer) Offset() int64 { return u.r.offset }

// Skip passes over n bytes, which were a batch of an earlier reading.
func (u *Unsealer) Skip(n int64) error {
	sealed, err := u.atHeader()
	if err != nil {
		return err
	}
	u.ours = u.ours || sealed
	return u.r.Skip(n)
}

// atHeader reports whether a header comes next; if not, a line without one does.
func (u *Unsealer) atHeader() (bool, error) {
	r := &u.r
	for r.end-r.start < len(marker) && r.err == nil {
		r.fill()
	}
	rest := r.buf[r.start:r.end]
	switch {
	case bytes.HasPrefix(rest, r.stop):
		return true, nil
	case r.err != nil && len(rest) == 0:
		if errors.Is(r.err, io.ErrUnexpectedEOF) { // a compressed frame ends before anything of its batch
			return false, u.cut(r.offset)
		}
		return false, r.err
	case r.err != nil && bytes.HasPrefix(r.stop, rest):
		return false, u.cut(r.offset)
	}
	return false, nil
}

// cut drops what is left, which is a part of a batch.
func (u *Unsealer) cut(at int64) error {
	if u.r.err != io.EOF && !errors.Is(u.r.err, io.ErrUnexpectedEOF) {
		return u.r.err
	}
	u.r.advance(u.r.end - u.r.start)
	u.r.err = io.EOF
	return &CutError{At: at}
}

func (u *Unsealer) batch(b *engine.Batch) error {
	from := u.r.offset
	u.r.longest = longestHeader
	line, err := u.r.line()
	u.r.longest = longestPlain
	if err != nil {
		return u.cut(from)
	}
	h, err := parseHeader(line[:len(line)-1])
	u.r.advance(len(line))
	if err != nil {
		return u.resync(from, err)
	}
	if u.size >= 0 && h.Bytes > u.size-u.r.offset {
		u.r.advance(u.r.end - u.r.start)
		u.r.err = io.EOF
		return &CutError{At: from}
	}
	body, err := u.r.take(h.Bytes, u.size >= 0)
	if err != nil {
		return u.cut(from)
	}
	if err := h.fill(b, body); err != nil {
		*b = engine.Batch{}
		if u.atBoundary() {
			return &DamageError{Span{from, u.r.offset}, err}
		}
		u.r.back(body)
		return u.resync(from, err)
	}
	if owner, _ := text(h.Pipeline); owner != "" && u.only != "" && owner != u.only {
		*b = engine.Batch{}
		return &ForeignError{owner}
	}
	return nil
}

// atBoundary reports whether a batch ends here for certain.
func (u *Unsealer) atBoundary() bool {
	line, err := u.r.line()
	if err != nil {
		return err == io.EOF && len(line) == 0
	}
	_, err = parseHeader(line[:len(line)-1])
	return err == nil
}

// resync looks for the next header that can be believed, behind something that cannot be read.
func (u *Unsealer) resync(from int64, why error) error {
	r := &u.r
	for {
		line, err := r.line()
		var long *LongLineError
		switch {
		case errors.As(err, &long):
			if err = r.pass(); !errors.As(err, &long) {
				return err
			}
			continue
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			r.advance(len(line))
			return &DamageError{Span{from, r.offset}, why}
		case err != nil:
			return err
		}
		if bytes.HasPrefix(line, r.stop) {
			if _, err := parseHeader(line[:len(line)-1]); err == nil {
				return &DamageError{Span{from, r.offset}, why}
			}
		}
		r.advance(len(line))
	}
}
