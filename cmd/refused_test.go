package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/engine/admin/page"
)

// A configuration that is refused looks as if it ran, until the process is started anew and does not come up. So it is said, with its cause, to each of
// those who look: the service manager, the page, the metrics, and who is called.
func TestRefusedReloadIsSaidEverywhere(t *testing.T) {
	manager := newManager(t)
	var mu sync.Mutex
	var posted []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		posted = append(posted, string(body))
	}))
	defer receiver.Close()
	good := fmt.Sprintf("admin {\n  listen = \"127.0.0.1:0\"\n}\nalert \"webhook\" {\n  url = %q\n  resolve_after = \"1s\"\n}\n", receiver.URL) +
		staying("a", filepath.Join(t.TempDir(), "stored"), 1)
	file := write(t, "a.hcl", good)
	p := start(t, func(c *exec.Cmd) { c.Env = append(c.Env, "NOTIFY_SOCKET="+manager.name) }, "run", file)
	manager.await("STATUS=1 pipeline")
	url := p.url()
	ask := func(path string) string {
		t.Helper()
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	status := func() (s page.Status) {
		t.Helper()
		if err := json.Unmarshal([]byte(ask("api/status?history=no")), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	metrics := func(want ...string) {
		t.Helper()
		text := ask("metrics")
		for _, line := range want {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("/metrics has no line %s", line)
			}
		}
	}
	metrics(`logpipe_config_reloads_total{result="refused"} 0`, `logpipe_config_reloads_total{result="done"} 0`, `logpipe_config_last_reload_successful 1`)

	rewrite(t, file, good+"pipeline {\n}\noutput \"x\" {}\n")
	p.signal(syscall.SIGHUP)
	cause := fmt.Sprintf("the pipeline has no name (%s:17:1), and 3 more mistakes", file)
	if text := manager.await("STATUS=reload refused: " + cause); !strings.Contains(text, "READY=1\n") {
		t.Errorf("the manager is told %q", text)
	}
	metrics(`logpipe_config_reloads_total{result="refused"} 1`, `logpipe_config_last_reload_successful 0`)
	if s := status(); s.State != page.Warn || s.Refused == nil || !strings.Contains(s.Refused.Cause, cause) || s.Pipelines[0].State != page.OK {
		t.Errorf("the page says %s, %+v", s.State, s.Refused)
	}
	p.until("somebody is called", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(posted) == 1 && strings.Contains(posted[0], `"status":"firing"`) && strings.Contains(posted[0], cause)
	})

	rewrite(t, file, good)
	p.signal(syscall.SIGHUP)
	manager.await("STATUS=1 pipeline")
	metrics(`logpipe_config_reloads_total{result="refused"} 1`, `logpipe_config_reloads_total{result="done"} 1`, `logpipe_config_last_reload_successful 1`)
	if s := status(); s.State != page.OK || s.Refused != nil {
		t.Errorf("after it was mended the page says %s, %+v", s.State, s.Refused)
	}
	p.until("it is over", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(posted) == 2 && strings.Contains(posted[1], `"status":"resolved"`)
	})
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr())
	}
}

// manager is a service manager that is told by sd_notify(3).
type manager struct {
	t    *testing.T
	name string
	l    *net.UnixConn
}

func newManager(t *testing.T) *manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	return &manager{t, name, l}
}

// await is the message that has a line with this beginning.
func (m *manager) await(begins string) string {
	m.t.Helper()
	for buf := make([]byte, 4096); ; {
		n, err := m.l.Read(buf)
		if err != nil {
			m.t.Fatalf("%s never came: %v", begins, err)
		}
		if text := string(buf[:n]); strings.Contains("\n"+text+"\n", "\n"+begins) {
			return text
		}
	}
}

// url is where the HTTP side listens.
func (p *process) url() (url string) {
	p.t.Helper()
	p.until("it listens", func() bool {
		for line := range strings.Lines(p.stderr()) {
			if said := jsonLines(p.t, line)["status page, metrics and health"]; said != nil {
				url = said["url"].(string)
			}
		}
		return url != ""
	})
	return url
}
