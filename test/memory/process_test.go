package memory

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// resident is what a process has in memory now, and had at most, in bytes.
func resident(tb testing.TB, pid int) (now, peak int64) {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "VmRSS":
			now = kilobytes(tb, value)
		case "VmHWM":
			peak = kilobytes(tb, value)
		}
	}
	if now == 0 || peak == 0 {
		tb.Fatalf("process %d has no memory", pid)
	}
	return now, peak
}

func kilobytes(tb testing.TB, text string) int64 {
	tb.Helper()
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return n << 10
}
