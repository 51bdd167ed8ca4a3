package s3

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// classOf puts what went wrong with a request into one of a few classes; "" leaves it to the engine.
func classOf(ctx context.Context, a answer, answered bool, err error) string {
	switch {
	case answered:
		return a.class()
	case errors.Is(context.Cause(ctx), errSlow):
		return "timeout"
	case ctx.Err() != nil:
		return ""
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "timeout"
	}
	return "network"
}

// class is that of an answer. An answer about the messages, which no retry mends, is not classed here.
func (a answer) class() string {
	switch {
	case a.code == "KeyTooLongError" || a.tooLarge():
		return "too_large"
	case a.code == "SlowDown" || a.status == http.StatusTooManyRequests:
		return "throttled"
	case a.stale():
		return "forbidden"
	case a.code == "NoSuchBucket" || a.status == http.StatusNotFound || a.elsewhere():
		return "missing"
	case a.status == http.StatusRequestTimeout || a.code == "RequestTimeout":
		return "timeout"
	case a.code == "XMinioStorageFull" || a.status == http.StatusInsufficientStorage:
		return "full"
	case a.status >= 500:
		return "server"
	}
	return "refused"
}
