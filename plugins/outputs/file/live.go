package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// live is one file that batches are appended to, by this process and perhaps by others. It is used by one goroutine at a
// time. The lock is held for one append: between two, another process may append too, and a recovery may take the file away.
type live struct {
	path        string // as configured
	sealed      bool
	compression encode.Compression
	rotateBytes int64
	rotateAge   time.Duration
	mode        fs.FileMode
	log         *slog.Logger
	// sync makes an open file durable. Tests put one that fails in its place.
	sync func(*os.File) error

	f      *os.File // nil: to be opened
	target string   // where f is: the path, or what it leads to as a symbolic link
	whole  int64    // up to here f is known to be whole
	born   time.Time
	spoil  bool  // what f ends in is unknown: nothing may be appended to it
	known  place // of the file when it was closed to make room for others

	due             atomic.Int64 // when the file is to be rotated, in nanoseconds of the Unix era; 0: never
	since, released time.Time    // the lock: since when it is ours with short gaps only, and when it was given back last
}

// place is what is remembered of a file that is not open.
type place struct {
	file  os.FileInfo // nil: nothing
	whole int64
	born  time.Time
}

// remember returns what spares the next opening a look at the whole file.
func (l *live) remember() place {
	if l.f == nil || l.spoil {
		return place{}
	}
	st, err := l.f.Stat()
	if err != nil {
		return place{}
	}
	return place{st, l.whole, l.born}
}

// append writes the parts, together a whole number of lines or frames, and returns nil when they are durable: all of
// them, or none is kept. Until the lock is there it can be ended by ctx.
func (l *live) append(ctx context.Context, parts [][]byte) error {
	var n int64
	for _, p := range parts {
		n += int64(len(p))
	}
	if n == 0 {
		return l.tend(ctx)
	}
	defer l.age()
	if err := l.hold(ctx, n); err != nil {
		return err
	}
	defer l.letGo()
	if err := l.write(parts, n); err != nil {
		return err
	}
	if err := l.sync(l.f); err != nil {
		// The kernel may have dropped what it could not write, and says so only once: another sync would lie.
		l.spoil = true
		return errors.Join(fmt.Errorf("sync %s: %w", l.path, err), l.discard(n))
	}
	l.whole = l.end(l.whole + n)
	return nil
}

// ready repairs the end of the locked file where another wrote to it, and says why it has to be put aside, if it has.
func (l *live) ready(n int64) (why string, err error) {
	st, err := l.f.Stat()
	if err != nil {
		return "", err
	}
	if l.spoil {
		return "its end is unknown", nil
	}
	if size := st.Size(); size != l.whole {
		if size < l.whole {
			l.whole = 0 // it was cut from outside
		}
		if why, err = l.repair(size); why != "" || err != nil {
			return why, err
		}
	}
	switch {
	case l.whole == 0:
		return "", nil
	case l.rotateBytes > 0 && l.whole+n > l.rotateBytes:
		return "it is full", nil
	case l.rotateAge > 0 && time.Since(l.born) >= l.rotateAge:
		return "it is old enough", nil
	}
	return "", nil
}

// write appends the parts, or leaves the file as it was.
func (l *live) write(parts [][]byte, n int64) error {
	for _, p := range parts {
		if _, err := l.f.Write(p); err != nil {
			return errors.Join(err, l.undo(n))
		}
	}
	return nil
}

// end is where the file is known to be whole after an append. Where a program that appends without a lock came in between,
// it has to be looked at from its beginning.
func (l *live) end(expected int64) int64 {
	if st, err := l.f.Stat(); err != nil || st.Size() != expected {
		return 0
	}
	return expected
}

// undo takes half a write away again: up to n bytes.
func (l *live) undo(n int64) error {
	st, err := l.f.Stat()
	if err == nil && st.Size() > l.whole+n {
		err = errors.New("another program appends to it without a lock")
	}
	if err == nil {
		err = l.f.Truncate(l.whole)
	}
	if err == nil {
		return nil
	}
	l.spoil = true
	return errors.Join(fmt.Errorf("cut half a write off: %w", err), l.putAside("it ends in half a write"))
}

func (l *live) close() {
	if l.f != nil {
		l.f.Close() // what it holds is synced already
		l.f = nil
	}
}
