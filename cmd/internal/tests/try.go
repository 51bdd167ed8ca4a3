package tests

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
)

// tryFlags are the flags of the try command.
type tryFlags struct {
	record, pipeline string
	id, routingKey   string
	headers          []string
	env, envFiles    []string
	asJSON           bool
}

// TryCommand is logpipe try.
func TryCommand(a *cli.App) *cobra.Command {
	var f tryFlags
	c := &cobra.Command{
		Use:   "try FILE",
		Short: "Show what a pipeline makes of a record, without servers",
		Long: `Send a record through a pipeline, and show what each processor makes of it and where it
ends: in which batch and under which key, or why as a dead letter. Without --record each
line of standard input is a record; each goes through a pipeline of its own.

Processors are the real ones; inputs and outputs are in memory, so nothing is connected to
or written. For a variable that is not set and has no default its name stands in.`,
		Example: `  logpipe try pipeline.hcl --record '{"source":"app1","event":"login_failed"}'
  head -3 app.ndjson | logpipe try pipeline.hcl --env S3_BUCKET=logs --json`,
		Args:              cli.ExactlyOneFile,
		ValidArgsFunction: cli.CompleteFiles,
		RunE: func(c *cobra.Command, args []string) error {
			return try(a, args[0], f, c.Flags().Changed("record"))
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.record, "record", "", "the `RECORD`, as its producer would send it")
	flags.StringVar(&f.pipeline, "pipeline", "", "the `NAME` of the pipeline, where the file has several")
	flags.StringVar(&f.id, "id", "", "the message `ID` that the producer gave")
	flags.StringVar(&f.routingKey, "routing-key", "", "the `KEY` that it was published with")
	flags.StringArrayVar(&f.headers, "header", nil, "a header of the message, as `NAME=VALUE`")
	flags.StringArrayVar(&f.env, "env", nil, "a variable, as `NAME=VALUE`; it wins over the environment")
	flags.StringArrayVar(&f.envFiles, "env-file", nil, cli.EnvFileUsage)
	flags.BoolVar(&f.asJSON, "json", false, "write a JSON object for each record")
	return c
}

func try(a *cli.App, file string, f tryFlags, given bool) error {
	m := config.TestMessage{ID: f.id, RoutingKey: f.routingKey}
	var err error
	if m.Headers, err = headersOf(f.headers); err != nil {
		return err
	}
	switch {
	case !given && a.IsInput(file):
		return cli.Usagef("standard input is the pipeline, so it cannot have the records, too: give a record by --record")
	case !given && a.InTerminal:
		return cli.Usagef("there is no record: give one by --record, or lines on standard input")
	}
	p, standIns, err := pipelineToTry(a, file, f)
	if err != nil {
		return err
	}
	one := func(record string) error {
		m.Body = []byte(record)
		return tryOne(a, p, m, standIns, f.asJSON)
	}
	if given {
		return one(f.record)
	}
	lines := bufio.NewScanner(a.In)
	lines.Buffer(nil, config.MaxFile)
	for lines.Scan() {
		if err := one(lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read records, a line each of at most 1 MiB: %w", err)
	}
	return nil
}

// trial is what came of a record.
type trial struct {
	Record   string            `json:"record"`
	Pipeline string            `json:"pipeline"`
	StandIns map[string]string `json:"stand_ins,omitempty"` // variables that were not set, and what was taken for them
	*pipetest.Outcome
	Error string `json:"error,omitempty"`
}

func tryOne(a *cli.App, p *config.Pipeline, m config.TestMessage, standIns map[string]string, asJSON bool) error {
	// By the clock of this machine, so that a key has the date it would have.
	o, err := pipetest.Run(pipetest.Case{Pipeline: p, Send: []config.TestMessage{m}, Time: time.Now().Truncate(time.Second), Trace: true})
	if err != nil {
		return err
	}
	t := trial{Record: string(m.Body), Pipeline: p.Name, StandIns: standIns, Outcome: o}
	if o.Err != nil {
		t.Error = o.Err.Error()
	}
	if asJSON {
		return a.PrintJSON(t)
	}
	return a.Print(t.text())
}

// headersOf reads headers. Their values are texts.
func headersOf(given []string) (map[string]any, error) {
	headers := map[string]any{}
	for _, h := range given {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" {
			return nil, cli.Usagef("--header is %q; write --header NAME=VALUE", h)
		}
		headers[name] = value
	}
	return headers, nil
}

// pipelineToTry reads the pipeline. What it lacks of the environment is made up, and said.
func pipelineToTry(a *cli.App, file string, f tryFlags) (*config.Pipeline, map[string]string, error) {
	lookup, err := tryEnvironment(a, f)
	if err != nil {
		return nil, nil, err
	}
	cfg, found := a.Read([]string{file}, config.Options{LookupEnv: lookup, NoEnv: true})
	if found.HasErrors() {
		found.WriteText(a.Err, a.Color(), a.Columns())
		return nil, nil, cli.Exit(cli.ExitConfig)
	}
	standIns := map[string]string{}
	for _, name := range cfg.Missing {
		standIns[name] = strings.ReplaceAll(strings.ToLower(name), "_", "-")
		fmt.Fprintf(a.Err, "%s is not set; %q stands in for it. --env %s=VALUE gives it a value.\n", name, standIns[name], name)
	}
	cfg, found = a.Read([]string{file}, config.Options{LookupEnv: func(name string) (string, bool) {
		if value, ok := standIns[name]; ok {
			return value, true
		}
		return lookup(name)
	}})
	if found.HasErrors() { // a name does not do in the place of a number
		found.WriteText(a.Err, a.Color(), a.Columns())
		return nil, nil, cli.Exit(cli.ExitConfig)
	}
	p, way := choose(cfg, f.pipeline)
	if p == nil {
		return nil, nil, cli.Usagef("which pipeline of %s is meant is not clear: give it by --pipeline. %s", file, way)
	}
	return p, standIns, nil
}

// tryEnvironment is the environment with what the flags add to it.
func tryEnvironment(a *cli.App, f tryFlags) (func(string) (string, bool), error) {
	lookup, err := a.Environment(f.envFiles)
	if err != nil {
		return nil, err
	}
	added := map[string]string{}
	for _, v := range f.env {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, cli.Usagef("--env is %q; write --env NAME=VALUE", v)
		}
		added[name] = value
	}
	return func(name string) (string, bool) {
		if value, ok := added[name]; ok {
			return value, true
		}
		return lookup(name)
	}, nil
}
