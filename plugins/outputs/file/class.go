package file

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

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
		return &classed{err, "full"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return &classed{err, "forbidden"}
	case errors.As(err, &path):
		return &classed{err, "io"}
	}
	return err
}
