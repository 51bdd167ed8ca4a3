package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

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
		l.log.Warn("the file ended in the middle of a write; that part is cut off: it was never confirmed, so it is written again", "path", l.path, "at", whole, "bytes", size-whole)
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
		l.log.Warn("file is put aside; writing goes on in a new one", "path", l.path, "to", to, "because", why)
	} else {
		l.log.Debug("file is rotated", "path", l.path, "to", to, "because", why)
	}
	l.close()
	return linefile.SyncDir(filepath.Dir(to))
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
