package cmd

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/top"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// However it ends, the terminal must be as it was: else its owner types into the dark.
func TestTopOnTerminal(t *testing.T) {
	at := serveStatus(t)
	for name, end := range map[string]func(p *process, keys *os.File){
		"q":       func(_ *process, keys *os.File) { _, _ = keys.WriteString("xq") },
		"Ctrl-C":  func(_ *process, keys *os.File) { _, _ = keys.WriteString("\x03") },
		"SIGTERM": func(p *process, _ *os.File) { p.signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			screen, tty := terminal(t)
			before, err := term.GetState(int(tty.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			p := startTop(t, screen, tty, at)
			p.until("it draws", func() bool { return strings.Count(p.stderr(), top.Home) >= 2 })
			wide := len(p.stderr())
			if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 10, Col: 40}); err != nil {
				t.Fatal(err)
			}
			p.until("it draws into the smaller window", func() bool { return strings.Contains(p.stderr()[wide:], "in 0/s  out 0/s  unsettled 0") })
			end(p, screen)
			<-p.done
			after, err := term.GetState(int(tty.Fd()))
			if err != nil || *after != *before {
				t.Errorf("the terminal is not as it was: %v (%v)", after, err)
			}
			if code := p.exit(); code != cli.ExitOK {
				t.Errorf("exit code %d", code)
			}
			text := p.stderr()
			if !strings.HasPrefix(text, top.EnterScreen) || !strings.HasSuffix(text, top.LeaveScreen) || !strings.Contains(text, "at rest  numbers") {
				t.Errorf("%q", text)
			}
		})
	}
}

// startTop starts a top that has this terminal.
func startTop(t *testing.T, screen, tty *os.File, at string) *process {
	t.Helper()
	p := start(t, func(c *exec.Cmd) {
		c.Stdin, c.Stdout = tty, tty
		c.Env = append(c.Env, "TERM=xterm", "NO_COLOR=1")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	}, "top", at)
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(locked{&p.mu, &p.err}, screen) }) // ends with an error when the terminal is closed
	p.drained = func() { tty.Close(); reading.Wait() }
	return p
}

// Old numbers must not pass for new ones when the process goes, and they become new when it is back.
func TestTopLosesTheProcess(t *testing.T) {
	away := make(chan bool, 1)
	away <- false
	at := serveStatusBehind(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gone := <-away
			away <- gone
			if gone {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	})
	screen, tty := terminal(t)
	p := startTop(t, screen, tty, at)
	p.until("it draws", func() bool { return strings.Contains(p.stderr(), top.Home) })
	<-away
	away <- true
	p.until("it says that it is not connected", func() bool { return strings.Contains(p.stderr(), "not connected since ") })
	<-away
	away <- false
	p.until("it is back", func() bool {
		screens := strings.Split(p.stderr(), top.Home)
		return !strings.Contains(screens[len(screens)-1], "not connected") && strings.Contains(screens[len(screens)-1], "q ends")
	})
	_, _ = screen.WriteString("q")
	<-p.done
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
}
