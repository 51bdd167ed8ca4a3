package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/spf13/cobra"
)

// printJSON is print for programs.
func (a *app) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	var out io.Writer = a.Out
	if a.OutTerminal {
		out = controlEscaper{out}
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// The exit codes of the process.
const (
	exitOK      = 0
	exitConfig  = 1 // a configuration has errors
	exitFailed  = 1 // a test failed
	exitUsage   = 2 // the command line has errors
	exitDiffers = 3 // fmt --check found files that are not formatted
	exitRuntime = 4 // messages are left unsettled, or something else failed at run time
	exitChanges = 5 // plan found changes
)

// print writes what a command was asked for.
func (a *app) print(text string) error {
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
type app struct {
	Streams
	plugins []engine.Plugin
	version string // of this logpipe
	started bool   // the command line was understood, and its command is at work
}

// exit is the error of a command that has said already what is wrong: the process ends with this code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a mistake in the command line that only the command itself could find.
type usageError struct{ error }

// usagef makes one.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// unknownCommand is the mistake of words that are no command, with the one that may be meant.
func unknownCommand(of *cobra.Command, words []string) error {
	known := commandNames(of)
	if len(known) == 0 || len(words) == 0 {
		return usagef("%q has no command of its own", of.CommandPath())
	}
	if name := config.Suggest(words[0], known); name != "" {
		return usagef("%q has no command %q; did you mean %q?", of.CommandPath(), words[0], name)
	}
	return usagef("%q has no command %q; it has %s", of.CommandPath(), words[0], strings.Join(known, ", "))
}

// commandNames are the commands below one.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, command := range c.Commands() {
		names = append(names, command.Name())
	}
	return names
}

// envFileUsage is what --env-file is about, wherever it is.
const envFileUsage = "read variables from `FILE`; those that are really set win"

// atLeastOne refuses a command line without what.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("which one? Give " + what)
		}
		return nil
	}
}

// exactlyOneFile refuses all but one file.
func exactlyOneFile(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("which one? Give a file with a pipeline")
	case 1:
		return nil
	}
	return fmt.Errorf("%q is one too many: a record goes through the pipeline of one file", args[1])
}

// count says how many there are of a thing.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
