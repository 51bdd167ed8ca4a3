package linefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

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

// cut drops what is left, which is a part of a batch.
func (u *Unsealer) cut(at int64) error {
	if err := u.w.err; err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	u.w.drop()
	return &CutError{At: at}
}

// damaged goes on behind a batch whose messages are not what its header says. Where the next batch does not begin behind them, the
// header may be wrong about their length: then it may be within what was taken.
func (u *Unsealer) damaged(from int64, body []byte, why error) error {
	if u.atBoundary() {
		return &DamageError{Span{from, u.w.offset}, why}
	}
	u.w.back(body)
	return u.resync(from, why)
}

// atBoundary reports whether a batch ends here for certain.
func (u *Unsealer) atBoundary() bool {
	line, err := u.w.line(longestPlain)
	if err != nil {
		return err == io.EOF && len(line) == 0
	}
	_, err = parseHeader(line[:len(line)-1])
	return err == nil
}

// resync looks for the next header that can be believed, behind something that cannot be read.
func (u *Unsealer) resync(from int64, why error) error {
	for {
		line, err := u.w.line(longestPlain)
		var long *LongLineError
		switch {
		case errors.As(err, &long):
			if err = u.w.passLine(longestPlain); !errors.As(err, &long) {
				return err
			}
			continue
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			u.w.advance(len(line))
			return &DamageError{Span{from, u.w.offset}, why}
		case err != nil:
			return err
		}
		if bytes.HasPrefix(line, []byte(marker)) {
			if _, err := parseHeader(line[:len(line)-1]); err == nil {
				return &DamageError{Span{from, u.w.offset}, why}
			}
		}
		u.w.advance(len(line))
	}
}
