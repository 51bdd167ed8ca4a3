package linefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A claim ends in one of four ways: its file is removed, kept under a last name, or given back because it
// has to be read on; or Close leaves it as it is, which is what the death of the process does. Where
// Remove or Keep fails the file is still claimed, and both can be called again.

// Remove deletes the file, which is settled to its end, and then its notes. It returns when that is
// durable: else a power failure could undo it, and not the removal of the notes.
func (c *Claim) Remove() error {
	there, err := Same(c.File, c.Path)
	if err == nil && there {
		err = os.Remove(c.Path)
	}
	if err != nil {
		return err
	}
	return c.done(SyncDir(filepath.Dir(c.Path)))
}

// Keep gives the file a last name, that of path with end behind it, and removes its notes. Where there is such a file already, it
// gets the time in between. A file that somebody has taken away, or put another in the place of, is no file to keep.
func (c *Claim) Keep(path, end string) error {
	if there, err := Same(c.File, c.Path); err != nil || !there {
		return c.done(err)
	}
	err := c.moveNew(path + end)
	for tries := 0; errors.Is(err, fs.ErrExist) && tries < 10; tries++ {
		err = c.moveNew(strings.TrimSuffix(Claimed(path), Reading) + end)
	}
	return c.done(err)
}

// done ends the claim of a file that has left.
func (c *Claim) done(err error) error {
	if err != nil {
		return err
	}
	c.Notes.remove() // behind the file: without them all of it would be read again
	c.Notes.owed = nil
	return c.Close()
}

// GiveBack ends the claim of a file that has to be read on. One of which nothing is settled gets the name
// back that it had, original, unless somebody has made a file of that name; "" is for a file that keeps
// the name of its claim. What is settled of others is durable when GiveBack returns, or the log says why not.
func (c *Claim) GiveBack(original string) {
	defer c.Close()
	if c.Notes.Len() > 0 {
		c.Notes.Sync()
		return
	}
	if original != "" {
		_ = c.link(original) // a file system without hard links keeps the name of the claim
	}
	c.Notes.remove()
}

// Close gives up the claim, and leaves the file under the name that it has.
func (c *Claim) Close() error {
	c.Notes.close()
	c.of.remember(c)
	return c.File.Close()
}
