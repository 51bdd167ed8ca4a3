package world

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/logpipe/logpipe/test/process"
)

// Command is logpipe with all that it prints: results and log together, byte for byte, in a file. Start gives the log only, as records.
type Command struct {
	*exec.Cmd
	file string
	w    *World
}

// Command makes one that is not started yet. It is killed with the test.
func (w *World) Command(env []string, args ...string) *Command {
	w.TB.Helper()
	out, err := os.CreateTemp(w.Dir, "printed-")
	if err != nil {
		w.TB.Fatal(err)
	}
	w.TB.Cleanup(func() { out.Close() })
	c := exec.CommandContext(w.TB.Context(), w.bin, args...)
	c.Dir, c.Stdout, c.Stderr = process.Root(), out, out
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}, env...)
	return &Command{Cmd: c, file: out.Name(), w: w}
}

// Umask makes it begin with this umask.
func (c *Command) Umask(mask string) {
	c.Args = append([]string{"sh", "-c", "umask " + mask + `; exec "$0" "$@"`, c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
}

// Begin starts it, and waits until it has printed each text.
func (c *Command) Begin(texts ...string) {
	c.w.TB.Helper()
	if err := c.Start(); err != nil {
		c.w.TB.Fatal(err)
	}
	c.Prints(texts...)
}

// Prints waits until it has printed each text.
func (c *Command) Prints(texts ...string) {
	c.w.TB.Helper()
	for _, text := range texts {
		c.w.Until(filepath.Base(c.Args[0])+" prints "+text, func() bool { return strings.Contains(c.Printed(), text) })
	}
}

// End sends the signals, each when the text in front of it was printed, and waits for the end of the process.
func (c *Command) End(signals ...os.Signal) {
	c.w.TB.Helper()
	for _, s := range signals {
		if err := c.Process.Signal(s); err != nil {
			c.w.TB.Fatal(err)
		}
		c.Prints("drain")
	}
	_ = c.Wait() // what it answers is not the question here
}

// Printed is what it has printed so far.
func (c *Command) Printed() string {
	c.w.TB.Helper()
	text, err := os.ReadFile(c.file)
	if err != nil {
		c.w.TB.Fatal(err)
	}
	return string(bytes.ToValidUTF8(text, []byte("�")))
}
