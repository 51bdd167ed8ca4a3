package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

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
		_ = sleep.For(ctx, lockGap) // the lock asks ctx
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
	linefile.Announce(l.f)
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
