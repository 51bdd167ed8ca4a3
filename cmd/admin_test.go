package cmd

import (
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The status page moves when its block does, while the logs flow on: nobody restarts a process that moves logs for the sake of a page.
func TestReloadMovesTheHTTPSide(t *testing.T) {
	pipeline := staying("a", filepath.Join(t.TempDir(), "a"), 1)
	file := write(t, "admin.hcl", "admin {\n  listen = \"127.0.0.1:0\"\n}\n"+pipeline)
	p := start(t, nil, "run", file)
	urls := func() (all []string) {
		for line := range strings.Lines(p.stderr()) {
			if said := jsonLines(t, line)["status page, metrics and health"]; said != nil {
				all = append(all, said["url"].(string))
			}
		}
		return all
	}
	status := func(url string) int {
		answer, err := http.Get(url)
		if err != nil {
			return 0
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	p.until("it listens", func() bool { return len(urls()) == 1 })
	first := urls()[0]
	if code := status(first + "debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("profiles that nobody asked for: %d", code)
	}

	rewrite(t, file, "admin {\n  listen = \"127.0.0.1:0\"\n  pprof = true\n}\n"+pipeline)
	p.signal(syscall.SIGHUP)
	p.until("it listens elsewhere", func() bool { return len(urls()) == 2 })
	second := urls()[1]
	if code := status(second + "debug/pprof/"); code != http.StatusOK {
		t.Errorf("profiles that are asked for: %d", code)
	}
	if code := status(first); code != 0 {
		t.Errorf("the old place still answers: %d", code)
	}
	if plan := jsonLines(t, p.stderr())["reloading"]; len(plan["stays"].([]any)) != 1 {
		t.Errorf("the pipeline did not stay: %v", plan)
	}

	rewrite(t, file, "admin {\n  listen = \"\"\n}\n"+pipeline)
	p.signal(syscall.SIGHUP)
	p.until("it is off", func() bool { return status(second) == 0 })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr())
	}
}
