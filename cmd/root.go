package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/deadletters"
	"github.com/logpipe/logpipe/cmd/internal/describe"
	"github.com/logpipe/logpipe/cmd/internal/memory"
	"github.com/logpipe/logpipe/cmd/internal/session"
	"github.com/logpipe/logpipe/cmd/internal/tests"
	"github.com/logpipe/logpipe/cmd/internal/top"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

// Run runs the command line args, without the program's name, and returns the exit code. When ctx ends, running pipelines
// drain as after a first signal. It panics when two plugins of one kind have the same name: that is a mistake of whoever built the binary.
func Run(ctx context.Context, args []string, s Streams, plugins ...engine.Plugin) int {
	return run(ctx, args, nil, s, plugins...)
}

// run is Run with the limit of the process's memory; nil leaves that as it is.
func run(ctx context.Context, args []string, limit *memory.Limit, s Streams, plugins ...engine.Plugin) int {
	config.CheckPlugins(plugins)
	if s.LookupEnv == nil {
		s.LookupEnv = func(string) (string, bool) { return "", false }
	}
	a := &cli.App{Streams: s, Plugins: plugins, Version: currentVersion(), Memory: limit}
	root := rootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	completion(root)
	command, err := root.ExecuteContextC(ctx)
	return codeOf(a, command, args, err)
}

// codeOf says what there is left to say of an error, and gives the exit code.
func codeOf(a *cli.App, command *cobra.Command, args []string, err error) int {
	var code cli.Exit
	var usage cli.UsageError
	log := session.StartLog(a, command, args)
	switch {
	case err == nil:
		return cli.ExitOK
	case errors.As(err, &code):
		return int(code)
	case log != nil && !errors.As(err, new(notAFile)):
		log.Error(session.NotStarted, "error", err, "detail", fmt.Sprintf("'%s --help' has the usage", command.CommandPath()))
		if a.Started && !errors.As(err, &usage) {
			return cli.ExitRuntime
		}
		return cli.ExitUsage
	case a.Started && !errors.As(err, &usage):
		fmt.Fprintf(a.Err, "logpipe: %v\n", err)
		return cli.ExitRuntime
	default:
		fmt.Fprintf(a.Err, "logpipe: %v\nRun '%s --help' for usage.\n", err, command.CommandPath())
		return cli.ExitUsage
	}
}

func rootCommand(a *cli.App) *cobra.Command {
	root := session.Command(a)
	root.Use = "logpipe [FILE...]"
	root.Short = "Move logs from where they are produced to where they are kept, and lose none"
	root.Long = root.Short + `.

A pipeline is written in HCL. "logpipe FILE" runs the pipelines of a file or of a
folder with *.hcl files; it is the same as "logpipe run FILE".

Exit codes: 0 ok, 1 error in a configuration or a test that failed, 2 error in the
command line or in a test, 3 "fmt --check" found differences, 4 error at run time,
5 "plan" found changes.`
	root.Example = `  logpipe pipeline.hcl             run a pipeline
  logpipe validate pipeline.hcl    find what is wrong with it
  logpipe plugins s3               what can be configured`
	root.Version = versionOf(debug.ReadBuildInfo())
	root.SetVersionTemplate("{{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(flagError)
	root.PersistentPreRun = func(*cobra.Command, []string) { a.Started = true }
	runFiles := root.RunE
	root.Args = cobra.ArbitraryArgs
	root.ValidArgsFunction = cli.CompleteFirst
	root.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			c.SetOut(a.Err)
			_ = c.Help()
			return cli.Exit(cli.ExitUsage)
		}
		if err := unknownWord(c, args[0]); err != nil {
			return err
		}
		return runFiles(c, args)
	}
	root.SetHelpCommand(helpCommand())
	root.AddCommand(session.Command(a), validateCommand(a), tests.TestCommand(a), tests.TryCommand(a), planCommand(a), fmtCommand(a), graphCommand(a), top.Command(a), healthCommand(a), describe.Command(a), buildCommand(a),
		deadletters.Command(a), versionCommand(a))
	return root
}

// helpCommand is cobra's but for a command that is not there: that is a mistake, and no help.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return cli.CommandNames(c.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return cli.UnknownCommand(about, args[len(args)-len(rest):])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// notAFile is the mistake of a word that may be meant for a command: it was typed by somebody.
type notAFile struct{ error }

// Unwrap gives the mistake itself.
func (e notAFile) Unwrap() error { return e.error }

// unknownWord says both of a word that is neither a command nor a file. What looks like a path is taken for one: the
// configuration's own diagnostic says that it is missing.
func unknownWord(c *cobra.Command, word string) error {
	if _, err := os.Stat(word); err == nil || word == "-" || strings.ContainsAny(word, "./\\") {
		return nil
	}
	if name := config.Suggest(word, cli.CommandNames(c)); name != "" {
		return notAFile{cli.Usagef("%q is neither a command nor a file; did you mean %q?", word, name)}
	}
	return notAFile{cli.Usagef("%q is neither a command nor a file", word)}
}

// flagError adds to an unknown flag the one that was meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if name := config.Suggest(unknown.GetSpecifiedName(), names); name != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, name)
	}
	return err
}
