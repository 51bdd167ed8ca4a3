package cmd

import (
	"fmt"
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The kernel gives PID 1 no default action for signals: one that is not taken would be lost, and the container killed in its drain.
func TestAsFirstProcessOfAContainer(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("no unshare; the Debian package util-linux has it")
	}
	if err := exec.Command(unshare, "--pid", "--fork", "--mount-proc", "true").Run(); err != nil {
		t.Skipf("this machine allows no namespace of processes: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stored := filepath.Join(t.TempDir(), "stored")
	file := held(t, "path = \""+stored+"\"")
	p := start(t, func(c *exec.Cmd) {
		c.Path = unshare
		c.Args = []string{unshare, "--pid", "--fork", "--kill-child", "--mount-proc", self, "run", "-v", "--admin", "", file}
	})
	p.until("all is read", func() bool { return strings.Contains(p.stderr(), "all numbers are read") })
	child := 0
	p.until("it has a child", func() bool { child = childOf(p.cmd.Process.Pid); return child != 0 })
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := syscall.Kill(child, s); err != nil {
			t.Fatal(err)
		}
		if s == syscall.SIGHUP {
			p.until("it reloads", func() bool { return strings.Contains(p.stderr(), `"reloaded"`) })
		}
	}
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr())
	}
	if got := lines(stored); got != 10 {
		t.Errorf("%d messages are stored, want 10", got)
	}
}

// childOf is the first child of a process, 0 without one.
func childOf(pid int) (child int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(text), &child) // none yet
	return child
}
