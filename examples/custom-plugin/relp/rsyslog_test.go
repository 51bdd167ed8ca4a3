package relp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// The real sender, through an end and a new start of the pipeline: what it was answered it does not have any more.
// It needs rsyslogd with omrelp (Debian: rsyslog, rsyslog-relp) on PATH.
func TestRsyslog(t *testing.T) {
	rsyslogd, err := exec.LookPath("rsyslogd")
	if err != nil {
		t.Skip("no rsyslogd on PATH")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	_ = listener.Close()
	logs := filepath.Join(t.TempDir(), "app.log")
	startRsyslog(t, rsyslogd, logs, address.Port)

	out := enginetest.NewStore(enginetest.NewLedger(), "output")
	for part := range 2 {
		appendLines(t, logs, part*1000, 1000)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		p := &flow.Pipeline{
			Name: "rsyslog", Workers: 2, DrainTimeout: time.Minute,
			Inputs:   []engine.InputStep{{Name: "input.relp", Input: newInput(t, Config{Listen: address.String(), MaxMessage: 1 << 20})}},
			Output:   engine.OutputStep{Name: "output", Output: out},
			Observer: enough{out, (part + 1) * 1000, stop},
			Log:      slog.New(slog.DiscardHandler),
		}
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		stop()
	}
	bodies := out.Bodies()
	for i := range 2000 {
		if bodies[fmt.Sprintf("line %04d", i)] == 0 {
			t.Errorf("line %d is lost", i)
		}
	}
}

// enough ends a run when so many messages are stored.
type enough struct {
	out  *enginetest.Store
	n    int
	stop func()
}

func (e enough) Observe(event engine.Event) {
	if event.Kind == engine.Attempt && len(e.out.Bodies()) >= e.n {
		e.stop()
	}
}

func appendLines(t *testing.T, path string, from, n int) {
	t.Helper()
	var lines bytes.Buffer
	for i := range n {
		fmt.Fprintf(&lines, "line %04d\n", from+i)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(lines.Bytes())
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// startRsyslog starts one that ships the lines of a file, until the test ends.
func startRsyslog(t *testing.T, rsyslogd, logs string, port int) {
	t.Helper()
	dir := t.TempDir()
	conf := fmt.Sprintf(`module(load="imfile")
module(load="omrelp")
global(workDirectory=%q)
template(name="body" type="string" string="%%msg%%")
input(type="imfile" File=%q Tag="app" ruleset="out")
ruleset(name="out") {
  action(type="omrelp" target="127.0.0.1" port="%d" template="body" queue.type="LinkedList"
    action.resumeRetryCount="-1" action.resumeInterval="1")
}
`, dir, logs, port)
	path := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(rsyslogd, "-n", "-f", path, "-i", filepath.Join(dir, "pid"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}
