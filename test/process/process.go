// Package process runs the logpipe command, or another that is measured beside it, as a process of its own, and reads its log.
package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Root returns the folder of the module, which is above this file.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Build compiles the command into dir and returns its path. With GOCOVERDIR set it is built to measure coverage, so that
// what only a real process does counts too. Flags are those of go build.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	bin := filepath.Join(dir, "logpipe")
	args := append([]string{"build", "-o", bin}, flags...)
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-coverpkg=./engine/...,./plugins/...,./cmd/...")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/logpipe")...)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, out)
	}
	return bin, nil
}

// Process is a running command.
type Process struct {
	cmd   *exec.Cmd
	done  chan struct{}
	err   error
	Tell  func(Line) // called for each line of the log, from one goroutine; may be nil
	mu    sync.Mutex
	lines []Line
	more  chan struct{} // closed and made anew with every line
}

// Line is one line of the log.
type Line map[string]any

// Text returns a field of the line as text, "" when it is missing.
func (l Line) Text(field string) string {
	if v, ok := l[field]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// Int returns a number of the line.
func (l Line) Int(field string) int {
	n, _ := l[field].(float64)
	return int(n)
}

// takeHangups makes SIGHUP what it is by default for processes that are started from here. Under nohup this process ignores it, and its children
// would, too; what is taken here has its default there.
var takeHangups = sync.OnceFunc(func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) })

// Start starts bin with these arguments and variables. Of the environment it gets only PATH, HOME and what coverage needs, so that
// nothing on the machine changes what a test sees. The process ends with this one.
func Start(bin string, env []string, tell func(Line), args ...string) (*Process, error) {
	takeHangups()
	p := &Process{cmd: exec.Command(bin, args...), done: make(chan struct{}), more: make(chan struct{}), Tell: tell}
	p.cmd.Dir = Root()
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		p.cmd.Env = append(p.cmd.Env, "GOCOVERDIR="+dir)
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", bin, err)
	}
	started := make(chan error)
	go func() {
		// The kernel sends the death signal when the thread ends that started the process, so this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.read(stderr)
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", bin, err)
	}
	return p, nil
}

func (p *Process) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		line := Line{}
		if json.Unmarshal(s.Bytes(), &line) != nil {
			line["msg"] = s.Text()
		}
		p.mu.Lock()
		p.lines = append(p.lines, line)
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
		if p.Tell != nil {
			p.Tell(line)
		}
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Wait waits until the process has ended and returns its exit code, -1 if a signal ended it. When ctx ends before, it kills the process.
func (p *Process) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		p.Kill()
		return -1, fmt.Errorf("%s did not end in time: %w; its last lines:\n%s", p.name(), ctx.Err(), p.Tail(20))
	}
}

// Stop sends SIGTERM and waits.
func (p *Process) Stop(ctx context.Context) (code int, err error) {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return -1, fmt.Errorf("stop %s: %w", p.name(), err)
	}
	return p.Wait(ctx)
}

// Kill ends the process at once, as a crash does, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.done
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Usage is what the process took: CPU time of user and system together, and the peak of its memory in bytes. It has ended.
func (p *Process) Usage() (cpu time.Duration, peak int64) {
	state := p.cmd.ProcessState
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss << 10
	}
	return state.UserTime() + state.SystemTime(), peak
}

// Log returns the lines so far.
func (p *Process) Log() []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Line(nil), p.lines...)
}

// Tail returns the last n lines as text.
func (p *Process) Tail(n int) string {
	lines := p.Log()
	var s strings.Builder
	for _, l := range lines[max(0, len(lines)-n):] {
		text, _ := json.Marshal(l) // it came from JSON
		s.Write(append(text, '\n'))
	}
	return s.String()
}

// Find returns the first line whose message contains text.
func (p *Process) Find(text string) (Line, bool) {
	for _, l := range p.Log() {
		if strings.Contains(l.Text("msg"), text) {
			return l, true
		}
	}
	return nil, false
}

// Await waits until a line's message contains text.
func (p *Process) Await(ctx context.Context, text string) (Line, error) {
	for {
		p.mu.Lock()
		more := p.more
		p.mu.Unlock()
		if l, ok := p.Find(text); ok {
			return l, nil
		}
		select {
		case <-more:
		case <-p.done:
			if l, ok := p.Find(text); ok {
				return l, nil
			}
			return nil, fmt.Errorf("%s ended without the line %q; its last lines:\n%s", p.name(), text, p.Tail(20))
		case <-ctx.Done():
			return nil, fmt.Errorf("no line %q in time; the last lines:\n%s", text, p.Tail(20))
		}
	}
}
