package cmd

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
)

func validateCommand(a *cli.App) *cobra.Command {
	var asJSON, noEnv bool
	var envFiles []string
	c := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Find all mistakes of files or folders, without touching the network",
		Long: `Find all mistakes of files, or of folders with *.hcl files, in one go. Nothing is
opened or connected to. "-" is standard input. The exit code is 1 when there are errors;
warnings do not count.`,
		Example: `  logpipe validate pipeline.hcl
  logpipe validate --no-env --json examples/ k8s/pipeline.hcl`,
		Args:              cli.AtLeastOne("a file or a folder with *.hcl files"),
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			lookup, err := a.Environment(envFiles)
			if err != nil {
				return err
			}
			return validate(a, args, config.Options{LookupEnv: lookup, NoEnv: noEnv}, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write the diagnostics as JSON, in the form that Terraform uses")
	c.Flags().BoolVar(&noEnv, "no-env", false, "take variables that are not set for unknown, and check the rest")
	c.Flags().StringArrayVar(&envFiles, "env-file", nil, cli.EnvFileUsage)
	return c
}

func validate(a *cli.App, paths []string, o config.Options, asJSON bool) error {
	if !asJSON {
		cfg, err := a.Load(paths, o)
		if err == nil && a.OutTerminal {
			return a.Print(fmt.Sprintf("ok: %s\n", cli.Count(len(cfg.Pipelines), "pipeline")))
		}
		return err
	}
	_, found := a.Read(paths, o)
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	if err := a.Print(string(text) + "\n"); err != nil {
		return err
	}
	if found.HasErrors() {
		return cli.Exit(cli.ExitConfig)
	}
	return nil
}

func graphCommand(a *cli.App) *cobra.Command {
	var envFiles []string
	c := &cobra.Command{
		Use:   "graph FILE...",
		Short: "Draw the pipelines as a Mermaid diagram",
		Long: `Write the pipelines of files, or of folders with *.hcl files, as a Mermaid flowchart,
which GitHub and many editors draw. Variables need not be set.`,
		Example:           "  logpipe graph pipeline.hcl > pipeline.mmd",
		Args:              cli.AtLeastOne("a file or a folder with *.hcl files"),
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			lookup, err := a.Environment(envFiles)
			if err != nil {
				return err
			}
			cfg, err := a.Load(args, config.Options{LookupEnv: lookup, NoEnv: true})
			if err != nil {
				return err
			}
			return a.Print(cfg.Graph())
		},
	}
	c.Flags().StringArrayVar(&envFiles, "env-file", nil, cli.EnvFileUsage)
	return c
}
