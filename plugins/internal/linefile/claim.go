package linefile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// Claims takes files for one reader of them, and remembers for it what of a file is settled where that
// could not be noted: else all of it would come again whenever the reader begins anew, and not only after
// a crash. It is used by one goroutine at a time, and its claims by others.
type Claims struct {
	// Ready says why a file cannot be claimed yet, such as because a program still writes to it; nil: all can. It is asked before
	// a file is claimed and, because a program may have opened it in between, once more under its new name, as it is of files
	// that others claimed. The file is open for reading only, but on file systems that give no lock then.
	Ready func(f *os.File, claimed bool) error

	log  *slog.Logger
	mu   sync.Mutex
	owed map[string][]Span // by the path of a file that was claimed
}

// NewClaims makes Claims that say to log what cannot be noted.
func NewClaims(log *slog.Logger) *Claims { return &Claims{log: log, owed: map[string][]Span{}} }

// Claim is a file that is ours alone: its lock is held, and nobody appends to it under its name.
type Claim struct {
	File  *os.File
	Path  string // where it is now
	Notes *Notes // what of it is settled

	of *Claims
}

// Take claims the file at path: it locks it, and renames it to what name makes of path (Claimed or
// Rotated), so that writers go on in a new file. It waits while another writes to it, and returns nil and
// no error when the path names no file (any more). Where the file is not ready that is the error, and the
// file has the name that it had, unless somebody has made another of that name.
func (c *Claims) Take(ctx context.Context, path string, name func(string) string) (*Claim, error) {
	f, err := c.lockFile(ctx, path)
	if f == nil || err != nil {
		return nil, err
	}
	claim := &Claim{File: f, Path: path, of: c}
	if err := claim.rename(name(path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	notReady := c.ready(f, true)
	if err := SyncDir(filepath.Dir(claim.Path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	claim, err = c.noted(claim)
	if err == nil && notReady != nil {
		claim.GiveBack(path)
		return nil, notReady
	}
	return claim, err
}

func (c *Claims) ready(f *os.File, claimed bool) error {
	if c.Ready == nil {
		return nil
	}
	return c.Ready(f, claimed)
}

// TakeOver claims the file at path, which is the claim of a process that died, or was given back. It
// returns nil and no error when another has it, or is done with it. A file in a folder in which nothing
// can be changed could not leave when it is settled, and would come again and again: it is an error. One
// that is not ready stays as it is, and that is the error.
func (c *Claims) TakeOver(path string) (*Claim, error) {
	f, err := c.tryLockFile(path)
	if f == nil || err != nil {
		return nil, err
	}
	claim, err := c.noted(&Claim{File: f, Path: path, of: c})
	if err != nil {
		return nil, err
	}
	// Where there is only no room, settling the file is what will change that.
	if err := claim.Notes.create(); err != nil && !IsFull(err) {
		claim.Close()
		return nil, fmt.Errorf("the folder cannot be changed, so that the file could not leave: %w", err)
	}
	return claim, nil
}

// noted reads what of a claim is settled.
func (c *Claims) noted(claim *Claim) (*Claim, error) {
	notes, err := openNotes(claim.Path, c.log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read what of %s is settled: %w", claim.Path, err), claim.File.Close())
	}
	c.mu.Lock()
	notes.Add(c.owed[claim.Path]...)
	c.mu.Unlock()
	claim.Notes = notes
	return claim, nil
}

// remember keeps what of a claim could not be noted, as long as its file is there.
func (c *Claims) remember(claim *Claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.owed, claim.Path)
	if len(claim.Notes.owed) > 0 {
		c.owed[claim.Path] = claim.Notes.owed
	}
	maps.DeleteFunc(c.owed, func(path string, _ []Span) bool { return !exists(path) })
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// moveTo renames the file, and returns when that is durable. It replaces what has the name already: choose a new one.
func (c *Claim) moveTo(path string) error {
	if err := c.rename(path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

func (c *Claim) rename(path string) error {
	if err := os.Rename(c.Path, path); err != nil {
		return fmt.Errorf("claim %s: %w", c.Path, err)
	}
	c.Path = path
	return nil
}

// moveNew renames the file only if nothing has the name, else its error is fs.ErrExist. It returns when that is durable.
func (c *Claim) moveNew(path string) error {
	err := c.link(path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// There are no hard links, or none for us. Then two processes may still choose the same name in the same moment.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("claim %s: %w", c.Path, cmp.Or(err, fs.ErrExist))
	}
	return c.moveTo(path)
}

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
