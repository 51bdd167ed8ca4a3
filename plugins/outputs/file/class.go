package file

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// The classes of errors of the disk that are not all known to the engine.
const (
	classFull      = engine.ClassFull
	classForbidden = engine.ClassForbidden
	classIO        = "io" // the disk fails, or is gone
)

// classes are those of this output, for engine.Traits.
var classes = []string{classIO}

// classed is an error of the disk with the class that it is counted by.
type classed struct {
	error
	class string
}

// Unwrap gives the cause.
func (c *classed) Unwrap() error { return c.error }

// Class is what it is counted by.
func (c *classed) Class() string { return c.class }

// withClass says what kind of trouble a disk has, nil when there is none.
func withClass(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case linefile.IsFull(err):
		return &classed{err, classFull}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return &classed{err, classForbidden}
	case errors.As(err, &path):
		return &classed{err, classIO}
	}
	return err
}
