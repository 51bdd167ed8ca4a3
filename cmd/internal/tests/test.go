// Package tests is logpipe test and logpipe try: pipelines run without their sources and stores.
package tests

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
)

// testFlags are the flags of the test command.
type testFlags struct {
	verbose, asJSON bool
	run             string
}

// TestCommand is logpipe test.
func TestCommand(a *cli.App) *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test FILE [TESTS_test.hcl...]",
		Short: "Run the tests of pipelines, without servers and in no time",
		Long: `Run the tests of a file's pipelines. They stand in a file beside it, whose name has
"_test" in front of ".hcl", or in the files that are named behind it. Of a folder, each
file with tests is taken.

A test sends messages through the real processors and policies of a pipeline. Inputs and
outputs are in memory and fail where the test says so; the clock jumps over all waiting.
Nothing is connected to, and the environment is not read.

The exit code is 1 when a test fails, 2 when a test itself is wrong.`,
		Example: `  logpipe test pipeline.hcl
  logpipe test pipeline.hcl outage_test.hcl --run 'outage' -v
  logpipe test pipeline.hcl examples/`,
		Args:              cli.AtLeastOne("a file or a folder with *.hcl files"),
		ValidArgsFunction: cli.CompleteFiles,
		RunE:              func(_ *cobra.Command, args []string) error { return test(a, args, f) },
	}
	flags := c.Flags()
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show also what passes, and where the messages went")
	flags.StringVar(&f.run, "run", "", "run only the tests whose names match `REGEXP`")
	flags.BoolVar(&f.asJSON, "json", false, "write the results as JSON")
	return c
}

// suite is a configuration file with the files of its tests.
type suite struct {
	file  string
	tests []string
}

func test(a *cli.App, args []string, f testFlags) error {
	only, err := regexp.Compile(f.run)
	if err != nil {
		return cli.Usagef("--run: %v", err)
	}
	suites, err := suitesOf(args)
	if err != nil {
		return err
	}
	r := &testReport{a: a, flags: f, only: only, Tests: []testResult{}}
	for _, s := range suites {
		for _, file := range s.tests {
			if err := r.file(s.file, file); err != nil {
				return err
			}
		}
	}
	return r.end()
}

// suitesOf tells which tests are about which file.
func suitesOf(args []string) (suites []suite, err error) {
	for _, arg := range args {
		switch info, err := os.Stat(arg); {
		case config.IsTestFile(arg) && len(suites) == 0:
			return nil, cli.Usagef("%s has tests; name the file that they test in front of it", arg)
		case config.IsTestFile(arg):
			last := &suites[len(suites)-1]
			last.tests = append(last.tests, arg)
		case err == nil && info.IsDir():
			inside, err := suitesIn(arg)
			if err != nil {
				return nil, err
			}
			suites = append(suites, inside...)
		default:
			suites = append(suites, suite{file: arg})
		}
	}
	for i := range suites {
		s := &suites[i]
		if len(s.tests) > 0 {
			continue
		}
		if s.file == "-" {
			return nil, cli.Usagef("the pipeline comes from standard input: name the file with its tests behind \"-\"")
		}
		s.tests = []string{config.TestFileOf(s.file)}
		if _, err := os.Stat(s.tests[0]); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(s.file); errors.Is(err, fs.ErrNotExist) {
				return nil, cli.Usagef("there is no file %s", s.file)
			}
			return nil, cli.Usagef("%s has no tests: they stand in %s, or name their file behind it", s.file, s.tests[0])
		}
	}
	return suites, nil
}

func suitesIn(dir string) (suites []suite, err error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if filepath.Ext(name) != ".hcl" || config.IsTestFile(name) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if _, err := os.Stat(config.TestFileOf(name)); err == nil {
			suites = append(suites, suite{file: name})
		}
	}
	if len(suites) == 0 {
		return nil, cli.Usagef("the folder %s has no tests: they stand in files such as pipeline_test.hcl, beside pipeline.hcl", dir)
	}
	return suites, nil
}
