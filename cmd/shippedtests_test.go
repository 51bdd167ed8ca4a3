package cmd

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// Each pipeline that is shipped has tests, and passes them: people start from these files, and a mistake in one loses somebody's logs. A
// copy of a file is tested by the tests of the first.
func TestShippedPipelinesPassTheirTests(t *testing.T) {
	files := []string{"../pipeline.hcl"}
	for _, dir := range []string{"../examples", "../k8s"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
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
		if code != exitOK || errs.Len() > 0 {
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
	if got.code != exitUsage || !strings.Contains(got.err, "needs SINK_PATH, which the test does not set") {
		t.Errorf("%+v", got)
	}
}
