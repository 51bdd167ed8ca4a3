package test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/world"
)

// A message that is acked, flushed or uploaded by itself costs a system call or more, which is most of what it may cost at all. Reads bring
// fewer messages the slower the broker is beside us, so the budget for them leaves room; what is written does not depend on that.
func TestBudgetSystemCalls(t *testing.T) {
	w := world.New(t)
	const n = 40_000
	p := w.Start(w.Env("BATCH_SIZE=1000"), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Produce(n)
	w.Taken("log_queue")
	reads, writes := calls(t, p.PID())
	w.Stops(p, 0)
	w.Complete(n, w.Stored())
	t.Logf("%.3f reads and %.3f writes a message", float64(reads)/n, float64(writes)/n)
	if reads > n {
		t.Errorf("%d reads for %d messages", reads, n)
	}
	if writes > n/10 {
		t.Errorf("%d writes for %d messages", writes, n)
	}
}

// calls is how many system calls read and wrote, sockets and files: see proc(5).
func calls(t *testing.T, pid int) (reads, writes int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Skip("this system does not count system calls: ", err)
	}
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "syscr: %d", &reads)
		fmt.Sscanf(line, "syscw: %d", &writes)
	}
	return reads, writes
}
