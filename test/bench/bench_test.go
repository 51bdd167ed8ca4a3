package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/logpipe/logpipe/cmd"
	"github.com/logpipe/logpipe/plugins"
)

// The configurations are read by nothing that runs often; an option that is renamed must not be found out by the next who measures.
func TestConfigurationsAreValid(t *testing.T) {
	files, err := filepath.Glob("*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no configurations:", err)
	}
	for _, file := range files {
		var said bytes.Buffer
		streams := cmd.Streams{In: new(bytes.Buffer), Out: &said, Err: &said, LookupEnv: func(string) (string, bool) { return "", false }}
		if code := cmd.Run(t.Context(), []string{"validate", "--no-env", file}, streams, plugins.All...); code != 0 {
			t.Errorf("%s: exit code %d\n%s", file, code, &said)
		}
	}
}

func TestRecord(t *testing.T) {
	for _, size := range []int{100, 262, 1024} {
		for _, seq := range []int{1, 9_999_999} {
			body := record(seq, size)
			var r struct{ Seq int }
			if err := json.Unmarshal(body, &r); err != nil || r.Seq != seq || len(body) != size {
				t.Errorf("record(%d, %d) is %q with %d bytes: %v", seq, size, body, len(body), err)
			}
		}
	}
}

func TestRowIsOfTheMedian(t *testing.T) {
	tab := newTable("t", "w")
	for _, seconds := range []int{4, 1, 2} {
		tab.add("a", figures{messages: 4_000_000, took: time.Duration(seconds) * time.Second, cpu: 2 * time.Second})
	}
	if got := tab.row("a").cell(figures.rate); got != "2,000,000 (1,000,000–4,000,000)" {
		t.Errorf("messages/s %s", got)
	}
	if got := tab.row("a").cell(figures.cpuPerMillion); got != "0.50 (0.50–0.50)" {
		t.Errorf("CPU-s/M %s", got)
	}
}

// A child's own CPU time and memory must be what is counted, not those of this process.
func TestProcessFigures(t *testing.T) {
	child := exec.Command("sh", "-c", "while :; do :; done")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	m := follow(child.Process.Pid)
	deadline := time.Now().Add(20 * time.Second)
	for cpu := time.Duration(0); cpu < 5*tick; {
		var err error
		if cpu, err = cpuTime(child.Process.Pid); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 20s of a busy loop the CPU time is %s", cpu)
		}
	}
	peak, samples := m.end()
	if _, own, err := resident(os.Getpid()); err != nil || peak <= 0 || peak >= own || len(samples) == 0 {
		t.Errorf("the shell's peak is %d with %d samples, this process's %d, %v", peak, len(samples), own, err)
	}
}
