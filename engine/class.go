package engine

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/logpipe/logpipe/engine/internal/fault"
)

// Classes of errors that the engine knows by itself. Plugins have further ones, such as "throttled".
const (
	ClassPermanent = "permanent" // of the messages: no retry mends it
	ClassTimeout   = "timeout"   // an answer took too long
	ClassCanceled  = "canceled"  // we ended it
	ClassPanic     = "panic"     // a bug in a plugin
	ClassNetwork   = "network"   // no connection, or one that broke
	ClassForbidden = "forbidden" // by the rights of a file
	ClassFull      = "full"      // the disk
	ClassOther     = "other"     // whatever is not known
)

// Classes are those that the engine knows by itself. Any write may fail with one of them.
func Classes() []string {
	return []string{ClassPermanent, ClassTimeout, ClassCanceled, ClassPanic, ClassNetwork, ClassForbidden, ClassFull, ClassOther}
}

// ClassOf puts an error into one of a few classes, to count them by; that of nil is "". What the error, or one that it wraps, says by a method
// Class() string wins; a plugin has few classes, they are constants, and Traits.Classes names those that an output has.
func ClassOf(err error) string {
	var says interface{ Class() string }
	switch _, panicked := fault.Panicked(err); {
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
	case isTimeout(err):
		return ClassTimeout
	case isNetwork(err):
		return ClassNetwork
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ClassFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ClassForbidden
	}
	return ClassOther
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

func isNetwork(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) || errors.As(err, &dns)
}
