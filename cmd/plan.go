package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/config"
)

const (
	planTimeout = 10 * time.Second
	maxAnswer   = 64 << 20 // bytes; it is as large as the configuration
)

func planCommand(a *cli.App) *cobra.Command {
	var addr string
	var asJSON bool
	var envFiles []string
	c := &cobra.Command{
		Use:   "plan FILE...",
		Short: "Show what a reload would change in a running logpipe",
		Long: `Compare files, or folders with *.hcl files, with what a running logpipe runs: which
pipelines a reload would restart, start and stop, and which values changed. Nothing is
changed. Of secrets it only says that they changed. Run it with the environment that
logpipe has.

The exit code is 5 when there are changes, 0 when there are none, 1 when the
configuration has errors, and 4 when no logpipe answers.`,
		Example: `  logpipe plan pipeline.hcl
  logpipe plan --addr 127.0.0.1:9601 --json /etc/logpipe`,
		Args:              cli.AtLeastOne("a file or a folder with *.hcl files"),
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(c *cobra.Command, args []string) error {
			lookup, err := a.Environment(envFiles)
			if err != nil {
				return err
			}
			cfg, err := a.Load(args, config.Options{LookupEnv: lookup})
			if err != nil {
				return err
			}
			return plan(c.Context(), a, cfg, addr, asJSON)
		},
	}
	c.Flags().StringVar(&addr, "addr", config.DefaultListen, "`ADDR` where logpipe listens, see the admin block")
	c.Flags().BoolVar(&asJSON, "json", false, "write the plan as JSON")
	c.Flags().StringArrayVar(&envFiles, "env-file", nil, cli.EnvFileUsage)
	return c
}

func plan(ctx context.Context, a *cli.App, cfg *config.Config, addr string, asJSON bool) error {
	at, err := cli.Address(addr)
	if err != nil {
		return err
	}
	running, err := fetchRunning(ctx, at)
	if err != nil {
		return fmt.Errorf("ask the running logpipe: %w; give its address with --addr", err)
	}
	var next []config.Evaluated
	for _, p := range cfg.Pipelines {
		next = append(next, p.Evaluate(running.Salt))
	}
	plan := config.Compare(running.Pipelines, next)
	text := planText(plan)
	if asJSON {
		made, err := json.MarshalIndent(plan, "", "  ")
		if err != nil {
			return err
		}
		text = string(made) + "\n"
	}
	if err := a.Print(text); err != nil {
		return err
	}
	if !plan.Empty() {
		return cli.Exit(cli.ExitChanges)
	}
	return nil
}

// fetchRunning asks a process what it runs.
func fetchRunning(ctx context.Context, at *url.URL) (config.Running, error) {
	var running config.Running
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("api", "config").String(), nil)
	if err != nil {
		return running, err
	}
	answer, err := cli.Client().Do(req)
	if err != nil {
		return running, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return running, fmt.Errorf("what listens on %s answers %s", at.Host, answer.Status)
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&running)
	if err != nil || len(running.Salt) == 0 {
		return running, errors.Join(fmt.Errorf("what listens on %s is no logpipe", at.Host), err)
	}
	return running, nil
}

// planText is a plan for people.
func planText(p config.Plan) string {
	if p.Empty() {
		return fmt.Sprintf("nothing changes: the %s would go on\n", cli.Count(len(p.Stays), "pipeline"))
	}
	var b strings.Builder
	for _, r := range p.Restarts {
		fmt.Fprintf(&b, "restart %s\n", console.Escape(r.Name))
		for _, c := range r.Changes {
			at := c.Attr
			if c.Block != "" {
				at = c.Block + ": " + at
			}
			fmt.Fprintf(&b, "  %s: %s\n", console.Escape(at), changeText(c))
		}
	}
	for _, part := range []struct {
		verb  string
		names []string
	}{{"start", p.Starts}, {"stop", p.Stops}, {"keep", p.Stays}} {
		for _, name := range part.names {
			fmt.Fprintf(&b, "%s %s\n", part.verb, console.Escape(name))
		}
	}
	return b.String()
}

func changeText(c config.Change) string {
	if c.Hidden {
		return "changed (hidden)"
	}
	side := func(s *string) string {
		if s == nil {
			return "nothing"
		}
		return fmt.Sprintf("%q", *s)
	}
	return side(c.Old) + " → " + side(c.New)
}
