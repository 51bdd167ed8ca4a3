package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine/internal/fault"
)

// Permanent marks err as one that no retry can mend: the message itself cannot be stored. For a whole batch it says that
// the error is true of each of its messages alone. A store that is down, forbidden, full or missing is never permanent:
// people repair it while the logs wait. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err or an error that it wraps was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// TooLarge marks err as one that says that a batch is too large as a whole: its messages may well be stored in smaller batches. The
// engine cuts such a batch into halves, and these again, under names that are made of the batch's own (its ID with "-1" and "-2" behind
// it), so that the same parts have the same names after a crash. A message that is too large alone goes to the dead letter once others
// are stored; before, it may be a server that takes nothing. TooLarge(nil) is nil.
func TooLarge(err error) error {
	if err == nil {
		return nil
	}
	return &tooLargeError{err}
}

// IsTooLarge reports whether err or an error that it wraps was marked by TooLarge.
func IsTooLarge(err error) bool {
	var e *tooLargeError
	return errors.As(err, &e)
}

type tooLargeError struct{ err error }

func (e *tooLargeError) Error() string { return e.err.Error() }
func (e *tooLargeError) Unwrap() error { return e.err }

// WriteError is what Output.Write returns when a part of a batch is durable: the messages at the indexes in Failed are not
// stored, all others are. Outputs that write all or nothing never return it.
type WriteError struct {
	// Failed is ascending by Index, without repetition, and not empty.
	Failed []Failure
}

// Failure is one message of a batch that was not stored.
type Failure struct {
	Index int   // its place in Batch.Messages as Write got them
	Err   error // marked by Permanent when this message can never be stored
}

// Error tells the first failure and how many there are.
func (e *WriteError) Error() string {
	switch len(e.Failed) {
	case 0:
		return "no message failed"
	case 1:
		return fmt.Sprint(e.Failed[0].Err)
	}
	return fmt.Sprintf("%d messages: %v", len(e.Failed), e.Failed[0].Err)
}

// Unwrap gives the error of the first failure.
func (e *WriteError) Unwrap() error {
	if len(e.Failed) == 0 {
		return nil
	}
	return e.Failed[0].Err
}

// StoredSome reports whether err comes from a write that stored a part of its batch: what failed was the messages' own affair, and the
// output works. It is for policies; outputs return a WriteError.
func StoredSome(err error) bool {
	var s *fault.StoredError
	return errors.As(err, &s)
}

// ShortError is what Read returns, instead of io.EOF, at the end of a source of which something could not be read and will not be. The
// pipeline ends as after io.EOF, and its Run returns the error.
type ShortError struct {
	Err error // what was left, and why
}

func (e *ShortError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *ShortError) Unwrap() error { return e.Err }

// Futile reports whether a policy tries again in vain: the error is permanent, or was and the messages have no dead letter to go to, or
// the batch is too large. It says nothing of how the output is.
func Futile(err error) bool {
	var h *fault.HomelessError
	return errors.As(err, &h) || IsPermanent(err) || IsTooLarge(err)
}

// RejectedAt tells when a message was rejected for this reason, one of Batch.Reasons. It stays the same however often the dead letter
// is tried; it is zero for an error that the engine did not make a reason.
func RejectedAt(why error) time.Time {
	if r, ok := errors.AsType[*fault.Reason](why); ok {
		return r.At
	}
	return time.Time{}
}

// AttrError is a mistake in one attribute of a plugin's configuration. Validate returns it (several with errors.Join), so
// that the message can point at the place in the file.
type AttrError struct {
	Attr string // name as in the file; "block.name" for an attribute inside a nested block
	Err  error  // one sentence: what is wrong and what would be right
}

// AttrErrorf makes an AttrError with a formatted text.
func AttrErrorf(attr, format string, args ...any) error {
	return &AttrError{Attr: attr, Err: fmt.Errorf(format, args...)}
}

func (e *AttrError) Error() string { return fmt.Sprintf("%s: %v", e.Attr, e.Err) }

// Unwrap gives the cause.
func (e *AttrError) Unwrap() error { return e.Err }
