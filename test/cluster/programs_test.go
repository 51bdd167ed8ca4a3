package cluster

import (
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

// patience is for states that must come; only a failing test waits so long.
const patience = 5 * time.Minute

// build compiles the tools of the module in this folder into bin/cluster. The first time it takes ten minutes and more, later a second.
func build(t *testing.T, module string) {
	t.Helper()
	began := time.Now()
	t.Logf("building %s", module)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", programs()+"/", "tool")
	cmd.Dir = filepath.Join(process.Root(), "test/cluster", module)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", module, err, out)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.Logf("built %s in %v, %v of CPU time", module, time.Since(began).Round(time.Second), used.Round(time.Second))
}

func programs() string { return filepath.Join(process.Root(), "bin/cluster") }

// run starts a program. It is killed with the test, and a test that failed shows what it said.
func run(t *testing.T, name string, env []string, args ...string) *process.Process {
	t.Helper()
	p, err := process.Start(filepath.Join(programs(), name), env, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if ended := p.Ended(); !ended {
			p.Kill()
		} else {
			t.Errorf("%s ended before the test", name)
		}
		if t.Failed() {
			t.Logf("last lines of %s:\n%s", name, p.Tail(25))
		}
	})
	return p
}

// module is the folder of a module's files, for those that are no Go.
func module(t *testing.T, path, version string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", path+"@"+version).Output()
	if err != nil {
		t.Fatalf("download %s: %v", path, err)
	}
	var at struct{ Dir string }
	if err := json.Unmarshal(out, &at); err != nil || at.Dir == "" {
		t.Fatalf("download %s: %v in %s", path, err, out)
	}
	return at.Dir
}

// ports are free TCP ports of 127.0.0.1, all different.
func ports(t *testing.T, n int) (free []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		free = append(free, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return free
}

// until waits for a state that nothing announces, by asking again and again.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > patience {
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%s (%.1fs)", what, time.Since(began).Seconds())
}
