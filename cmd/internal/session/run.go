package session

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/config"
)

// runFlags are the flags of the run command.
type runFlags struct {
	envFiles  []string
	verbose   bool
	logFormat string
	watch     bool
	admin     string // where the HTTP side listens; the file says it
	adminSet  bool   // unless this flag was given
}

// Command is logpipe run.
func Command(a *cli.App) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE...",
		Short: "Run the pipelines of files or folders",
		Long: `Run the pipelines of files, or of folders with *.hcl files, until their inputs are
finished or a signal comes.

After SIGINT or SIGTERM the pipelines drain: they read no more, and what was read is
written and acked. A second signal ends the process at once; nothing is lost by that,
because the source delivers again what was not acked.

SIGHUP reads the files again. With an error in them all goes on as before; else only
the pipelines that changed drain and start anew.`,
		Example: `  logpipe run pipeline.hcl
  logpipe run --env-file .env -v pipeline.hcl
  logpipe run /etc/logpipe`,
		Args:              cli.AtLeastOne("a file or a folder with *.hcl files"),
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(c *cobra.Command, args []string) error {
			f.adminSet = c.Flags().Changed("admin")
			return runFiles(c.Context(), a, args, f)
		},
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.envFiles, "env-file", nil, cli.EnvFileUsage)
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log details too")
	flags.StringVar(&f.logFormat, "log-format", "auto", "log in `FORMAT`: text, json or auto, which is text on a terminal and JSON elsewhere")
	flags.BoolVar(&f.watch, "watch", false, "read the files again when they change, as after SIGHUP")
	flags.StringVar(&f.admin, "admin", "", adminUsage)
	_ = c.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions(logFormats, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return c
}

func runFiles(ctx context.Context, a *cli.App, files []string, f runFlags) error {
	s := New(a)
	s.files, s.flags = files, f
	handler, err := s.handler(f)
	if err != nil {
		return err
	}
	s.Log = slog.New(handler)
	lookup, err := a.Variables(f.envFiles)
	switch {
	case err != nil && s.text:
		_, err = a.Environment(f.envFiles) // which says it to people
		return err
	case err != nil:
		s.Log.Error(NotStarted, "error", err)
		return cli.Exit(cli.ExitConfig)
	}
	if err := s.load(files, lookup); err != nil {
		return err
	}
	if f.adminSet {
		if err := overrideAdmin(s.Config, f.admin); err != nil {
			return err
		}
	}
	return s.run(ctx)
}

// load reads the configuration. What is wrong with it is written as the log is: where that is JSON, something reads it that would take each line
// of a text, with its picture of the place, for an entry of its own.
func (s *session) load(files []string, lookup func(string) (string, bool)) error {
	cfg, found := s.app.Read(files, config.Options{LookupEnv: lookup})
	s.say(found)
	if found.HasErrors() {
		return cli.Exit(cli.ExitConfig)
	}
	s.Config = cfg
	return nil
}

var logFormats = []string{"auto", "text", "json"}

// handler chooses how the log is written.
func (s *session) handler(f runFlags) (slog.Handler, error) {
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	terminal := s.app.ErrTerminal
	switch f.logFormat {
	case "auto":
		s.text = terminal
	case "text":
		s.text = true
	case "json":
	default:
		return nil, cli.Usagef("--log-format is %q; it must be auto, text or json", f.logFormat)
	}
	switch {
	case s.text && terminal:
		return &console.TextHandler{W: s.screen, Level: level, Layout: console.TerminalTime, Color: s.app.Color()}, nil
	case s.text:
		return &console.TextHandler{W: s.screen, Level: level, Layout: console.FileTime}, nil
	default:
		return console.NewJSONHandler(console.ControlEscaper{W: s.screen}, level), nil
	}
}
