package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

type saying string

func (s saying) Error() string { return "it says " + string(s) }
func (s saying) Class() string { return string(s) }

// A plugin that knows no classes is not counted under "other" alone; one that knows them has the last word, unless it does not know.
func TestClassOf(t *testing.T) {
	disk := func(err error) error { return &fs.PathError{Op: "write", Path: "f", Err: err} }
	for _, c := range []struct {
		want string
		err  error
	}{
		{"", nil},
		{"throttled", saying("throttled")},
		{"throttled", engine.Permanent(saying("throttled"))},
		{"other", saying("")},
		{"permanent", engine.Permanent(errors.New("x"))},
		{"permanent", &engine.WriteError{Failed: []engine.Failure{{Err: engine.Permanent(errors.New("x"))}}}},
		{"canceled", context.Canceled},
		{"timeout", context.DeadlineExceeded},
		{"timeout", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}},
		{"network", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
		{"network", &net.OpError{Op: "dial", Err: syscall.EACCES}}, // a firewall
		{"network", &net.DNSError{IsNotFound: true}},
		{"full", disk(syscall.ENOSPC)},
		{"full", disk(syscall.EDQUOT)},
		{"forbidden", disk(syscall.EACCES)},
		{"forbidden", disk(syscall.EROFS)},
		{"other", errors.New("x")},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("write: %w", err)
		}
		if got := engine.ClassOf(err); got != c.want {
			t.Errorf("%v is %q, want %q", err, got, c.want)
		}
	}
}
