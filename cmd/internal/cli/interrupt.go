package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// NotifySignals begins to take the signals that ask the process to end; forget gives them back.
func NotifySignals() (signals <-chan os.Signal, forget func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// WatchSignals calls drain at the first signal, or when parent ends, and returns true at the second. It returns false when ctx ends before.
func WatchSignals(ctx, parent context.Context, c <-chan os.Signal, drain func(os.Signal)) bool {
	select {
	case <-ctx.Done():
		return false
	case <-parent.Done():
		drain(nil)
	case s := <-c:
		drain(s)
	}
	select {
	case <-ctx.Done():
		return false
	case <-c:
		return true
	}
}
