package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
)

// logpipe runs a command line of the program.
func logpipe(ctx context.Context, env map[string]string, args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = cmd.Run(ctx, args, cmd.Streams{
		Out: &stdout, Err: &stderr,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}, append(plugins.All, Plugins...)...)
	return code, stdout.String(), stderr.String()
}

func TestPluginsDescribeThemselves(t *testing.T) {
	for name, want := range map[string]string{
		"relp": "rsyslog", "mask": "What is masked", "reorder": "How long a message waits", "breaker": "failures in a row", "opensearch": "data stream",
	} {
		if code, out, err := logpipe(t.Context(), nil, "plugins", name); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, err)
		}
	}
}

// What plugins show as an example is copied, so it must be one that validate lets pass.
func TestExamplesAreValid(t *testing.T) {
	_, text, _ := logpipe(t.Context(), nil, "plugins", "--json")
	var listing struct {
		Plugins []struct{ Kind, Name, Package, Example string }
	}
	if err := json.Unmarshal([]byte(text), &listing); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range listing.Plugins {
		if !strings.HasPrefix(p.Package, "example.com/logs/") {
			continue // logpipe tests its own
		}
		seen++
		blocks := map[string]string{"input": "input \"generator\" {}\n", "processor": "", "output": "output \"stdout\" {}\n"}
		blocks[p.Kind] = p.Example
		file := filepath.Join(t.TempDir(), p.Name+".hcl")
		text := "pipeline \"example\" {\n" + blocks["input"] + blocks["processor"] + blocks["output"] + "dead_letter \"stdout\" {}\n}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, err := logpipe(t.Context(), nil, "validate", "--no-env", file); code != 0 {
			t.Error(err)
		}
	}
	if seen != len(Plugins) {
		t.Errorf("%d of %d plugins are listed", seen, len(Plugins))
	}
}

// All of it in one run of pipeline.hcl: a message is answered when it is in the index, masked, and the senders' order is that of time.
func TestPipeline(t *testing.T) {
	docs := make(chan string, 10)
	search := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		lines := strings.Split(strings.TrimSpace(string(body)), "\n")
		var items []any
		for i := 1; i < len(lines); i += 2 {
			docs <- lines[i]
			items = append(items, map[string]any{"create": map[string]any{"status": 201}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
	}))
	defer search.Close()
	dir := t.TempDir()
	env := map[string]string{
		"RELP_LISTEN": "unix:" + filepath.Join(dir, "s"), "OPENSEARCH_URL": search.URL,
		"FALLBACK_PATH": filepath.Join(dir, "failed.ndjson"), "DEAD_LETTER_PATH": filepath.Join(dir, "dead.ndjson"),
	}
	if code, _, err := logpipe(t.Context(), env, "validate", "pipeline.hcl"); code != 0 {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		code, _, log := logpipe(ctx, env, "run", "--admin", "", "pipeline.hcl")
		ended <- fmt.Sprintf("exit code %d\n%s", code, log)
	}()
	conn := dial(t, filepath.Join(dir, "s"))
	defer conn.Close()
	now := time.Now().UTC()
	for i, text := range []string{"second", "first password=secret"} {
		body := fmt.Sprintf("<34>1 %s host app - - %s", now.Add(time.Duration(-i)*100*time.Millisecond).Format(time.RFC3339Nano), text)
		fmt.Fprintf(conn, "%d syslog %d %s\n", i+1, len(body), body)
	}
	for i, want := range []string{"first password=***", "second"} {
		select {
		case doc := <-docs:
			if !strings.HasSuffix(doc, want+`"}`) {
				t.Errorf("document %d is %s, want one that ends with %s", i, doc, want)
			}
		case log := <-ended:
			t.Fatal(log)
		case <-time.After(30 * time.Second):
			t.Fatal("nothing is indexed")
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	answers := make([]byte, len("1 rsp 6 200 OK\n2 rsp 6 200 OK\n"))
	if n, err := io.ReadFull(conn, answers); err != nil {
		t.Errorf("answers %q: %v", answers[:n], err)
	}
	stop()
	if end := <-ended; !strings.HasPrefix(end, "exit code 0\n") {
		t.Error(end)
	}
}

// dial connects as soon as the pipeline listens.
func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // not a race: one deadline bounds it
	}
}
