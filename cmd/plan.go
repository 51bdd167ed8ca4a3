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
	var asked costFlags
	c := &cobra.Command{
		Use:   "plan FILE...",
		Short: "Show what a reload would change in a running logpipe, or what a pipeline costs a month",
		Long: `Compare files, or folders with *.hcl files, with what a running logpipe runs: which
pipelines a reload would restart, start and stop, and which values changed. Nothing is
changed. Of secrets it only says that they changed. Run it with the environment that
logpipe has.

With --rate it says instead what the outputs to S3 cost a month at that rate of messages:
requests, storage and incoming traffic, and which single setting would halve it. Nothing is
asked of a running logpipe then, unless the rate is "running": then it is that of the process
at --addr, with its sizes, partitions and, without FILE, its settings. What nobody says is
assumed, and marked so; see the flags. Prices are Amazon's unless they are given.

The exit code is 5 when there are changes, 0 when there are none, 1 when the
configuration has errors, and 4 when no logpipe answers.`,
		Example: `  logpipe plan pipeline.hcl
  logpipe plan --addr 127.0.0.1:9601 --json /etc/logpipe
  logpipe plan --rate 10000/s --message-size 800B --partitions 100 pipeline.hcl
  logpipe plan --rate running --addr 127.0.0.1:9600`,
		Args: func(c *cobra.Command, args []string) error {
			if asked.rate == rateOfRunning {
				return nil
			}
			return cli.AtLeastOne("a file or a folder with *.hcl files")(c, args)
		},
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(c *cobra.Command, args []string) error {
			if err := asked.check(c.Flags()); err != nil {
				return err
			}
			var cfg *config.Config
			if len(args) > 0 {
				lookup, err := a.Environment(envFiles)
				if err != nil {
					return err
				}
				if cfg, err = a.Load(args, config.Options{LookupEnv: lookup}); err != nil {
					return err
				}
			}
			if asked.rate != "" {
				return planCosts(c.Context(), a, cfg, asked, addr, asJSON)
			}
			return plan(c.Context(), a, cfg, addr, asJSON)
		},
	}
	c.Flags().StringVar(&addr, "addr", config.DefaultListen, "`ADDR` where logpipe listens, see the admin block")
	c.Flags().BoolVar(&asJSON, "json", false, "write the plan as JSON")
	c.Flags().StringArrayVar(&envFiles, "env-file", nil, cli.EnvFileUsage)
	asked.add(c.Flags())
	return c
}

func plan(ctx context.Context, a *cli.App, cfg *config.Config, addr string, asJSON bool) error {
	at, err := cli.Address(addr)
	if err != nil {
		return err
	}
	running, err := fetchRunning(ctx, at)
	if err != nil {
		return unanswered(err)
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

func unanswered(err error) error {
	return fmt.Errorf("ask the running logpipe: %w; give its address with --addr", err)
}

// fetchRunning asks a process what it runs.
func fetchRunning(ctx context.Context, at *url.URL) (config.Running, error) {
	var running config.Running
	err := ask(ctx, at, "config", &running)
	if err == nil && len(running.Salt) == 0 {
		err = fmt.Errorf("what listens on %s is no logpipe", at.Host)
	}
	return running, err
}

// ask asks a process for what stands below /api.
func ask(ctx context.Context, at *url.URL, what string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("api", what).String(), nil)
	if err != nil {
		return err
	}
	answer, err := cli.Client().Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("what listens on %s answers %s", at.Host, answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(out); err != nil {
		return errors.Join(fmt.Errorf("what listens on %s is no logpipe", at.Host), err)
	}
	return nil
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
