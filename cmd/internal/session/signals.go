package session

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

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
