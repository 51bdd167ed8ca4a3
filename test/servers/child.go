package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// child runs a server as a process of our own.
type child struct {
	group   *group
	dir     *scratch
	ports   []*port
	command func() *exec.Cmd // a fresh one for every start
	said    []string         // files with what the server says, beside its output
	proc    *process
}

// newChild makes the folder, the ports and the process group for a server.
// The caller sets command and said, and closes the child when that goes wrong.
func newChild(name string, ports int) (*child, error) {
	c := &child{}
	var err error
	if c.dir, err = newScratch(name); err != nil {
		return nil, err
	}
	for range ports {
		p, err := reservePort()
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.ports = append(c.ports, p)
	}
	if c.group, err = newGroup(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *child) start(context.Context) error {
	p, err := c.launch(c.command())
	if err == nil {
		c.proc = p
	}
	return err
}

// launch starts a process whose output goes to a file of the folder.
func (c *child) launch(cmd *exec.Cmd) (*process, error) {
	out, err := os.OpenFile(c.dir.join("output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the file for the server's output: %w", err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	return c.group.start(cmd)
}

func (c *child) stop(ctx context.Context) error {
	if err := c.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-c.proc.ended:
		return nil
	case <-ctx.Done():
		return c.kill()
	}
}

func (c *child) kill() error {
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-c.proc.ended
	return nil
}

// pause returns when the server stands still: a signal to stop reaches its threads one after the other, and one of them may still answer.
func (c *child) pause() error {
	if err := c.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for deadline := time.Now().Add(pauseTimeout); ; time.Sleep(time.Millisecond) {
		if stopped(c.pid()) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("pause process %d: it goes on %v after SIGSTOP", c.pid(), pauseTimeout)
		}
	}
}

const pauseTimeout = 10 * time.Second

// stopped reports whether all threads of a process are. Where there is no /proc it is believed.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range threads {
		text, err := os.ReadFile(path)
		_, state, _ := bytes.Cut(text, []byte(") ")) // behind the name, which may have anything in it
		if err == nil && !bytes.HasPrefix(state, []byte("T")) {
			return false
		}
	}
	return true
}

func (c *child) resume() error          { return c.signal(syscall.SIGCONT) }
func (c *child) ended() <-chan struct{} { return c.proc.ended }
func (c *child) pid() int               { return c.proc.cmd.Process.Pid }

// signal reaches the server only, not its helpers. A server that has ended
// already is what a stop or a kill wants.
func (c *child) signal(sig syscall.Signal) error {
	err := c.proc.cmd.Process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) && (sig == syscall.SIGTERM || sig == syscall.SIGKILL) {
		return nil
	}
	return err
}

func (c *child) output() string {
	text := ""
	for _, path := range append([]string{c.dir.join("output")}, c.said...) {
		text += tail(path, 3000)
	}
	if text == "" {
		return "(nothing)"
	}
	return text
}

// tail is the end of a file, or nothing if it cannot be read.
func tail(path string, max int) string {
	text, _ := os.ReadFile(path)
	if len(text) > max {
		text = text[len(text)-max:]
	}
	return string(text)
}

func (c *child) close() error {
	if c.group != nil {
		c.group.close()
	}
	for _, p := range c.ports {
		p.release()
	}
	return c.dir.close()
}
