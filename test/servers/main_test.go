package servers

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// envHelper makes the test binary the process that a test kills.
const envHelper = "LOGPIPE_TEST_SERVERS_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(envHelper) != "" {
		helper()
	}
	Main(m)
}

// helper starts both servers, says so, and waits to be killed.
func helper() {
	ctx := context.Background()
	_, err := StartBroker(ctx, Options{Own: true})
	if err == nil {
		_, err = StartS3(ctx, Options{Own: true})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	os.Exit(0)
}

// eventually polls for a state with one deadline.
func eventually(t *testing.T, what string, state func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !state() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after 20 seconds: not %s", what)
		}
	}
}

// proc is one line of the system's list of processes.
type proc struct {
	pid, parent int
	name        string
	born        string // tells two processes with the same number apart
}

// processes reads /proc; a test that needs it skips where there is none. A
// zombie is no process any more: it only waits for its parent.
func processes(t *testing.T) []proc {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	if len(files) == 0 {
		t.Skip("this system has no /proc")
	}
	var all []proc
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		if p := parseStat(string(text)); p.pid != 0 {
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads "pid (name) state parent …"; the name may hold anything.
func parseStat(text string) proc {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < 0 {
		return proc{}
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 20 || fields[0] == "Z" {
		return proc{}
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(text[:open]))
	parent, _ := strconv.Atoi(fields[1])
	return proc{pid: pid, parent: parent, name: text[open+1 : end], born: fields[19]}
}

// descendants are the children of a process, their children, and so on.
func descendants(t *testing.T, of int) []proc {
	t.Helper()
	all := processes(t)
	family := map[int]bool{of: true}
	var found []proc
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if family[p.parent] && !family[p.pid] {
				family[p.pid], grown = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// without takes the processes that were there before out of a list.
func without(all, before []proc) []proc {
	return slices.DeleteFunc(all, func(p proc) bool { return slices.Contains(before, p) })
}

// mustVanish waits until none of some processes is left.
func mustVanish(t *testing.T, gone []proc) {
	t.Helper()
	was := map[proc]bool{}
	for _, p := range gone {
		p.parent = 0 // an orphan's changes
		was[p] = true
	}
	var left []proc
	eventually(t, fmt.Sprintf("gone: all of %v", gone), func() bool {
		left = left[:0]
		for _, p := range processes(t) {
			p.parent = 0
			if was[p] {
				left = append(left, p)
			}
		}
		return len(left) == 0
	})
}

// mustHave fails unless a process of every name is there, so that a test for
// their end does not pass because it looked at nothing.
func mustHave(t *testing.T, all []proc, names ...string) {
	t.Helper()
	for _, name := range names {
		found := false
		for _, p := range all {
			found = found || strings.HasPrefix(p.name, name)
		}
		if !found {
			t.Fatalf("no process %s among %v", name, all)
		}
	}
}
