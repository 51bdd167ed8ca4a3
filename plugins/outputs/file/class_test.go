package file

import (
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/engine"
)

// A full disk and a missing right are mended by different people.
func TestClasses(t *testing.T) {
	for want, cause := range map[string]error{"full": unix.ENOSPC, "forbidden": unix.EACCES, "io": unix.EIO} {
		if got := engine.ClassOf(withClass(&fs.PathError{Op: "write", Path: "x", Err: cause})); got != want {
			t.Errorf("%v is %q, want %q", cause, got, want)
		}
	}
	if err := withClass(nil); err != nil {
		t.Error(err)
	}
}
