package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/logpipe/logpipe/cmd/internal/cli"
)

// outcome is what a command line left behind.
type outcome struct {
	code     int
	out, err string
}

// command runs a command line in this process, with an environment of its own.
func command(t *testing.T, env map[string]string, args ...string) outcome {
	t.Helper()
	return commandWith(t, Streams{In: strings.NewReader("")}, env, args...)
}

func commandWith(t *testing.T, s Streams, env map[string]string, args ...string) outcome {
	t.Helper()
	var out, err bytes.Buffer
	s.Out, s.Err = &out, &err
	s.LookupEnv = func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
	code := Run(context.Background(), args, s, testPlugins()...)
	return outcome{code, out.String(), err.String()}
}

// write makes a file in a folder of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const goodPipeline = `pipeline "numbers" {
  input "numbers" {}
  output "sink" {}
}
`

const badPipeline = `pipeline "numbers" {
  input "numbrs" {}
  output "sink" {}
}
`

// What people see when they type something else than they meant. Each case is a golden text behind its exit code.
func TestUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		args string
		code int
		err  string // what standard error begins with
	}{
		{"", cli.ExitUsage, "Move logs from where they are produced to where they are kept"},
		{"nosuch", cli.ExitUsage, `logpipe: "nosuch" is neither a command nor a file` + "\nRun 'logpipe --help' for usage.\n"},
		{"validat x.hcl", cli.ExitUsage, `logpipe: "validat" is neither a command nor a file; did you mean "validate"?`},
		{"run", cli.ExitUsage, "logpipe: which one? Give a file or a folder with *.hcl files\nRun 'logpipe run --help' for usage.\n"},
		{"validate", cli.ExitUsage, "logpipe: which one?"},
		{"graph", cli.ExitUsage, "logpipe: which one?"},
		{"fmt", cli.ExitUsage, "logpipe: which one?"},
		{"run --verbos x.hcl", cli.ExitUsage, "logpipe: unknown flag: --verbos; did you mean --verbose?\nRun 'logpipe run --help' for usage.\n"},
		{"--log-frmat json x.hcl", cli.ExitUsage, "logpipe: unknown flag: --log-frmat; did you mean --log-format?\n"},
		{"fmt --zzzzzz x.hcl", cli.ExitUsage, "logpipe: unknown flag: --zzzzzz\n"},
		{"run -x x.hcl", cli.ExitUsage, "logpipe: unknown shorthand flag: 'x' in -x\n"},
		{"run --log-format xml x.hcl", cli.ExitUsage, `logpipe: --log-format is "xml"; it must be auto, text or json` + "\n"},
		{"version now", cli.ExitUsage, "logpipe: "},
		{"completion nosuch", cli.ExitUsage, `logpipe: "logpipe completion" has no command "nosuch"; it has bash, fish, powershell, zsh`},
		{"completion bahs", cli.ExitUsage, `logpipe: "logpipe completion" has no command "bahs"; did you mean "bash"?`},
		{"help nosuch", cli.ExitUsage, `logpipe: "logpipe" has no command "nosuch"; it has `},
		{"help validat", cli.ExitUsage, `logpipe: "logpipe" has no command "validat"; did you mean "validate"?`},
		{"help run now", cli.ExitUsage, `logpipe: "logpipe run" has no command of its own`},
		{"plugins sinc", cli.ExitUsage, `logpipe: there is no plugin "sinc"; this binary has: everything, hold, numbers, odd, sink; did you mean "sink"?`},
		{"nosuch.hcl", cli.ExitConfig, "Error: nosuch.hcl cannot be read: no such file or directory\n"},
		{"run nosuch", cli.ExitConfig, "Error: nosuch cannot be read: no such file or directory\n"},
		{"validate nosuch.hcl", cli.ExitConfig, "Error: nosuch.hcl cannot be read"},
		{"graph nosuch.hcl", cli.ExitConfig, "Error: nosuch.hcl cannot be read"},
		{"fmt nosuch.hcl", cli.ExitConfig, "logpipe: stat nosuch.hcl: no such file or directory\n"},
		{"run .", cli.ExitConfig, "Error: the folder . has no *.hcl file\n"},
		{"run --env-file nosuch.env x.hcl", cli.ExitConfig, "logpipe: env file: open nosuch.env: no such file or directory\n"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := commandWith(t, Streams{ErrTerminal: true}, map[string]string{"TERM": "dumb"}, strings.Fields(tt.args)...)
			if got.code != tt.code {
				t.Errorf("exit code %d, want %d", got.code, tt.code)
			}
			if got.out != "" {
				t.Errorf("standard output is for results, not for errors: %q", got.out)
			}
			if !strings.HasPrefix(got.err, tt.err) {
				t.Errorf("got:\n%s\nwant:\n%s", got.err, tt.err)
			}
		})
	}
}

// Flags may stand on either side of the command and of the file.
func TestFlagsBeforeAndAfter(t *testing.T) {
	good := write(t, "good.hcl", goodPipeline)
	for _, args := range [][]string{
		{"--log-format", "text", "run", good}, {"run", good, "--log-format=text"}, {"-v", "--log-format=text", good}, {good, "-v", "--log-format", "text"},
	} {
		if got := command(t, nil, args...); got.code != cli.ExitOK || !strings.Contains(got.err, "INFO  summary") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"help.txt":          {"--help"},
		"help-run.txt":      {"run", "--help"},
		"help-validate.txt": {"help", "validate"},
		"help-fmt.txt":      {"fmt", "-h"},
		"help-graph.txt":    {"graph", "-h"},
		"help-plugins.txt":  {"plugins", "-h"},
		"help-top.txt":      {"top", "-h"},
		"help-test.txt":     {"test", "-h"},
		"help-try.txt":      {"try", "-h"},
		"help-build.txt":    {"build", "-h"},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t, nil, args...)
			if got.code != cli.ExitOK || got.err != "" {
				t.Fatalf("exit code %d: %s", got.code, got.err)
			}
			golden(t, name, got.out)
		})
	}
}

func TestVersionCommand(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		got := command(t, nil, args...)
		if got.code != cli.ExitOK || !strings.HasPrefix(got.out, "logpipe ") || strings.Count(got.out, "\n") != 1 {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// What real shells make of it is in test/completion.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := command(t, nil, "completion", shell); got.code != cli.ExitOK || !strings.Contains(got.out, "logpipe") {
			t.Errorf("%s: exit code %d, %d bytes", shell, got.code, len(got.out))
		}
	}
	for args, want := range map[string]string{
		"validate testda":   "testdata/\n:6\n", // a folder, and on in it
		"validate /":        "hcl\n:8\n",       // the shell lists files of that extension
		"plugins s":         "everything\nhold\nnumbers\nodd\nsink\n:4\n",
		"run --log-format ": "auto\ntext\njson\n:4\n",
		"run --admin ":      ":4\n", // an address, and no file
		"try --record ":     ":4\n",
		"run --env-file ":   ":0\n", // any file
	} {
		got := command(t, nil, append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if diff := cmp.Diff(want, got.out); diff != "" {
			t.Errorf("%q:\n%s", args, diff)
		}
	}
	if got := command(t, nil, "__complete", "va"); !strings.HasPrefix(got.out, "validate\t") {
		t.Errorf("commands are not completed: %q", got.out)
	}
}

func TestValidate(t *testing.T) {
	good, bad := write(t, "good.hcl", goodPipeline), write(t, "bad.hcl", badPipeline)
	env := write(t, "env.hcl", `pipeline "env" {
  input "numbers" {
    count = env("LOGPIPE_TEST_COUNT")
  }
  output "sink" {}
}
`)
	envFile := write(t, ".env", "LOGPIPE_TEST_COUNT=12\n")
	set := map[string]string{"LOGPIPE_TEST_COUNT": "many"}
	tests := map[string]struct {
		env  map[string]string
		args []string
		code int
		has  string // a part of what is said
	}{
		"good":                {nil, []string{good}, cli.ExitOK, ""},
		"bad":                 {nil, []string{good, bad}, cli.ExitConfig, "numbrs"},
		"folder":              {nil, []string{filepath.Dir(bad)}, cli.ExitConfig, "bad.hcl:2:"},
		"JSON, good":          {nil, []string{"--json", good}, cli.ExitOK, `"valid": true`},
		"JSON, bad":           {nil, []string{"--json", bad}, cli.ExitConfig, `"error_count": 1`},
		"JSON, missing":       {nil, []string{"--json", "nosuch.hcl"}, cli.ExitConfig, `"error_count": 1`},
		"unset variable":      {nil, []string{env}, cli.ExitConfig, "LOGPIPE_TEST_COUNT"},
		"without environment": {nil, []string{"--no-env", env}, cli.ExitOK, ""},
		"env file":            {nil, []string{"--env-file", envFile, env}, cli.ExitOK, ""},
		"a set variable wins": {set, []string{"--env-file", envFile, env}, cli.ExitConfig, "many"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := command(t, tt.env, append([]string{"validate"}, tt.args...)...)
			if said := got.out + got.err; got.code != tt.code || !strings.Contains(said, tt.has) || tt.has == "" && said != "" {
				t.Errorf("exit code %d, want %d and %q:\n%s", got.code, tt.code, tt.has, said)
			}
		})
	}
}

func TestGraph(t *testing.T) {
	got := command(t, nil, "graph", write(t, "good.hcl", goodPipeline))
	if got.code != cli.ExitOK || !strings.Contains(got.out, "flowchart") {
		t.Errorf("%+v", got)
	}
}

// A configuration that another program writes need not become a file first.
func TestStandardInput(t *testing.T) {
	for _, args := range [][]string{{"validate", "-"}, {"graph", "-"}, {"run", "-"}, {"-"}} {
		if got := commandWith(t, Streams{In: strings.NewReader(goodPipeline)}, nil, args...); got.code != cli.ExitOK {
			t.Errorf("%v: %+v", args, got)
		}
		got := commandWith(t, Streams{In: strings.NewReader(badPipeline)}, nil, args...)
		if got.code != cli.ExitConfig || !strings.Contains(got.err, `<stdin>:2:9`) {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// A log that is named by mistake, or a pipe without end, is not read into memory.
func TestEndlessInput(t *testing.T) {
	for _, args := range [][]string{{"fmt", "-"}, {"fmt", "--check", "/dev/zero"}, {"validate", "-"}} {
		got := commandWith(t, Streams{In: endless{}}, nil, args...)
		if got.code != cli.ExitConfig || !strings.Contains(got.err, "larger than 1 MiB") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestGraphEnvFile(t *testing.T) {
	file := write(t, "a.hcl", strings.ReplaceAll(goodPipeline, `"sink" {}`, "\"sink\" {\n workers = env(\"WORKERS\", 4)\n }"))
	if got := command(t, nil, "graph", file, "--env-file", write(t, "a.env", "WORKERS=7\n")); !strings.Contains(got.out, "7 workers") {
		t.Errorf("%+v", got)
	}
}
