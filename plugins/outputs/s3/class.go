package s3

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/logpipe/logpipe/engine"
)

// The classes of what a store, or the way to it, says.
const (
	classTimeout   = engine.ClassTimeout
	classNetwork   = engine.ClassNetwork
	classForbidden = engine.ClassForbidden
	classFull      = engine.ClassFull
	classTooLarge  = "too_large" // the object
	classThrottled = "throttled" // the server asks for less
	classMissing   = "missing"   // a bucket, or one in another region
	classServer    = "server"    // it answers with 5xx
	classRefused   = "refused"   // the server does not want this
)

// classes are those of this output beside the engine's, for engine.Traits.
var classes = []string{classTooLarge, classThrottled, classMissing, classServer, classRefused}

// classOf puts what went wrong with a request into one of a few classes; "" leaves it to the engine.
func classOf(ctx context.Context, a answer, answered bool, err error) string {
	switch {
	case answered:
		return a.class()
	case errors.Is(context.Cause(ctx), errSlow):
		return classTimeout
	case ctx.Err() != nil:
		return ""
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return classTimeout
	}
	return classNetwork
}

// class is that of an answer. An answer about the messages, which no retry mends, is not classed here.
func (a answer) class() string {
	switch {
	case a.code == "KeyTooLongError" || a.tooLarge():
		return classTooLarge
	case a.code == "SlowDown" || a.status == http.StatusTooManyRequests:
		return classThrottled
	case a.stale():
		return classForbidden
	case a.code == "NoSuchBucket" || a.status == http.StatusNotFound || a.elsewhere():
		return classMissing
	case a.status == http.StatusRequestTimeout || a.code == "RequestTimeout":
		return classTimeout
	case a.code == "XMinioStorageFull" || a.status == http.StatusInsufficientStorage:
		return classFull
	case a.status >= 500:
		return classServer
	}
	return classRefused
}
