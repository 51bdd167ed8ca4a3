package linefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Notes is the list, beside a claimed file, of what of it is settled. It is a help and no promise:
// without it more comes again after an interruption. So where it cannot be written, because the disk is
// full for example, that is said once, and reading goes on; who reads the file next in this process knows
// nevertheless (see Claims).
//
// Each line of the list is "FROM-TO;", two offsets of the file, unpacked. A line without its semicolon
// was cut off by a crash, and its number may be cut off with it. Up to the first release a file input
// wrote "TO;" for what begins at 0.
type Notes struct {
	path  string
	log   *slog.Logger
	spans map[int64]int64 // from → to
	owed  []Span          // not known to be durable
	f     *os.File        // nil: not made yet
	ill   bool            // an error was logged
}

// openNotes reads what is noted beside the claim at path. A list that is there and cannot be read is an
// error: without it all of the file would come again.
func openNotes(path string, log *slog.Logger) (*Notes, error) {
	n := &Notes{path: path + Done, log: log, spans: map[int64]int64{}}
	f, err := openRegular(n.path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := n.read(bufio.NewReader(f)); err != nil {
		return nil, err
	}
	return n, nil
}

// read takes a line at a time: a list of a large file has millions, and a foreign file may have one that never ends.
func (n *Notes) read(r *bufio.Reader) error {
	for foreign := false; ; {
		line, err := r.ReadSlice('\n')
		if s, ok := parseNote(line); ok && !foreign && err != bufio.ErrBufferFull {
			n.spans[s.From] = max(s.To, n.spans[s.From])
		}
		switch foreign = err == bufio.ErrBufferFull; {
		case foreign || err == nil: // of a line that is too long for a note its end is none either
		case err == io.EOF:
			return nil
		default:
			return err
		}
	}
}

func parseNote(line []byte) (s Span, ok bool) {
	text, ended := bytes.CutSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{';'})
	if !ended {
		return s, false
	}
	from, to, both := strings.Cut(string(text), "-")
	if !both {
		from, to = "0", from
	}
	s.From, ok = offset(from)
	if !ok {
		return s, false
	}
	s.To, ok = offset(to)
	return s, ok && s.From < s.To
}

func offset(digits string) (int64, bool) {
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil
}

// End returns where the settled span ends that begins at from, and whether there is one.
func (n *Notes) End(from int64) (to int64, ok bool) {
	to, ok = n.spans[from]
	return to, ok
}

// Len is how many spans are noted.
func (n *Notes) Len() int { return len(n.spans) }

// Add notes that spans are settled, in memory. One that begins where the last one does takes its place.
func (n *Notes) Add(spans ...Span) {
	for _, s := range spans {
		n.spans[s.From] = s.To
		if last := len(n.owed) - 1; last >= 0 && n.owed[last].From == s.From {
			n.owed[last] = s
			continue
		}
		n.owed = append(n.owed, s)
	}
}

// Forget is for a file that has another content now.
func (n *Notes) Forget() {
	clear(n.spans)
	n.owed = nil
	n.remove()
}

// Write writes what was added, so that a crash of the process does not undo it.
func (n *Notes) Write() { n.said(n.write()) }

// Sync makes what was added durable.
func (n *Notes) Sync() {
	if len(n.owed) == 0 {
		return
	}
	err := n.write()
	if err == nil {
		err = Fsync(n.f)
	}
	if err == nil {
		n.owed = nil
	}
	n.said(err)
}

func (n *Notes) said(err error) {
	if err != nil && !n.ill {
		n.log.Warn("cannot note what of a file is settled; a crash would bring it again", "path", n.path, "error", err)
	}
	n.ill = err != nil
}

func (n *Notes) write() error {
	if err := n.create(); err != nil {
		return err
	}
	// The line feed in front ends a line that a crash or a full disk cut off.
	list := []byte{'\n'}
	for _, s := range n.owed {
		list = fmt.Appendf(list, "%d-%d;\n", s.From, s.To)
	}
	_, err := n.f.Write(list)
	return err
}

// create makes the list, where there is none.
func (n *Notes) create() (err error) {
	if n.f == nil {
		n.f, err = OpenAppend(n.path, 0o640)
	}
	return err
}

func (n *Notes) close() {
	if n.f != nil {
		n.f.Close()
		n.f = nil
	}
}

// remove is for when the file is done with, or given back as a whole.
func (n *Notes) remove() {
	n.close()
	os.Remove(n.path)
}

// IsFull reports whether there is no room on the disk.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// RemoveOrphans removes those of these lists whose claim is gone: a crash left them behind, between the
// removal of the file and their own. Names are not used twice, so none of them can get a file again.
func RemoveOrphans(lists []string) {
	for _, list := range lists {
		claim, named := strings.CutSuffix(list, Done)
		if _, err := os.Lstat(claim); named && errors.Is(err, fs.ErrNotExist) {
			os.Remove(list) // it only takes up space
		}
	}
}
