package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// doneList remembers in a file beside a claimed one which of its batches are home, so that a crash repeats one batch and
// not the file: each line has the offsets of one. It is a help and not a promise: where it cannot be written, because
// the disk is full for example, coming home goes on, as that is what will free the disk.
type doneList struct {
	path  string
	spans map[int64]int64 // from → to, of what was home when the file was claimed
	f     *os.File        // nil: not made yet
	ill   bool            // an error was logged
	owed  []linefile.Span // home, and not noted: there was no room
}

func openDone(path string) (*doneList, error) {
	d := &doneList{path: path + linefile.Done, spans: map[int64]int64{}}
	list, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(list) {
		var from, to int64
		// A line without its semicolon was cut off by a crash, and a number may be cut off with it.
		if _, err := fmt.Sscanf(string(line), "%d-%d;\n", &from, &to); err == nil && from < to {
			d.spans[from] = to
		}
	}
	return d, nil
}

// add notes that batches are home, and comes back when that is durable.
func (d *doneList) add(spans []linefile.Span, log *slog.Logger) {
	if len(spans) == 0 {
		return
	}
	d.owed = append(d.owed, spans...)
	err := d.write(d.owed)
	if err == nil {
		d.owed = nil
	}
	if err != nil && !d.ill {
		log.Warn("cannot note what of a fallback file is home; a crash would bring it home again", "path", d.path, "error", err)
	}
	d.ill = err != nil
}

// know takes over what an earlier claim of the file could not note.
func (d *doneList) know(owed []linefile.Span) {
	d.owed = owed
	for _, s := range owed {
		d.spans[s.From] = s.To
	}
}

// create makes the list, where there is none.
func (d *doneList) create() (err error) {
	if d.f == nil {
		d.f, err = linefile.OpenAppend(d.path, 0o640)
	}
	return err
}

// isFull reports whether there is no room, which coming home will change.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func (d *doneList) write(spans []linefile.Span) (err error) {
	if err := d.create(); err != nil {
		return err
	}
	// The line feed in front ends a line that a crash or a full disk cut off.
	list := []byte{'\n'}
	for _, s := range spans {
		list = fmt.Appendf(list, "%d-%d;\n", s.From, s.To)
	}
	if _, err = d.f.Write(list); err != nil {
		return err
	}
	return linefile.Fsync(d.f)
}

func (d *doneList) close() {
	if d.f != nil {
		d.f.Close()
		d.f = nil
	}
}

// remove is called when the file that the list is about is gone. See also removeOrphans.
func (d *doneList) remove() { os.Remove(d.path) }

// removeOrphans removes the lists that a crash left behind, between the removal of their file and their own. Names are not
// used twice, so none of them can get a file again.
func removeOrphans(path string) {
	lists, _ := linefile.DoneFiles(path) // they only take up space
	for _, list := range lists {
		if _, err := os.Lstat(strings.TrimSuffix(list, linefile.Done)); errors.Is(err, fs.ErrNotExist) {
			os.Remove(list)
		}
	}
}
