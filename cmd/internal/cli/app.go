// Package cli is what all commands share: streams, exit codes, mistakes in the command line, reading configurations and environments.
package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/cmd/internal/memory"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/spf13/cobra"
)

// PrintJSON is print for programs.
func (a *App) PrintJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	var out io.Writer = a.Out
	if a.OutTerminal {
		out = console.ControlEscaper{W: out}
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// The exit codes of the process.
const (
	ExitOK      = 0
	ExitConfig  = 1 // a configuration has errors
	ExitFailed  = 1 // a test failed
	ExitUsage   = 2 // the command line has errors
	ExitDiffers = 3 // fmt --check found files that are not formatted
	ExitRuntime = 4 // messages are left unsettled, or something else failed at run time
	ExitChanges = 5 // plan found changes
)

// Print writes what a command was asked for.
func (a *App) Print(text string) error {
	_, err := fmt.Fprint(a.Out, text)
	return err
}

// Streams are what a command talks through, and what it has to know about them.
type Streams struct {
	In  io.Reader // what "-" reads
	Out io.Writer // results
	Err io.Writer // logs and diagnostics

	InTerminal, OutTerminal, ErrTerminal bool // whether each of them is a terminal
	// Width is the number of columns of Err's terminal; 0, or a nil func, is unknown.
	Width func() int
	// LookupEnv finds a variable of the environment; nil is an empty environment.
	LookupEnv func(string) (string, bool)
}

// app is one run of the command line.
type App struct {
	Streams
	Plugins []engine.Plugin
	Version string        // of this logpipe
	Memory  *memory.Limit // of the process; nil leaves it as it is
	Started bool          // the command line was understood, and its command is at work

	contents map[string][]byte // of what can be read once only, see onceOnly
}

// exit is the error of a command that has said already what is wrong: the process ends with this code.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// UsageError is a mistake in the command line that only the command itself could find.
type UsageError struct{ error }

// Usage makes one of another error.
func Usage(err error) error { return UsageError{err} }

// Usagef makes one.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// UnknownCommand is the mistake of words that are no command, with the one that may be meant.
func UnknownCommand(of *cobra.Command, words []string) error {
	known := CommandNames(of)
	if len(known) == 0 || len(words) == 0 {
		return Usagef("%q has no command of its own", of.CommandPath())
	}
	if name := config.Suggest(words[0], known); name != "" {
		return Usagef("%q has no command %q; did you mean %q?", of.CommandPath(), words[0], name)
	}
	return Usagef("%q has no command %q; it has %s", of.CommandPath(), words[0], strings.Join(known, ", "))
}

// CommandNames are the commands below one.
func CommandNames(c *cobra.Command) []string {
	var names []string
	for _, command := range c.Commands() {
		names = append(names, command.Name())
	}
	return names
}

// EnvFileUsage is what --env-file is about, wherever it is.
const EnvFileUsage = "read variables from `FILE`; those that are really set win"

// AtLeastOne refuses a command line without what.
func AtLeastOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("which one? Give " + what)
		}
		return nil
	}
}

// ExactlyOneFile refuses all but one file.
func ExactlyOneFile(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("which one? Give a file with a pipeline")
	case 1:
		return nil
	}
	return fmt.Errorf("%q is one too many: a record goes through the pipeline of one file", args[1])
}

// Count says how many there are of a thing.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
