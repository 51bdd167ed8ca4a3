package engine

import (
	"context"
	"errors"
	"os"
)

// Classes of errors that the engine knows by itself. Plugins have further ones, such as "throttled".
const (
	ClassPermanent = "permanent" // of the messages: no retry mends it
	ClassTimeout   = "timeout"
	ClassCanceled  = "canceled" // we ended it
	ClassPanic     = "panic"    // a bug in a plugin
	ClassOther     = "other"
)

// ClassOf puts an error into one of a few classes, to count them by. What the error, or one that it wraps, says by a method
// Class() string wins; a plugin has few classes, and they are constants.
func ClassOf(err error) string {
	var says interface{ Class() string }
	switch _, panicked := panicked(err); {
	case err == nil:
		return ""
	case panicked:
		return ClassPanic
	case errors.As(err, &says) && says.Class() != "":
		return says.Class()
	case IsPermanent(err):
		return ClassPermanent
	case errors.Is(err, context.Canceled):
		return ClassCanceled
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return ClassTimeout
	}
	return ClassOther
}
