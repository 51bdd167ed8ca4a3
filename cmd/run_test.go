package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/cmd/internal/session"
	"github.com/logpipe/logpipe/engine/config"
)

const rejecting = `pipeline "half" {
  input "numbers" {}
  processor "odd" {}
  output "sink" {}
  dead_letter "sink" {}
}
`

// The summary must account for every message that came in.
func TestRunCountsEveryMessage(t *testing.T) {
	got := command(t, nil, write(t, "half.hcl", rejecting+goodPipeline))
	if got.code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", got.code, got.err)
	}
	sums := map[string]map[string]any{}
	for line := range strings.Lines(got.err) {
		fields := jsonLines(t, line)["summary"]
		if fields != nil {
			sums[fields["pipeline"].(string)] = fields
		}
	}
	want := map[string]any{"received": 10.0, "written": 5.0, "dead_letters": 5.0, "dropped": 0.0, "unsettled": 0.0, "retries": 0.0}
	for key, value := range want {
		if have := sums["half"][key]; have != value {
			t.Errorf("half: %s is %v, want %v", key, have, value)
		}
	}
	if have := sums["numbers"]["written"]; have != 10.0 {
		t.Errorf("numbers: written is %v, want 10", have)
	}
}

// The rate of a pipeline that was done early is wrong by as much as the others ran longer.
func TestEachPipelineHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, found := config.LoadSource("a.hcl", []byte(goodPipeline+strings.Replace(goodPipeline, `"numbers"`, `"later"`, 1)), config.Options{Plugins: testPlugins()})
		if cfg == nil {
			t.Fatal(found.All())
		}
		var log bytes.Buffer
		s := session.New(&cli.App{})
		s.Log, s.Config, s.Started = slog.New(console.NewJSONHandler(&log, 0)), cfg, time.Now()
		s.Prepare()
		s.Slow = func(name string) {
			time.Sleep(map[string]time.Duration{"numbers": time.Hour, "later": 2 * time.Hour}[name])
		}
		if err := s.End(s.Supervise(t.Context())); err != nil {
			t.Fatal(err)
		}
		for name, hours := range map[string]float64{"numbers": 1, "later": 2} {
			want := fmt.Sprintf(`"pipeline":%q,"received":10,`, name)
			seconds := fmt.Sprintf(`"seconds":%.0f`, hours*3600)
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, want) && !strings.Contains(line, seconds) {
					t.Errorf("want %s in %s", seconds, line)
				}
			}
			if !strings.Contains(log.String(), want) {
				t.Errorf("no summary of %s in\n%s", name, log.String())
			}
		}
	})
}

// A program that runs logpipe in itself ends it by its context, and loses nothing by that either.
func TestRunDrainsWhenItsContextEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var log bytes.Buffer
	file := write(t, "two.hcl", goodPipeline+strings.ReplaceAll(rejecting, `"numbers" {}`, `"numbers" {
    stay = true
  }`))
	code := Run(ctx, []string{file}, Streams{Out: &log, Err: &log}, testPlugins()...)
	if code != cli.ExitOK || !strings.Contains(log.String(), "draining, at most 30s") {
		t.Errorf("exit code %d:\n%s", code, log.String())
	}
}

func TestTextLogOutsideOfATerminal(t *testing.T) {
	got := command(t, nil, "--log-format", "text", write(t, "good.hcl", goodPipeline))
	if got.code != cli.ExitOK || !strings.Contains(got.err, "INFO  summary pipeline=numbers received=10") || strings.Contains(got.err, "\x1b") {
		t.Errorf("%+v", got)
	}
}

// Somebody has to see warnings also where the log is for machines, as lines of that log.
func TestWarningsAreLogged(t *testing.T) {
	files := []string{write(t, "good.hcl", goodPipeline), write(t, "empty.hcl", "\n")}
	warning := jsonLines(t, command(t, nil, files...).err)["the file holds no pipeline"]
	if warning == nil || warning["level"] != "WARN" || warning["at"] != files[1]+":1:1" || warning["detail"] == "" {
		t.Errorf("as JSON: %v", warning)
	}
	text := command(t, nil, append(files, "--log-format", "text")...).err
	if !strings.HasPrefix(text, "Warning: the file holds no pipeline\n") {
		t.Errorf("as text:\n%s", text)
	}
}

func TestRunEnvFile(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	file := write(t, "env.hcl", `pipeline "env" {
  input "numbers" {
    count = env("COUNT", 1)
  }
  output "sink" {
    path    = env("STORED")
    workers = 1 # keeps the order
  }
}
`)
	first := write(t, "first.env", "COUNT=3\nSTORED=/nowhere\n")
	second := write(t, "second.env", "STORED='"+stored+"'\n")
	got := command(t, map[string]string{"COUNT": "2"}, "run", file, "--env-file", first, "--env-file", second)
	if got.code != cli.ExitOK || contents(t, stored) != "1\n2\n" {
		t.Errorf("%+v", got)
	}
	wrong := write(t, "wrong.env", "COUNT=3\nwhat is this\n")
	if got := command(t, nil, "run", file, "--env-file", wrong); got.code != cli.ExitConfig || !strings.Contains(got.err, "line 2") {
		t.Errorf("a line that is wrong: %+v", got)
	}
}

// "logpipe plugins | head" ends as every program does, without a word.
func TestReaderOfResultsThatWentAway(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	p := start(t, func(c *exec.Cmd) { c.Stdout = writer }, "plugins")
	writer.Close()
	p.exit()
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGPIPE || p.stderr() != "" {
		t.Errorf("%v: %s", p.cmd.ProcessState, p.stderr())
	}
}

// A user sees one line and where to go with it, no stack.
func TestReportPanic(t *testing.T) {
	var out bytes.Buffer
	reportPanic(&out, errors.New("index out of range"))
	text := out.String()
	if !strings.HasPrefix(text, "logpipe: internal error: index out of range\n") || strings.Count(text, "\n") != 2 || !strings.Contains(text, "/issues") {
		t.Errorf("%q", text)
	}
}

// Two plugins of one name are a mistake of who built the binary; the first start must show it.
func TestTwoPluginsOfOneName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("nobody notices")
		}
	}()
	Run(t.Context(), []string{"version"}, Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, append(testPlugins(), testPlugins()...)...)
}
