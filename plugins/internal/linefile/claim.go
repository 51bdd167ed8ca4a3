package linefile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Claim is a file that is ours alone: its lock is held, and nobody appends to it under its name.
type Claim struct {
	File *os.File
	Path string // where it is now
}

// Take locks the file at path. It waits while another writes to it, and returns nil and no error when the path names no file
// (any more). The caller renames it with MoveTo before it reads, so that writers go on in a new file.
func Take(ctx context.Context, path string) (*Claim, error) {
	for {
		f, err := openClaim(path)
		if f == nil || err != nil {
			return nil, err
		}
		held, err := Hold(ctx, f, path)
		if err == nil && held {
			return &Claim{File: f, Path: path}, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// TryTake locks the file at path, which is a claim. It returns nil and no error when the claim is held by another, or done with.
func TryTake(_ context.Context, path string) (*Claim, error) {
	f, err := openClaim(path)
	if f == nil || err != nil {
		return nil, err
	}
	beforeLock()
	locked, err := TryLock(f)
	if err == nil && locked {
		// Its owner may have finished with it between open and lock.
		locked, err = Same(f, path)
	}
	if err != nil || !locked {
		f.Close()
		return nil, err
	}
	return &Claim{File: f, Path: path}, nil
}

// beforeLock is where a test does what another process may do in between.
var beforeLock = func() {}

// openClaim opens for writing where that is allowed, because NFS wants it for an exclusive lock.
func openClaim(path string) (*os.File, error) {
	f, err := openRegular(path, os.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		f, err = openRegular(path, os.O_RDONLY)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// MoveTo renames the file, and returns when that is durable. It replaces what has the name already: choose a new one.
func (c *Claim) MoveTo(path string) error {
	if err := os.Rename(c.Path, path); err != nil {
		return fmt.Errorf("claim %s: %w", c.Path, err)
	}
	c.Path = path
	return SyncDir(filepath.Dir(path))
}

// MoveNew renames the file only if nothing has the name, else its error is fs.ErrExist. It returns when that is durable.
func (c *Claim) MoveNew(path string) error {
	err := c.link(path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// There are no hard links, or none for us. Then two processes may still choose the same name in the same moment.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("claim %s: %w", c.Path, cmp.Or(err, fs.ErrExist))
	}
	return c.MoveTo(path)
}

// MoveBack is MoveNew to a name that other programs use at any time, and reports whether the file has it. A file system without hard
// links keeps the name of the claim.
func (c *Claim) MoveBack(path string) bool { return c.link(path) == nil }

// link is a rename that never replaces a file that somebody made in the meantime.
func (c *Claim) link(path string) error {
	if err := os.Link(c.Path, path); err != nil {
		return err
	}
	if err := os.Remove(c.Path); err != nil {
		return errors.Join(err, os.Remove(path)) // with two names it would be read twice
	}
	c.Path = path
	return SyncDir(filepath.Dir(path))
}

// Remove deletes the file, gives up the claim, and returns when that is durable.
func (c *Claim) Remove() error {
	if err := os.Remove(c.Path); err != nil {
		return err
	}
	return errors.Join(SyncDir(filepath.Dir(c.Path)), c.File.Close())
}

// Close gives up the claim and leaves the file under the name that it has.
func (c *Claim) Close() error { return c.File.Close() }
