package cmd

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// Each pipeline that is shipped has tests, and passes them: people start from these files, and a mistake in one loses somebody's logs. A
// copy of a file is tested by the tests of the first.
func TestShippedPipelinesPassTheirTests(t *testing.T) {
	files := []string{"../pipeline.hcl"}
	for _, dir := range []string{"../examples", "../k8s"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
					return fs.SkipDir // a program of its own, with plugins that are not here: its own tests run the pipeline
				}
			}
			if filepath.Ext(path) == ".hcl" && !config.IsTestFile(path) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 8 {
		t.Fatalf("only %d files", len(files))
	}
	tested := map[string]string{} // by the text of the pipeline
	for _, file := range files {
		text := contents(t, file)
		tests := config.TestFileOf(file)
		if _, err := os.Stat(tests); err != nil {
			if tests = tested[text]; tests == "" {
				t.Errorf("%s has no tests: write %s", file, config.TestFileOf(file))
				continue
			}
		}
		tested[text] = tests
		var out, errs bytes.Buffer
		code := Run(context.Background(), []string{"test", file, tests}, Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, plugins.All...)
		if code != cli.ExitOK || errs.Len() > 0 {
			t.Errorf("test %s %s: exit code %d\n%s%s", file, tests, code, out.String(), errs.String())
		}
	}
}

// The environment of who runs the tests must not decide what they say: a bucket that is set on one machine only would.
func TestTestsReadNoEnvironment(t *testing.T) {
	dir := t.TempDir()
	rewrite(t, filepath.Join(dir, "a.hcl"), `pipeline "a" {
  input "numbers" {}
  output "sink" { path = env("SINK_PATH") }
}
`)
	rewrite(t, filepath.Join(dir, "a_test.hcl"), `test "a" {
  send = [1]
  expect { output = 1 }
}
`)
	got := command(t, map[string]string{"SINK_PATH": "/nowhere"}, "test", filepath.Join(dir, "a.hcl"))
	if got.code != cli.ExitUsage || !strings.Contains(got.err, "needs SINK_PATH, which the test does not set") {
		t.Errorf("%+v", got)
	}
}

// real runs a command line with the plugins that come with logpipe, in the folder testdata/test.
func real(t *testing.T, s Streams, env map[string]string, args ...string) outcome {
	t.Helper()
	t.Chdir("testdata/test")
	return realHere(t, s, env, args...)
}

// realHere is real in the folder of the test itself.
func realHere(t *testing.T, s Streams, env map[string]string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	s.Out, s.Err = &out, &errs
	s.LookupEnv = func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
	code := Run(context.Background(), args, s, plugins.All...)
	return outcome{code, out.String(), errs.String()}
}

// Who reads a failure wants to know where, what was expected and what came, without opening the file.
func TestTestFails(t *testing.T) {
	got := real(t, Streams{}, nil, "test", "logs.hcl")
	if got.code != cli.ExitFailed || got.err != "" {
		t.Errorf("exit code %d\n%s", got.code, got.err)
	}
	t.Chdir("../..")
	golden(t, "test-fail.txt", got.out)
}

func TestTestFlags(t *testing.T) {
	for _, tt := range []struct {
		args     []string
		code     int
		out, err string // a part of it
	}{
		{[]string{"logs.hcl", "--run", "retry$"}, cli.ExitOK, "ok: 1 test\n", ""},
		{[]string{"logs.hcl", "--run", "retry$", "-v"}, cli.ExitOK, "ok    two failures are nothing to the retry\n      output 1, fallback 0, dead_letter 0, after ", ""},
		{[]string{".", "--run", "retry$"}, cli.ExitOK, "ok: 1 test\n", ""},
		{[]string{"logs.hcl", "logs_test.hcl", "--run", "retry|outage"}, cli.ExitFailed, "1 of 2 tests failed\n", ""},
		{[]string{"logs.hcl", "--run", "nosuch"}, cli.ExitUsage, "", `no test has a name that matches "nosuch"`},
		{[]string{"logs.hcl", "--run", "("}, cli.ExitUsage, "", "--run: error parsing regexp"},
		{[]string{"logs_test.hcl"}, cli.ExitUsage, "", "logs_test.hcl has tests; name the file that they test in front of it"},
		{[]string{"nosuch.hcl"}, cli.ExitUsage, "", "there is no file nosuch.hcl"},
		{[]string{"logs.hcl", "nosuch_test.hcl"}, cli.ExitUsage, "", "nosuch_test.hcl cannot be read"},
		{[]string{"nosuch.hcl", "logs_test.hcl"}, cli.ExitConfig, "", "nosuch.hcl cannot be read"},
		{[]string{".."}, cli.ExitUsage, "", "the folder .. has no tests"},
		{nil, cli.ExitUsage, "", "which one?"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			got := real(t, Streams{}, nil, append([]string{"test"}, tt.args...)...)
			if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.err, tt.err) || (tt.err == "") != (got.err == "") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A mistake in a test is told at its place: a test of a place that is not there would pass for ever.
func TestTestMistakes(t *testing.T) {
	pipeline := contents(t, "testdata/test/logs.hcl")
	for _, tt := range []struct{ test, err string }{
		{`test "a" {
  send = ["x"]
  expect { output = 0 }
}`, "the pipeline needs S3_BUCKET, which the test does not set\n  on a_test.hcl:1:6, in test \"a\":"},
		{`env = { S3_BUCKET = "b" }
test "a" {
  pipeline = "log"
  send = ["x"]
  expect { output = 0 }
}`, "which pipeline of a.hcl is meant is not clear\n  on a_test.hcl:3:14, in test \"a\":\n    3 |   pipeline = \"log\"\n      |              ^^^^^\n  Did you mean \"logs\"?"},
		{`env = { S3_BUCKET = "b" }
test "a" {
  send = ["x"]
  fail "archive.output" {}
  expect { output = 0 }
}`, "the pipeline has no archive.output\n  on a_test.hcl:4:8"},
		{`env = { S3_BUCKET = "b" }
test "a" {
  send = ["x"]
  expct { output = 0 }
}`, "Did you mean expect?"},
	} {
		dir := t.TempDir()
		rewrite(t, filepath.Join(dir, "a.hcl"), pipeline)
		rewrite(t, filepath.Join(dir, "a_test.hcl"), tt.test)
		t.Chdir(dir)
		var out, errs bytes.Buffer
		if code := Run(context.Background(), []string{"test", "a.hcl"}, Streams{Out: &out, Err: &errs}, plugins.All...); code != cli.ExitUsage {
			t.Errorf("exit code %d", code)
		}
		if !strings.Contains(errs.String(), tt.err) || out.Len() > 0 {
			t.Errorf("%s%s\nwant: %s", out.String(), errs.String(), tt.err)
		}
	}
}

func TestTestJSON(t *testing.T) {
	got := real(t, Streams{}, nil, "test", "logs.hcl", "--json")
	if got.code != cli.ExitFailed || got.err != "" {
		t.Errorf("exit code %d\n%s", got.code, got.err)
	}
	t.Chdir("../..")
	golden(t, "test.json", got.out)
}

// Who copies from the documentation gets tests that pass, and sees what the program says.
func TestTestingDocumentation(t *testing.T) {
	doc, fails := contents(t, "../docs/testing.md"), contents(t, "testdata/test-fail.txt")
	examples := 0
	for i, block := range strings.Split(doc, "\n```") {
		if i%2 == 0 {
			continue
		}
		kind, text, _ := strings.Cut(block, "\n")
		if kind != "hcl" {
			if !strings.Contains(fails, text) {
				t.Errorf("this is not what a failure looks like:\n%s", text)
			}
			continue
		}
		examples++
		file := write(t, "doc_test.hcl", text)
		var out, errs bytes.Buffer
		if code := Run(context.Background(), []string{"test", "../pipeline.hcl", file}, Streams{Out: &out, Err: &errs}, plugins.All...); code != cli.ExitOK {
			t.Errorf("exit code %d\n%s%s%s", code, text, out.String(), errs.String())
		}
	}
	if examples < 3 {
		t.Errorf("only %d examples", examples)
	}
}
