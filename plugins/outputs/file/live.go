package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
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

// append writes the parts, each of them a whole number of lines or frames, and returns nil when they are durable: all of
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

// discard takes the last n bytes away, which were not answered, and puts the file aside. Without that a disk that fails for long would
// get a file, and a copy, for each attempt.
func (l *live) discard(n int64) error {
	st, err := l.f.Stat()
	ours := err == nil && st.Size() <= l.whole+n // else another program appends to it without a lock
	if ours && l.whole > 0 {
		if err := l.f.Truncate(l.whole); err != nil {
			l.log.Warn("a write whose sync failed stays in its file", "path", l.path, "error", err)
		}
	}
	if !ours || l.whole > 0 {
		return l.putAside("its sync failed")
	}
	if err := os.Remove(l.target); err != nil {
		return fmt.Errorf("remove %s, whose sync failed: %w", l.target, err)
	}
	l.close()
	return linefile.SyncDir(filepath.Dir(l.target))
}

// hold opens and locks the file, so that it ends whole and has room for n bytes.
func (l *live) hold(ctx context.Context, n int64) error {
	l.giveTurn(ctx)
	for {
		if err := l.lock(ctx); err != nil {
			return err
		}
		why, err := l.ready(n)
		if err == nil && why == "" {
			return nil
		}
		if err == nil {
			err = l.putAside(why)
		}
		if err != nil {
			l.letGo()
			return err
		}
	}
}

// How long the lock may be ours before others get a turn, and the gap in which whoever waits is sure to look.
const (
	lockTurn = 100 * time.Millisecond
	lockGap  = 2 * linefile.HoldEvery
)

// giveTurn leaves the lock alone for a moment when it was ours for long. Others look for it from time to time only, so that one busy
// writer, which takes it again at once, would keep it for ever.
func (l *live) giveTurn(ctx context.Context) {
	now := time.Now()
	switch {
	case now.Sub(l.released) >= lockGap:
		l.since = now
	case now.Sub(l.since) >= lockTurn:
		timer := time.NewTimer(lockGap)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		l.since = time.Now()
	}
}

// lock opens the file where that is needed, and comes back with its lock.
func (l *live) lock(ctx context.Context) error {
	for {
		if err := l.open(); err != nil {
			return err
		}
		held, err := linefile.Hold(ctx, l.f, l.path)
		if held || err != nil {
			return err
		}
		l.close()
	}
}

func (l *live) open() error {
	if l.f != nil {
		return nil
	}
	target, err := linefile.Resolve(l.path)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || target != l.target) { // that is where this output has put it aside
		return err
	}
	if l.f, err = linefile.OpenAppend(target, l.mode); err != nil {
		return err
	}
	st, err := l.f.Stat()
	if err != nil {
		l.close()
		return err
	}
	l.target, l.whole, l.born, l.spoil = target, 0, st.ModTime(), false
	if k := l.known; k.file != nil && os.SameFile(k.file, st) && st.Size() >= k.whole {
		l.whole, l.born = k.whole, k.born
	}
	l.known = place{}
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

// repair cuts off what stands behind the last whole write, after a process died in the middle of one. It was never
// answered, so it is nobody's loss. Only a fallback can tell that it is ours; elsewhere it is kept in a file beside.
func (l *live) repair(size int64) (why string, err error) {
	whole, err := l.wholeEnd(l.f, l.whole, size)
	if errors.Is(err, errForeign) {
		return err.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("find the end of %s: %w", l.path, err)
	}
	if whole < size {
		if !l.sealed {
			if err := l.keepTail(whole, size); err != nil {
				return "", fmt.Errorf("keep the cut-off end of %s: %w", l.path, err)
			}
		}
		if err := l.f.Truncate(whole); err != nil {
			return "", err
		}
		l.log.Warn("the file ended in the middle of a write; that part is cut off", "path", l.path, "at", whole, "bytes", size-whole)
	}
	l.whole = whole
	return "", nil
}

// keepTail copies the end of the file to a file beside it.
func (l *live) keepTail(from, to int64) error {
	kept, err := linefile.OpenAppend(l.target+linefile.Partial, l.mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(kept, io.NewSectionReader(l.f, from, to-from))
	if err == nil && l.compression == encode.None {
		_, err = kept.Write([]byte{'\n'})
	}
	return errors.Join(err, linefile.Fsync(kept), kept.Close())
}

// putAside renames the locked file, so that the next append begins a new one.
func (l *live) putAside(why string) error {
	to := linefile.Rotated(l.target)
	if err := os.Rename(l.target, to); err != nil {
		return fmt.Errorf("put %s aside, because %s: %w", l.target, why, err)
	}
	if l.spoil {
		l.log.Warn("file is put aside", "path", l.path, "to", to, "because", why)
	} else {
		l.log.Debug("file is rotated", "path", l.path, "to", to, "because", why)
	}
	l.close()
	return linefile.SyncDir(filepath.Dir(to))
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

// letGo gives the lock back, and keeps the file open for the next append.
func (l *live) letGo() {
	if l.f == nil {
		return
	}
	l.released = time.Now()
	if err := linefile.Unlock(l.f); err != nil {
		l.close() // which ends the lock as well
	}
}

func (l *live) close() {
	if l.f != nil {
		l.f.Close() // what it holds is synced already
		l.f = nil
	}
}
