package linefile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/internal/sleep"
)

// TryLock takes the exclusive lock of f and reports whether it got it. Closing f gives it back, as the death of the process does.
func TryLock(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			return true, nil
		case unix.EINTR:
		case unix.EWOULDBLOCK:
			return false, nil
		default:
			return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

// Unlock gives the lock of f back before f is closed.
func Unlock(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		return &fs.PathError{Op: "unlock", Path: f.Name(), Err: err}
	}
	return nil
}

// Same reports whether path still names the file that f is.
func Same(f *os.File, path string) (bool, error) {
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	opened, err := f.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(named, opened), nil
}

// How long Hold waits before it looks again, and in all. Writers hold the lock for one write and fsync; who holds it longer
// under the file's own name is stopped, or no program of ours, and that has to be said.
const (
	holdFirst    = time.Millisecond
	holdPatience = 10 * time.Second

	// HoldEvery is how often Hold looks at least.
	HoldEvery = 4 * time.Millisecond
)

// Hold locks f, which was opened from path. It waits while another has the lock, and returns false, without the lock, as soon
// as path names another file or none: then f is somebody's claim, or was removed, and has to be opened anew. This is why it
// looks again and again instead of sleeping in flock: the lock of a claim is kept until the file is read, which may be days.
func Hold(ctx context.Context, f *os.File, path string) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, holdPatience, errHeld)
	defer cancel()
	for wait := holdFirst; ; wait = min(2*wait, HoldEvery) {
		locked, err := TryLock(f)
		if err != nil {
			return false, err
		}
		same, err := Same(f, path)
		if err == nil && same && locked {
			return true, nil
		}
		if locked {
			err = errors.Join(err, Unlock(f))
		}
		if err != nil || !same {
			return false, err
		}
		if err := sleep.For(ctx, wait); err != nil {
			return false, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

var errHeld = fmt.Errorf("another process has had the lock for %v", holdPatience)

// Resolve returns what path stands for: where it is a symbolic link, the file that it leads to. Renaming a link would move
// the link and leave the file. Of a link to a file that is not there it returns the place and an error, fs.ErrNotExist.
func Resolve(path string) (string, error) {
	target := path
	for range 40 { // as many as the kernel follows
		st, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist) && target == path:
			return path, nil
		case err != nil && target == path: // no link was seen
			return target, fmt.Errorf("look at the file: %w", err)
		case err != nil:
			return target, fmt.Errorf("follow the symbolic link %s: %w", path, err)
		case st.Mode()&fs.ModeSymlink == 0:
			return target, nil
		}
		if target, err = follow(target); err != nil {
			return "", fmt.Errorf("follow the symbolic link %s: %w", path, err)
		}
	}
	return "", fmt.Errorf("follow the symbolic link %s: %w", path, unix.ELOOP)
}

// follow returns where a link leads, without links in front of the last name.
func follow(link string) (string, error) {
	to, err := os.Readlink(link)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(link), to)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(to))
	return filepath.Join(dir, filepath.Base(to)), err
}
