package servers

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestServersEndWithTheirProcess kills the process that started both servers
// with the signal that nothing can catch.
func TestServersEndWithTheirProcess(t *testing.T) {
	TestBroker(t) // skips where there is none
	TestS3(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envHelper+"=1")
	in, err := cmd.StdinPipe()
	step(t, "make a pipe", err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	step(t, "make a pipe", err)
	step(t, "start the helper", cmd.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("the helper says %q", line)
	}
	ours := descendants(t, cmd.Process.Pid)
	mustHave(t, ours, "sh")
	step(t, "kill the helper", cmd.Process.Kill())
	cmd.Wait()
	mustVanish(t, ours)
}

func TestCommand(t *testing.T) {
	for _, c := range []struct {
		script string
		want   int
	}{
		{`exit 0`, 0},
		{`exit 7`, 7},
		{`kill -KILL $$`, 128 + 9},
		{`test "$ADDED" = value`, 0},
	} {
		code, err := Command([]string{"sh", "-c", c.script}, []string{"ADDED=value"}, nil)
		if code != c.want || err != nil {
			t.Errorf("%s: code %d, error %v, want %d", c.script, code, err, c.want)
		}
	}
	if code, err := Command([]string{"/nowhere/at/all"}, nil, nil); err == nil || code == 0 {
		t.Errorf("a missing program: code %d, error %v", code, err)
	}
}

// TestCommandPassesSignalsOn has a command that ends on SIGTERM and leaves a
// child behind, which must end with it.
func TestCommandPassesSignalsOn(t *testing.T) {
	before := descendants(t, os.Getpid())
	up := filepath.Join(t.TempDir(), "up")
	script := `trap "exit 3" TERM; sh -c 'trap "" TERM; sleep 1000 & wait; sleep 1000' & : > "$UP"; while :; do wait; done`
	signals := make(chan os.Signal, 1)
	type answer struct {
		code int
		err  error
	}
	ended := make(chan answer, 1)
	go func() {
		code, err := Command([]string{"sh", "-c", script}, []string{"UP=" + up}, signals)
		ended <- answer{code, err}
	}()
	eventually(t, "up: the command", func() bool { _, err := os.Stat(up); return err == nil })
	var ours []proc
	eventually(t, "up: its children", func() bool {
		ours = without(descendants(t, os.Getpid()), before)
		return strings.Count(names(ours), "sleep") == 1
	})
	signals <- syscall.SIGTERM
	if a := <-ended; a.code != 3 || a.err != nil {
		t.Errorf("code %d, error %v, want the command's own 3", a.code, a.err)
	}
	mustVanish(t, ours)
}

func names(all []proc) string {
	var s []string
	for _, p := range all {
		s = append(s, p.name)
	}
	return strings.Join(s, " ")
}
