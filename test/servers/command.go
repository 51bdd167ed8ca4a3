package servers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Command runs a command line with more variables in its environment and
// returns its exit code; one that a signal ended counts as 128 + the signal, as
// in a shell. Signals that arrive are passed on to the command and its
// children. What it leaves running is killed, also when this process is.
func Command(args, env []string, signals <-chan os.Signal) (int, error) {
	return CommandTo(os.Stdout, args, env, signals)
}

// CommandTo is [Command] with another place for what the command prints.
func CommandTo(out *os.File, args, env []string, signals <-chan os.Signal) (int, error) {
	g, err := newGroup()
	if err != nil {
		return 1, err
	}
	defer g.close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = standardInput(), out, os.Stderr
	p, err := g.start(cmd)
	if err != nil {
		return 1, err
	}
	for {
		select {
		case <-p.ended:
			return exitCode(p.err)
		case sig := <-signals:
			if s, ok := sig.(syscall.Signal); ok {
				g.signal(s) // nobody left to hear it: the command ends just now
			}
		}
	}
}

// standardInput is nothing on a terminal: a process outside of the terminal's
// foreground group is stopped when it reads from it.
func standardInput() io.Reader {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeCharDevice != 0 {
		return nil
	}
	return os.Stdin
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 1, fmt.Errorf("wait for the command: %w", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
