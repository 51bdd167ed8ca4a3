package session

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/flow"
)

// Messages on a terminal and a line that is drawn again on the same terminal would destroy each other.
func TestStatusLineKeepsOutOfTheWay(t *testing.T) {
	withOutput := func(plugin string) *config.Config {
		return &config.Config{Pipelines: []*config.Pipeline{{Blocks: []config.Block{{Type: plugin}}}}}
	}
	for name, tt := range map[string]struct {
		streams cli.Streams
		text    bool
		output  string
		want    bool
	}{
		"terminal":               {cli.Streams{OutTerminal: true, ErrTerminal: true}, true, "s3", true},
		"messages on a terminal": {cli.Streams{OutTerminal: true, ErrTerminal: true}, true, "stdout", false},
		"messages to a pipe":     {cli.Streams{ErrTerminal: true}, true, "stdout", true},
		"log to a file":          {cli.Streams{OutTerminal: true}, true, "s3", false},
		"JSON on a terminal":     {cli.Streams{OutTerminal: true, ErrTerminal: true}, false, "s3", false},
	} {
		tt.streams.LookupEnv = func(string) (string, bool) { return "", false }
		s := &session{app: &cli.App{Streams: tt.streams}, text: tt.text, Config: withOutput(tt.output)}
		if got := s.showsStatus(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// The count of what is left must be the engine's, and one pipeline's must not become another's.
func TestSettledTakesTheEnginesCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want []int64
	}{
		"all is well":       {nil, []int64{0, 0}},
		"one left":          {errors.Join(&flow.LeftError{Pipeline: "b", Messages: 3}), []int64{0, 3}},
		"both left":         {errors.Join(&flow.LeftError{Pipeline: "a", Messages: 4}, &flow.LeftError{Pipeline: "b", Messages: 3}), []int64{4, 3}},
		"not home":          {&flow.LeftError{Pipeline: "a", Err: errors.New("the fallback is not empty")}, []int64{0, 0}},
		"broken in a drain": {errors.Join(errors.New("stage failed"), &flow.LeftError{Pipeline: "b", Messages: 3}), []int64{7, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := &session{Log: slog.New(console.NewJSONHandler(&log, 0))}
			results := []progress.Result{{Pipeline: "a", Tally: progress.Tally{Unsettled: 7}}, {Pipeline: "b", Tally: progress.Tally{Unsettled: 7}}}
			s.settled(results, tt.err)
			if diff := cmp.Diff(tt.want, []int64{results[0].Unsettled, results[1].Unsettled}); diff != "" {
				t.Error(diff)
			}
			if lines := strings.Count(log.String(), "\n"); lines != len(split(tt.err)) {
				t.Errorf("%d lines for %d errors:\n%s", lines, len(split(tt.err)), log.String())
			}
		})
	}
}

// A name in a configuration may hold a line feed. In the protocol of the service manager it would begin another variable, which takes it for the
// process's own word: MAINPID=1, for one.
func TestStatusIsOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"2 pipelines":             "STATUS=2 pipelines",
		"refused: a\nMAINPID=1":   `STATUS=refused: a\nMAINPID=1`,
		strings.Repeat("é", 4000): "STATUS=" + strings.Repeat("é", statusMost/2) + "…",
	} {
		if got := statusOf(text); got != want {
			t.Errorf("%.60q becomes %.60q", text, got)
		}
	}
}
