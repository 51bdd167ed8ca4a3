package file

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

// notReady says why a file is left for now: a program may still write to it. That is no fault, and ends by itself.
type notReady struct {
	why  error
	wait time.Duration // until it is ready, if it stays as it is; 0: nobody knows
}

func (e *notReady) Error() string { return e.why.Error() }

func (e *notReady) Unwrap() error { return e.why }

var (
	errOpen   = errors.New("another program has it open for writing; it is read when that program has closed it")
	errYoung  = errors.New("it was changed a moment ago, and the system does not say whether a program still has it open; see min_age")
	errHalf   = errors.New("its last line has no end yet")
	errPacked = errors.New("a program packs it into a file beside it")
	errClosed = errors.New("it was closed a moment ago")
)

// closedAge is how old the last change of a closed file must be where the input polls. Programs close a file and then rename or remove it,
// with nothing in between; what would be claimed in between they would not find.
const closedAge = time.Second

// ready is asked of each file before it is claimed, and again when it is, see linefile.Claims. Nobody may still write to it: the
// rest would come in another file, or go with this one.
func (in *input) ready(f *os.File, claimed bool) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if in.isPacked(f.Name()) {
		return &notReady{why: errPacked}
	}
	switch linefile.WritersOf(f) {
	case linefile.OpenWriter:
		return &notReady{why: errOpen}
	case linefile.LockingWriter:
		return nil
	case linefile.UnknownWriters:
		return in.old(f.Name(), st, in.cfg.MinAge, errYoung)
	}
	if in.finite() { // what is there is there
		return nil
	}
	if age := time.Since(linefile.Changed(st)); !claimed && age >= 0 && age < in.closedAge() {
		return &notReady{errClosed, in.closedAge() - age}
	}
	if half, err := endsInside(f, st.Size()); half || err != nil {
		if err != nil {
			return err
		}
		return in.old(f.Name(), st, in.cfg.MinAge, errHalf)
	}
	return nil
}

func (in *input) closedAge() time.Duration { return min(closedAge, in.cfg.MinAge) }

// old says why, where the file's last write is not so old. Where its time lies ahead, because a clock was set back or the file is on
// another machine, the file must have been seen unchanged for so long.
func (in *input) old(path string, st os.FileInfo, age time.Duration, why error) error {
	is := time.Since(st.ModTime())
	if is < 0 {
		is = time.Since(in.waiting.unchanged(nameOf(path), st))
	}
	if is < age {
		return &notReady{why, age - is}
	}
	return nil
}

// endsInside reports whether the last line of a file has no end. Of packed files that shows when they are read.
func endsInside(f *os.File, size int64) (bool, error) {
	if size == 0 || encode.CompressionOf(nameOf(f.Name())) != encode.None {
		return false, nil
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return err == nil && last[0] != '\n', err
}

// isPacked reports whether a program such as gzip is about to put a file in the place of this one that is read as well: it writes it, or has
// just written it and removes this one now. Else all lines would come twice.
func (in *input) isPacked(path string) bool {
	for _, c := range []encode.Compression{encode.Gzip, encode.Zstd} {
		packed := nameOf(path) + c.Extension()
		if !in.reads(packed) {
			continue
		}
		f, err := os.OpenFile(packed, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		st, err := f.Stat()
		writers := linefile.WritersOf(f)
		f.Close()
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		age := time.Since(linefile.Changed(st))
		if writers == linefile.OpenWriter || age >= 0 && age < in.packedAge(writers) {
			return true
		}
	}
	return false
}

// packedAge is how long ago the last change of a packed file must be, until the file beside it of which it was made is one of its own.
func (in *input) packedAge(writers linefile.Writers) time.Duration {
	if writers == linefile.UnknownWriters {
		return in.cfg.MinAge
	}
	return in.closedAge()
}

// reads reports whether a file of this name would be read.
func (in *input) reads(path string) bool {
	for _, pattern := range in.cfg.Paths {
		if matched, _ := filepath.Match(pattern, path); matched && !hidden(pattern, path) {
			return true
		}
	}
	return false
}
