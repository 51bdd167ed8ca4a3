package s3

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

// An operator tells by the class whether to wait, to pay or to mend a right.
func TestClasses(t *testing.T) {
	for want, a := range map[string]answer{
		"throttled": {status: 503, code: "SlowDown"}, "forbidden": {status: 403, code: "AccessDenied"}, "missing": {status: 404, code: "NoSuchBucket"},
		"timeout": {status: 400, code: "RequestTimeout"}, "full": {status: 507}, "server": {status: 500}, "refused": {status: 400, code: "InvalidStorageClass"},
		"too_large": {status: 413},
	} {
		err := fail("put object", &failure{"x", errors.New("x"), classOf(t.Context(), a, true, nil)})
		if got := engine.ClassOf(err); got != want {
			t.Errorf("%+v is %q, want %q", a, got, want)
		}
	}
	if got := classOf(t.Context(), answer{}, false, fmt.Errorf("dial: %w", syscall.ECONNREFUSED)); got != "network" {
		t.Errorf("a refused connection is %q", got)
	}
}
