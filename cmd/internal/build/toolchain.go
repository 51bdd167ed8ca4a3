package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// toolchain is the go command, at work in a folder.
type toolchain struct {
	path  string
	dir   string
	env   []string
	trace io.Writer
}

// toolError is a command of the toolchain that failed.
type toolError struct {
	command string
	text    string // what it said
}

func (e *toolError) Error() string {
	return fmt.Sprintf("go %s: %s", e.command, strings.TrimSpace(e.text))
}

// findToolchain finds the go command of this machine.
func findToolchain(ctx context.Context, dir string, trace io.Writer) (toolchain, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return toolchain{}, fmt.Errorf("there is no Go on this machine, and logpipe build has it compile: install Go from https://go.dev/dl/ and put the command go on PATH")
	}
	t := toolchain{path: path, dir: dir, trace: trace}
	t.env = append(os.Environ(),
		"GOWORK=off",     // no workspace around the folder takes part
		"GOTMPDIR="+dir,  // is removed with it
		"CGO_ENABLED=0",  // static
		"GO111MODULE=on", // whatever somebody has set long ago
		"GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -mod=mod"))
	out, err := t.run(ctx, "version")
	if err != nil {
		return t, inWords(err, "the Go toolchain")
	}
	fmt.Fprint(trace, out)
	return t, nil
}

// run runs a command of the toolchain and returns what it writes. When ctx ends, the command and what it has started end, too.
func (t toolchain) run(ctx context.Context, args ...string) (string, error) {
	fmt.Fprintf(t.trace, "go %s\n", strings.Join(args, " "))
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, t.path, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = t.dir, t.env, &stdout, io.MultiWriter(&stderr, t.trace)
	// A group of its own: an interrupt from the terminal comes to us alone, and we pass it on to all of the group.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) }
	c.WaitDelay = 10 * time.Second
	err := c.Run()
	if errors.Is(err, exec.ErrWaitDelay) || ctx.Err() != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // those that did not listen; mostly there are none
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		text := stderr.String()
		if strings.TrimSpace(text) == "" {
			text = err.Error()
		}
		return "", &toolError{strings.Join(args, " "), text}
	}
	return stdout.String(), nil
}
