package cmd

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/build"
	"github.com/logpipe/logpipe/cmd/internal/cli"
)

func buildCommand(a *cli.App) *cobra.Command {
	var with []string
	var engine, output string
	var verbose bool
	c := &cobra.Command{
		Use:   "build --with PACKAGE...",
		Short: "Build a logpipe with plugins of your own",
		Long: `Build a logpipe that has its own plugins and those of Go packages. A package states its
plugins by a variable: var Plugin = engine.New…, or var Plugins = []engine.Plugin{…}.

--with takes the path of a package, with a version or without, or a folder. It needs Go; what it
writes beside the binary is removed again. The engine is of the version of this logpipe;
GOOS and GOARCH build for another machine.`,
		Example: `  logpipe build --with example.com/me/scrub@v1.2.3
  logpipe build --with ../scrub --with example.com/x=../x -o bin/logpipe`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			e, err := engineToBuild(engine)
			if err != nil {
				return cli.Usage(err)
			}
			ctx, forget := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer forget()
			return buildProgram(ctx, a, build.Options{With: with, Engine: e, Output: output, Log: a.Err, Trace: verbose})
		},
	}
	c.Flags().StringArrayVar(&with, "with", nil, "a package with plugins: `PATH[@VERSION]`, PATH=FOLDER or FOLDER; may be repeated")
	c.Flags().StringVarP(&output, "output", "o", "./logpipe", "the `FILE` to write")
	c.Flags().StringVar(&engine, "logpipe", "", "the logpipe to build in place of this version: another `VERSION`, or the folder of a working copy")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show the commands of the Go toolchain")
	return c
}

func engineToBuild(named string) (build.Engine, error) {
	if named != "" {
		return build.NamedEngine(named)
	}
	info, _ := debug.ReadBuildInfo()
	return build.OwnEngine(info, Version)
}

func buildProgram(ctx context.Context, a *cli.App, o build.Options) error {
	version, err := build.Run(ctx, o)
	if usage, ok := errors.AsType[build.Usage](err); ok {
		return cli.Usage(usage)
	}
	if err != nil {
		return err
	}
	return a.Print(fmt.Sprintf("%s is %s", o.Output, version))
}
