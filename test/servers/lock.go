package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// errLocked says that somebody else holds a lock.
var errLocked = errors.New("it is locked")

// lock takes an exclusive lock on a file, which it makes when missing. If wait
// is not set and somebody holds it, the error is errLocked. The lock ends with
// this process at the latest: descriptors are not handed down to children.
func lock(path string, wait bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		f.Close()
		return nil, errLocked
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// lockSlow takes a lock that others may hold for minutes. It says what it waits
// for, and ends with ctx.
func lockSlow(ctx context.Context, o Options, path, what string) (*os.File, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for said := false; ; said = true {
		held, err := lock(path, false)
		if !errors.Is(err, errLocked) {
			return held, err
		}
		if !said {
			o.logf("waiting for another process: %s …", what)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another process (%s): %w", what, ctx.Err())
		}
	}
}
