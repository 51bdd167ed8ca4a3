// Package cmd is the logpipe command: its sub-commands, its exit codes, and how it talks to people. A program with plugins
// of its own is a few lines:
//
//	func main() { cmd.Main(append(plugins.All, scrub.Plugin)...) }
//
// root.go puts the commands together. One that is a file or two stands here; the others have a folder each, with a function Command:
// internal/session (run), internal/tests (test, try), internal/top, internal/deadletters (dlq), internal/describe (plugins),
// internal/build. internal/memory bounds the process. What they share stands in internal/cli, what people read in internal/console, what a run did in internal/progress.
package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/memory"
	"github.com/logpipe/logpipe/engine"
)

// Main runs the command line of the process with the plugins compiled in. It does not return: the process ends with the exit
// code of the command.
func Main(plugins ...engine.Plugin) {
	defer func() {
		if cause := recover(); cause != nil {
			reportPanic(os.Stderr, cause)
			os.Exit(cli.ExitRuntime)
		}
	}()
	stderr := survivingPipe(os.Stderr)
	os.Exit(run(context.Background(), os.Args[1:], memory.Tune(), Streams{
		In: os.Stdin, Out: os.Stdout, Err: stderr,
		InTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Width: func() int {
			width, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0
			}
			return width
		},
		LookupEnv: os.LookupEnv,
	}, plugins...))
}

// survivingPipe returns a second descriptor of f. Go ends a process that writes into a broken pipe at descriptor 1 or 2. For
// standard output that is right, as in "logpipe plugins | head". But a reader of the log that went away must not take
// the pipelines down with it: on any other descriptor the write only fails.
func survivingPipe(f *os.File) *os.File {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return f
	}
	return os.NewFile(uintptr(fd), f.Name())
}

func reportPanic(w io.Writer, cause any) {
	fmt.Fprintf(w, "logpipe: internal error: %v\n", cause)
	fmt.Fprintf(w, "Nothing unsettled was acked. Please report this, with %s, at https://github.com/logpipe/logpipe/issues\n", versionOf(debug.ReadBuildInfo()))
	if slices.Contains(os.Args, "-v") || slices.Contains(os.Args, "--verbose") {
		_, _ = w.Write(debug.Stack())
	}
}
