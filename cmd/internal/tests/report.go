package tests

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/pipetest"
)

// testReport gathers what came of the tests.
type testReport struct {
	a     *cli.App
	flags testFlags
	only  *regexp.Regexp

	Passed int          `json:"passed"`
	Failed int          `json:"failed"`
	Tests  []testResult `json:"tests"`
}

// testResult is what came of a test.
type testResult struct {
	Name     string            `json:"name"`
	Range    config.Range      `json:"range"`
	Pipeline string            `json:"pipeline"`
	Passed   bool              `json:"passed"`
	Failures []testFailure     `json:"failures,omitempty"`
	Outcome  *pipetest.Outcome `json:"outcome"`
}

type testFailure struct {
	Summary string        `json:"summary"`
	Detail  string        `json:"detail,omitempty"`
	Range   *config.Range `json:"range"`
}

// file runs the tests of a file.
func (r *testReport) file(pipelines, tests string) error {
	file, found := config.LoadTests(tests, config.Options{Plugins: r.a.Plugins})
	found.WriteText(r.a.Err, r.a.Color(), r.a.Columns())
	if found.HasErrors() {
		return cli.Exit(cli.ExitUsage)
	}
	for _, t := range file.Tests {
		if !r.only.MatchString(t.Name) {
			continue
		}
		if err := r.run(pipelines, t, found); err != nil {
			return err
		}
	}
	return nil
}

// run runs one test. Its error is an exit code: the test could not be run.
func (r *testReport) run(file string, t *config.Test, about *config.Diagnostics) error {
	p, err := pipelineOf(r.a, file, t, about)
	if err != nil {
		return err
	}
	o, err := pipetest.Run(pipetest.Case{Pipeline: p, Send: t.Send, Fails: t.Fails, Time: t.Time, Wait: t.Wait})
	if err == nil {
		if wrong := o.Missing(t); len(wrong) > 0 {
			return mistake(r.a, about.About(wrong...))
		}
	}
	var found []config.Diagnostic
	result := testResult{Name: t.Name, Range: t.Range, Pipeline: p.Name, Outcome: o}
	switch {
	case err != nil:
		found = append(found, config.Diagnostic{Range: &t.Range, Summary: "the test could not be run: " + err.Error()})
	case o.Err != nil:
		found = append(found, config.Diagnostic{Range: &t.Range, Summary: "the pipeline broke: " + o.Err.Error()})
		fallthrough
	default:
		found = append(found, pipetest.Compare(t, o)...)
	}
	result.Passed = len(found) == 0
	for _, g := range found {
		result.Failures = append(result.Failures, testFailure{g.Summary, g.Detail, g.Range})
	}
	r.Tests = append(r.Tests, result)
	if result.Passed {
		r.Passed++
	} else {
		r.Failed++
	}
	return r.show(result, about.About(found...))
}

// show writes a test that failed, and with -v any.
func (r *testReport) show(t testResult, failures *config.Diagnostics) error {
	if r.flags.asJSON || t.Passed && !r.flags.verbose {
		return nil
	}
	word := "FAIL"
	if t.Passed {
		word = "ok  "
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", word, console.Escape(t.Name))
	if r.flags.verbose && t.Outcome != nil {
		fmt.Fprintf(&b, "      %s\n", whereabouts(t.Outcome))
	}
	if !t.Passed {
		b.WriteByte('\n')
		failures.WriteText(&b, r.a.Color() && r.a.OutTerminal, r.a.Columns())
		b.WriteByte('\n')
	}
	return r.a.Print(b.String())
}

// whereabouts says in a line where the messages of a test are.
func whereabouts(o *pipetest.Outcome) string {
	var parts []string
	for _, place := range o.Order {
		parts = append(parts, fmt.Sprintf("%s %d", place, o.Places[place].Messages))
	}
	if o.Dropped > 0 {
		parts = append(parts, fmt.Sprintf("dropped %d", o.Dropped))
	}
	if o.Held > 0 {
		parts = append(parts, fmt.Sprintf("held %d", o.Held))
	}
	return fmt.Sprintf("%s, after %v", strings.Join(parts, ", "), o.Took.Round(time.Millisecond))
}

func (r *testReport) end() error {
	if len(r.Tests) == 0 {
		return cli.Usagef("no test has a name that matches %q", r.flags.run)
	}
	var err error
	switch {
	case r.flags.asJSON:
		err = r.a.PrintJSON(r)
	case r.Failed > 0:
		err = r.a.Print(fmt.Sprintf("%d of %s failed\n", r.Failed, cli.Count(len(r.Tests), "test")))
	default:
		err = r.a.Print(fmt.Sprintf("ok: %s\n", cli.Count(r.Passed, "test")))
	}
	if err == nil && r.Failed > 0 {
		return cli.Exit(cli.ExitFailed)
	}
	return err
}

// mistake writes what is wrong with a test.
func mistake(a *cli.App, found *config.Diagnostics) error {
	found.WriteText(a.Err, a.Color(), a.Columns())
	return cli.Exit(cli.ExitUsage)
}

// pipelineOf reads the pipeline that a test is about, with the test's environment.
func pipelineOf(a *cli.App, file string, t *config.Test, about *config.Diagnostics) (*config.Pipeline, error) {
	cfg, found := a.Read([]string{file}, config.Options{NoEnv: true, LookupEnv: func(name string) (string, bool) {
		value, ok := t.Env[name]
		return value, ok
	}})
	if found.HasErrors() {
		found.WriteText(a.Err, a.Color(), a.Columns())
		return nil, cli.Exit(cli.ExitConfig)
	}
	context := fmt.Sprintf("test %q", t.Name)
	if len(cfg.Missing) > 0 {
		return nil, mistake(a, about.About(config.Diagnostic{Range: &t.Range, Context: context,
			Summary: fmt.Sprintf("the pipeline needs %s, which the test does not set", strings.Join(cfg.Missing, " and ")),
			Detail:  fmt.Sprintf("Add env = { %s = \"…\" } to the test, or at the top of the file for all tests. The environment itself is not read.", cfg.Missing[0])}))
	}
	p, way := choose(cfg, t.Pipeline)
	if p == nil {
		return nil, mistake(a, about.About(config.Diagnostic{Range: &t.PipelineRange, Context: context,
			Summary: fmt.Sprintf("which pipeline of %s is meant is not clear", file), Detail: way}))
	}
	return p, nil
}

// choose finds a pipeline by its name, which may be left out where there is one. Else it says the way out.
func choose(cfg *config.Config, name string) (p *config.Pipeline, way string) {
	var names []string
	for _, p := range cfg.Pipelines {
		names = append(names, p.Name)
		if p.Name == name {
			return p, ""
		}
	}
	if name == "" && len(cfg.Pipelines) == 1 {
		return cfg.Pipelines[0], ""
	}
	if near := config.Suggest(name, names); near != "" {
		return nil, fmt.Sprintf("Did you mean %q?", near)
	}
	return nil, "There are " + strings.Join(names, ", ") + "."
}
