package linefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Fsync makes an open file or folder durable. All that this package and its users make durable goes through it, so that tests can
// watch it, or let it fail.
var Fsync = (*os.File).Sync

// SyncDir makes the names in a folder durable. A file that was created, renamed or removed may be back after a power
// failure until its folder is synced; see fsync(2).
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// File systems that cannot sync a folder say so by EINVAL; they write names through.
	if err := Fsync(d); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// named has the folders whose names are durable, as far as this process knows.
var named sync.Map

// MkdirAll makes a folder and those above it that are missing, and returns when their names are durable. That is looked at once
// in the life of a process also where they are there: an earlier attempt may have failed, or died, in front of its fsync.
func MkdirAll(dir string, mode fs.FileMode) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: unix.ENOTDIR}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	missing := err != nil
	parent := filepath.Dir(dir)
	if _, known := named.Load(dir); known && !missing || parent == dir {
		return nil
	}
	if err := MkdirAll(parent, mode); err != nil {
		return err
	}
	if missing {
		if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// In a folder that we may not even open we did not make any.
	if err := SyncDir(parent); err != nil && (missing || !errors.Is(err, fs.ErrPermission)) {
		return err
	}
	named.Store(dir, true)
	return nil
}

// OpenAppend opens the file at path for appending. Where it is missing it is created with mode, in a folder that is made
// where it is missing. The file's name is durable when OpenAppend returns, also if another process created it just now.
func OpenAppend(path string, mode fs.FileMode) (f *os.File, err error) {
	const tries = 10 // another process may remove it between the two opens, but not for ever
	for range tries {
		f, err = openRegular(path, os.O_RDWR|os.O_APPEND)
		missing := errors.Is(err, fs.ErrNotExist)
		if missing {
			if err = MkdirAll(filepath.Dir(path), 0o750); err != nil {
				return nil, err
			}
			f, err = create(path, mode)
		}
		if err == nil {
			err = SyncDir(filepath.Dir(path))
		}
		if err == nil {
			return f, nil
		}
		if f != nil {
			if missing {
				takeBack(f, path)
			}
			f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return nil, err
}

// takeBack removes a file that was just made and cannot be used, so that it does not stay behind empty, as if something had been kept in it.
// Whoever else has opened it meanwhile sees that when it has the lock: see Hold. If this fails too, an empty file stays, which does no harm.
func takeBack(f *os.File, path string) {
	if locked, err := TryLock(f); err != nil || !locked {
		return
	}
	st, err := f.Stat()
	if same, serr := Same(f, path); err == nil && serr == nil && same && st.Size() == 0 {
		os.Remove(path)
	}
}

func create(path string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil { // the umask took bits away that the configuration asks for
		f.Close()
		return nil, err
	}
	return f, nil
}

// openRegular opens without waiting for the other end of a pipe, and refuses what cannot be synced and renamed.
func openRegular(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
