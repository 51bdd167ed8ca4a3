package session

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
)

// NotStarted is the line of the log of a process that ends before its pipelines begin.
const NotStarted = "logpipe does not start"

// StartLog is what a mistake in the command line goes to where the command runs pipelines and its log is JSON; nil is text for people. The flags
// may be what is wrong, so the arguments are read as far as they can be.
func StartLog(a *cli.App, c *cobra.Command, args []string) *slog.Logger {
	if c == nil || c.Flags().Lookup("log-format") == nil {
		return nil
	}
	format := "auto"
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--log-format="); ok {
			format = value
		} else if arg == "--log-format" && i+1 < len(args) {
			format = args[i+1]
		}
	}
	if format == "text" || format != "json" && a.ErrTerminal {
		return nil
	}
	return slog.New(console.NewJSONHandler(console.ControlEscaper{W: a.Err}, slog.LevelInfo))
}
