package cmd

import (
	"fmt"
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// SIGHUP means two things. With the terminal there it is a reload; when the terminal was closed nobody can press Ctrl-C any more, and what
// went on for ever would hold its messages from all others.
func TestClosedTerminalEndsWithADrain(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("whoever started the test ignores SIGHUP, as nohup does")
	}
	screen, tty := terminal(t)
	stored := filepath.Join(t.TempDir(), "stored")
	p := start(t, func(c *exec.Cmd) {
		c.Stdin = tty
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}, "run", "-v", "--admin", "", held(t, fmt.Sprintf("path = %q", stored)))
	tty.Close()
	p.until("all is read", func() bool { return strings.Contains(p.stderr(), "all numbers are read") })
	p.signal(syscall.SIGHUP)
	p.until("it reloads", func() bool { return strings.Contains(p.stderr(), `"reloaded"`) })
	if lines(stored) != 0 {
		t.Error("it drained although its terminal is there")
	}
	screen.Close()
	if code := p.exit(); code != cli.ExitOK || lines(stored) != 10 {
		t.Errorf("exit code %d, %d messages are stored, want 10\n%s", code, lines(stored), p.stderr())
	}
}
