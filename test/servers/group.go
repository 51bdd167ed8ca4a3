package servers

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// group is a Unix process group that cannot outlive this process.
//
// Its leader is a guard: a shell that reads from a pipe whose other end only
// this process holds. When that end closes, because close was called or because
// this process ended in whatever way, kill -9 included, the guard kills its
// whole group and so itself. Unlike Linux's parent-death signal this needs no
// particular system, does not depend on which thread forked, and reaches the
// children of children too.
type group struct {
	guard *exec.Cmd
	hold  io.Closer

	mu      sync.Mutex
	members []*process
}

// guardScript ignores the signals that a terminal or a forwarding parent sends
// to a group, waits for the pipe to close, runs the arguments as a last
// command, and kills the group.
const guardScript = `trap "" INT TERM HUP TSTP; read -r _; "$@"; kill -KILL 0`

// newGroup starts a guard. The command in last, if any, is run by it before it
// kills the group, for things that are no processes, such as containers.
func newGroup(last ...string) (*group, error) {
	guard := exec.Command("sh", append([]string{"-c", guardScript, "guard"}, last...)...)
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	hold, err := guard.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the pipe to the guard: %w", err)
	}
	if err := guard.Start(); err != nil {
		return nil, fmt.Errorf("start the guard of a process group: %w", err)
	}
	return &group{guard: guard, hold: hold}, nil
}

// start runs cmd as a member of the group.
func (g *group) start(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.guard.Process.Pid}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go p.wait()
	g.mu.Lock()
	g.members = append(g.members, p)
	g.mu.Unlock()
	return p, nil
}

// signal sends sig to every process of the group. The guard ignores the
// signals that ask a process to end.
func (g *group) signal(sig syscall.Signal) error {
	return syscall.Kill(-g.guard.Process.Pid, sig)
}

// close kills what is left of the group and returns when it is gone.
func (g *group) close() {
	g.hold.Close()
	g.guard.Wait()            // "signal: killed" is how a guard ends
	g.signal(syscall.SIGKILL) // for the case that somebody else has ended the guard
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.members {
		<-p.ended
	}
	g.waitEmpty()
}

// waitEmpty waits for the grandchildren, which others reap. They have been
// killed; the wait only lets them vanish before their files are removed. It is
// bounded because in a container without an init their zombies stay for ever.
func (g *group) waitEmpty() {
	deadline := time.After(2 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for g.signal(0) == nil {
		select {
		case <-tick.C:
		case <-deadline:
			return
		}
	}
}

// process is a child that somebody waits for.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when the child is gone; err is set then
	err   error
}

func (p *process) wait() {
	p.err = p.cmd.Wait()
	close(p.ended)
}
