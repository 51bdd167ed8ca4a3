package cmd

import (
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"path/filepath"
	"strings"
	"testing"
)

// A plan that misses a change sends a reload into the night; one that shows a secret puts it into a ticket.
func TestPlan(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	file := write(t, "fleet.hcl", staying("a", stored, 1)+staying("b", stored+"b", 1))
	p := start(t, nil, "run", "--admin", "127.0.0.1:0", file)
	addr := ""
	p.until("it listens", func() bool {
		if line := jsonLines(t, p.stderr())["status page, metrics and health"]; line != nil {
			addr = strings.Trim(strings.TrimPrefix(line["url"].(string), "http://"), "/")
		}
		return addr != ""
	})
	if got := command(t, nil, "plan", "--addr", addr, file); got.code != cli.ExitOK || !strings.Contains(got.out, "nothing changes") {
		t.Errorf("without a change: %+v", got)
	}
	next := write(t, "next.hcl", staying("a", stored, 2)+staying("c", stored+"c", 1))
	got := command(t, nil, "plan", "--addr", addr, next)
	if want := "restart a\n  output.sink: workers: \"1\" → \"2\"\nstart c\nstop b\n"; got.code != cli.ExitChanges || got.out != want {
		t.Errorf("exit code %d, want 5; it says\n%s%s", got.code, got.out, got.err)
	}
	if got := command(t, nil, "plan", "--json", "--addr", addr, next); got.code != cli.ExitChanges || !strings.Contains(got.out, `"old": "1"`) {
		t.Errorf("as JSON: %+v", got)
	}
	if got := command(t, nil, "plan", "--addr", addr, write(t, "wrong.hcl", "pipeline {}")); got.code != cli.ExitConfig {
		t.Errorf("with errors: %+v", got)
	}
	if got := command(t, nil, "plan", "--addr", "127.0.0.1:1", next); got.code != cli.ExitRuntime || !strings.Contains(got.err, "--addr") {
		t.Errorf("nobody answers: %+v", got)
	}
}
