package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tick is what /proc counts CPU time in: USER_HZ, 100 on every system that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime is what a running process has taken so far, of user and system together.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte(") ")) // the name may have spaces
	fields := strings.Fields(string(rest))      // from field 3 on
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat has no CPU time in %q", pid, text)
	}
	return time.Duration(user+system) * tick, nil
}

// memory follows the resident memory of a process. The peak that the kernel gives with the exit of a child counts also what this
// process had when it started the child, so it is of no use here.
type memory struct {
	pid  int
	stop chan struct{}
	done sync.WaitGroup

	samples []int64 // bytes, four a second
	peak    int64
}

// follow looks at the process until end is called or the process is gone.
func follow(pid int) *memory {
	m := &memory{pid: pid, stop: make(chan struct{})}
	m.done.Go(func() {
		every := time.NewTicker(25 * time.Millisecond)
		defer every.Stop()
		for n := 0; ; n++ {
			now, peak, err := resident(m.pid)
			if err != nil {
				return
			}
			if m.peak = max(m.peak, peak); n%10 == 0 {
				m.samples = append(m.samples, now)
			}
			select {
			case <-every.C:
			case <-m.stop:
				return
			}
		}
	})
	return m
}

// end returns the peak and the samples.
func (m *memory) end() (peak int64, samples []int64) {
	close(m.stop)
	m.done.Wait()
	return m.peak, m.samples
}

// resident is what a process has in memory now, and had at most. A process that has ended has no such lines.
func resident(pid int) (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	var ok1, ok2 bool
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "VmRSS":
			now, ok1 = kilobytes(value)
		case "VmHWM":
			peak, ok2 = kilobytes(value)
		}
	}
	if !ok1 || !ok2 {
		return 0, 0, fmt.Errorf("process %d has no memory", pid)
	}
	return now, peak, nil
}

func kilobytes(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
	return n << 10, err == nil
}

// load is the load average.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
