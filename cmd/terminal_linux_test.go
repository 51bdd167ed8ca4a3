package cmd

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"golang.org/x/sys/unix"
)

// terminal makes a pseudo terminal with 100 columns. What is written to it can be read from the first file.
func terminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	conn, err := screen.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	if cerr := conn.Control(func(fd uintptr) {
		err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		if err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
		if err == nil {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 100})
		}
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return screen, tty
}

// startOnTerminal starts a logpipe whose standard error is a terminal, which the process gets as its stderr.
func startOnTerminal(t *testing.T, env string, args ...string) *process {
	t.Helper()
	screen, tty := terminal(t)
	p := start(t, func(c *exec.Cmd) {
		c.Stderr = tty
		c.Env = append(c.Env, "TERM=xterm", "NO_COLOR=", env)
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	}, args...)
	tty.Close()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(locked{&p.mu, &p.err}, screen) }) // ends with an error when the terminal is closed
	p.drained = reading.Wait
	return p
}

// At a terminal there is one line that is drawn again and again, and a table at the end.
func TestStatusOnTerminal(t *testing.T) {
	p := startOnTerminal(t, "", held(t, ""))
	p.until("a status line", func() bool { return strings.Contains(p.stderr(), console.ClearLine+"10 messages  ") })
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	text := p.stderr()
	drain := strings.Index(text, "draining, at most 20s; press Ctrl-C again to end at once")
	table := strings.LastIndex(text, "held\r\nreceived        ")
	if drain < 0 || table < drain || strings.Contains(text[table:], " unsettled  ") {
		t.Errorf("the status line must be gone before the table:\n%q", text)
	}
	if !strings.Contains(text, "\x1b[32mINFO \x1b[0m draining") {
		t.Errorf("no colours:\n%q", text)
	}
}

func TestTerminalWithoutColours(t *testing.T) {
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		p := startOnTerminal(t, env, write(t, "good.hcl", goodPipeline))
		if code := p.exit(); code != cli.ExitOK {
			t.Errorf("%s: exit code %d", env, code)
		}
		text := strings.ReplaceAll(p.stderr(), console.ClearLine, "")
		if strings.Contains(text, "\x1b") || !strings.Contains(text, "received") {
			t.Errorf("%s:\n%q", env, text)
		}
	}
}

func TestJSONOnTerminalHasNoStatus(t *testing.T) {
	p := startOnTerminal(t, "", "--log-format", "json", write(t, "good.hcl", goodPipeline))
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	if sum := jsonLines(t, strings.ReplaceAll(p.stderr(), "\r", ""))["summary"]; sum == nil {
		t.Errorf("no summary:\n%q", p.stderr())
	}
}
