package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// Check looks whether the file could be written and renamed, without making it, and repairs the end of one that is there.
func (o *Output) Check(ctx context.Context) error {
	if err := o.check(); err != nil || o.path == "" {
		return err
	}
	err := o.tend(ctx, o.path)
	o.plan(0)
	return err
}

func (o *Output) check() error {
	folder := o.prefix
	if o.path != "" {
		path, err := linefile.Resolve(o.path)
		if err != nil {
			return err
		}
		if err := writable(path, fs.FileMode.IsRegular, "is not a regular file"); !errors.Is(err, fs.ErrNotExist) && err != nil {
			return err
		}
		folder = filepath.Dir(path)
	}
	for folder = filepath.Clean(folder); ; folder = filepath.Dir(folder) {
		// What is missing will be made in the next folder up.
		err := writable(folder, fs.FileMode.IsDir, "is not a folder")
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			return err
		}
	}
}

func writable(path string, is func(fs.FileMode) bool, otherwise string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !is(st.Mode()) {
		return fmt.Errorf("%s %s", path, otherwise)
	}
	if err := unix.Access(path, unix.W_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: path, Err: err}
	}
	return nil
}
