package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"github.com/logpipe/logpipe/cmd/internal/cli"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asLogpipe makes the test binary behave as a logpipe with the test plugins: signals and exit codes need a process.
const asLogpipe = "LOGPIPE_TEST_IS_LOGPIPE"

func TestMain(m *testing.M) {
	if os.Getenv(asLogpipe) != "" {
		Main(testPlugins()...)
	}
	// Under nohup this process ignores SIGHUP, and its children would: what is taken here has its default there.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// process is a running logpipe.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}
	// drained waits until all that the process wrote is here, where somebody else than package exec copies it.
	drained func()

	mu  sync.Mutex
	err bytes.Buffer
}

// deadline is for what happens at once; only a test that fails waits for it.
const deadline = 30 * time.Second

// start starts a logpipe. prepare may change how, before it is started.
func start(t *testing.T, prepare func(*exec.Cmd), args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...), done: make(chan struct{})}
	// The race detector sleeps for a second at each end unless it is told not to.
	p.cmd.Env = append(os.Environ(), asLogpipe+"=1", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = locked{&p.mu, &p.err}
	if prepare != nil {
		prepare(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state says how it ended
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // has mostly ended
		<-p.done
	})
	return p
}

// locked is a buffer that a process writes and a test reads.
type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err.String()
}

// until waits for a state.
func (p *process) until(what string, reached func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(deadline)
	for !reached() {
		select {
		case <-tick.C:
		case <-late:
			p.t.Fatalf("never came: %s\n%s", what, p.stderr())
		}
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(deadline):
		p.t.Fatalf("it does not end\n%s", p.stderr())
	}
	if p.drained != nil {
		p.drained()
	}
	return p.cmd.ProcessState.ExitCode()
}

// held is a pipeline that has read ten messages and writes them when it drains.
func held(t *testing.T, sink string) string {
	return heldWith(t, "", sink)
}

func heldWith(t *testing.T, input, sink string) string {
	return write(t, "held.hcl", fmt.Sprintf(`pipeline "held" {
  drain_timeout = "20s"
  input "numbers" {
    count = 10
    stay  = true
    %s
  }
  processor "hold" {}
  output "sink" {
    %s
  }
}
`, input, sink))
}

// A SIGTERM must not lose what was read and not written yet.
func TestSignalDrains(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("whoever started the test ignores it, as nohup does")
			}
			stored := filepath.Join(t.TempDir(), "stored")
			p := start(t, nil, "run", "-v", held(t, fmt.Sprintf("path = %q", stored)))
			p.until("all is read", func() bool { return strings.Contains(p.stderr(), "all numbers are read") })
			p.signal(s)
			if code := p.exit(); code != cli.ExitOK {
				t.Errorf("exit code %d\n%s", code, p.stderr())
			}
			if got := contents(t, stored); got != "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n" {
				t.Errorf("stored: %q", got)
			}
			lines := jsonLines(t, p.stderr())
			drain := lines["draining, at most 20s; a second signal ends it at once"]
			if drain == nil || drain["signal"] != s.String() {
				t.Errorf("no line says that it drains:\n%s", p.stderr())
			}
			if sum := lines["summary"]; sum == nil || sum["received"] != 10.0 || sum["written"] != 10.0 || sum["unsettled"] != 0.0 {
				t.Errorf("summary: %v", sum)
			}
		})
	}
}

// Whoever asks twice does not want to wait, not even for a plugin that ignores everything.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := start(t, nil, "-v", held(t, `mode = "hang"`))
	p.until("all is read", func() bool { return strings.Contains(p.stderr(), "all numbers are read") })
	p.signal(syscall.SIGINT)
	p.until("it drains", func() bool { return strings.Contains(p.stderr(), "draining") })
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != cli.ExitRuntime {
		t.Errorf("exit code %d", code)
	}
	lines := jsonLines(t, p.stderr())
	if end := lines["ended at once; what is unsettled will be delivered again by its source"]; end == nil || end["unsettled"] != 10.0 {
		t.Errorf("the last line must say what is left:\n%s", p.stderr())
	}
}

// jsonLines reads the log of a process that has no terminal, by message.
func jsonLines(t *testing.T, text string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for line := range strings.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("not a JSON line: %q", line)
		}
		found[fmt.Sprint(fields["msg"])] = fields
	}
	return found
}

func TestFiniteInputEnds(t *testing.T) {
	p := start(t, nil, write(t, "good.hcl", goodPipeline))
	if code := p.exit(); code != cli.ExitOK {
		t.Errorf("exit code %d", code)
	}
	if sum := jsonLines(t, p.stderr())["summary"]; sum == nil || sum["received"] != 10.0 || sum["pipeline"] != "numbers" {
		t.Errorf("no summary:\n%s", p.stderr())
	}
}

func TestWrongFile(t *testing.T) {
	p := start(t, nil, "--log-format", "text", write(t, "bad.hcl", badPipeline))
	if code := p.exit(); code != cli.ExitConfig {
		t.Errorf("exit code %d", code)
	}
	if text := p.stderr(); !strings.Contains(text, "bad.hcl:2:") || !strings.Contains(text, "^^^") || !strings.Contains(text, "numbers") {
		t.Errorf("no diagnostic:\n%s", text)
	}
}

// What could not be written must show in the exit code, or a script would take it for done.
func TestLeftMessagesAreExitCodeFour(t *testing.T) {
	file := write(t, "fail.hcl", `pipeline "fail" {
  drain_timeout = "100ms"
  input "numbers" {
    stay = true
  }
  output "sink" {
    mode = "fail"
  }
}
`)
	p := start(t, nil, "-v", file)
	p.until("a batch is held", func() bool { return strings.Contains(p.stderr(), "told to fail") })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitRuntime {
		t.Errorf("exit code %d", code)
	}
	left := jsonLines(t, p.stderr())["pipeline ended with messages unsettled; their source will deliver them again"]
	if left == nil || left["messages"] == 0.0 || left["pipeline"] != "fail" {
		t.Errorf("nothing says what is left:\n%s", p.stderr())
	}
}

// The reader of a log that goes away must not take the pipelines with it.
func TestLogReaderThatWentAway(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "stored")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	ready := stored + ".ready"
	file := heldWith(t, fmt.Sprintf("ready = %q", ready), fmt.Sprintf("path = %q", stored))
	p := start(t, func(c *exec.Cmd) { c.Stderr = writer }, "-v", file)
	writer.Close()
	p.until("the log was written into nothing", func() bool {
		_, err := os.Stat(ready)
		return err == nil
	})
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK || contents(t, stored) == "" {
		t.Errorf("exit code %d (%s)", code, p.cmd.ProcessState)
	}
}
