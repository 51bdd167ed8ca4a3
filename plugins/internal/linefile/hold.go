package linefile

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile opens and locks the file at path. It waits while another writes to it, and returns nil and no
// error when the path names no file.
func (c *Claims) lockFile(ctx context.Context, path string) (*os.File, error) {
	for flag := os.O_RDONLY; ; {
		f, err := openClaim(path, flag)
		if f == nil || err != nil {
			return nil, err
		}
		held := false
		if err = c.ready(f, false); err == nil {
			held, err = Hold(ctx, f, path)
		}
		if err == nil && held {
			return f, nil
		}
		f.Close()
		if needsWriting(err, &flag) {
			continue
		}
		if err != nil {
			return nil, err
		}
	}
}

// tryLockFile is lockFile for a file that is claimed, whose lock may be held for long. It returns nil and no error where it is.
func (c *Claims) tryLockFile(path string) (*os.File, error) {
	for flag := os.O_RDONLY; ; {
		f, err := openClaim(path, flag)
		if f == nil || err != nil {
			return nil, err
		}
		beforeLock()
		locked, err := TryLock(f)
		if err == nil && locked {
			// Its owner may have finished with it between open and lock.
			locked, err = Same(f, path)
		}
		if err == nil && locked {
			err = c.ready(f, true)
		}
		if err == nil && locked {
			return f, nil
		}
		f.Close()
		if !needsWriting(err, &flag) {
			return nil, err
		}
	}
}

// beforeLock is where a test does what another process may do in between.
var beforeLock = func() {}

// openClaim returns nil and no error when the path names no file.
func openClaim(path string, flag int) (*os.File, error) {
	f, err := openRegular(path, flag)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// needsWriting reports whether an exclusive lock was refused because the file is open for reading only, as NFS does, and says how
// to open it then. Elsewhere a claim is not opened for writing: WritersOf would find us.
func needsWriting(err error, flag *int) bool {
	if *flag != os.O_RDONLY || !errors.Is(err, unix.EBADF) {
		return false
	}
	*flag = os.O_RDWR
	return true
}
