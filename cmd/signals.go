package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// notifySignals begins to take the signals that ask the process to end; forget gives them back.
func notifySignals() (signals <-chan os.Signal, forget func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// notifyHangup begins to take SIGHUP, which asks for a reload. It is left alone where it is ignored, as under nohup.
func notifyHangup() (hangups <-chan os.Signal, forget func()) {
	c := make(chan os.Signal, 2)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
	return c, func() { signal.Stop(c) }
}

// hangups takes SIGHUP out of the way: it reloads. But when the process had a terminal and has none any more, the signal says that this was
// closed, and the process ends as all that ran in it. What asks for the end is passed on.
func (s *session) hangups(ctx context.Context, hangups, signals <-chan os.Signal) <-chan os.Signal {
	ends := make(chan os.Signal, 2)
	had := hasTerminal()
	go func() {
		for {
			var got os.Signal
			select {
			case <-ctx.Done():
				return
			case got = <-signals:
			case got = <-hangups:
				if !had || hasTerminal() {
					s.askReload()
					continue
				}
			}
			select {
			case ends <- got:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ends
}

// hasTerminal reports whether the process has a controlling terminal.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	return true
}

// watchSignals calls drain at the first signal, or when parent ends, and returns true at the second. It returns false when ctx ends before.
func watchSignals(ctx, parent context.Context, c <-chan os.Signal, drain func(os.Signal)) bool {
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
