package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/world"
)

// reloads is how often the pipeline is changed under load.
const reloads = 50

// A reload in the busiest hour must not lose a message; and as each drain is in time here, none may be there twice.
func TestReloadsUnderLoad(t *testing.T) {
	w := world.New(t)
	const n = 60_000
	shipped, err := os.ReadFile(filepath.Join(process.Root(), "pipeline.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.Dir, "pipeline.hcl")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	put(string(shipped))
	p := w.Start(w.Env(), "run", file)
	w.Says(p, "input is open")
	producer := w.Producer(n, "RATE=2500")
	said := func(text string) (times int) {
		for _, l := range p.Log() {
			if strings.HasPrefix(l.Text("msg"), text) {
				times++
			}
		}
		return times
	}
	hangup := func() {
		t.Helper()
		if err := p.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	addr := strings.Trim(strings.TrimPrefix(w.AdminURL(p), "http://"), "/")
	w.Exits(w.Start(w.Env(), "plan", "--addr", addr, file), 0)
	w.Exits(w.Start(w.Env("BATCH_SIZE=51"), "plan", "--addr", addr, file), 5)
	for i := range reloads {
		if i%10 == 5 { // somebody saves what is not finished
			put("pipeline \"logs\" {\n  input \"amqp\" {\n")
			before := said("reload refused")
			hangup()
			w.Until("the broken file is refused", func() bool { return said("reload refused") > before })
		}
		text := strings.Replace(string(shipped), `env("BATCH_SIZE", 50)`, fmt.Sprint(50+i%3*100), 1)
		text = strings.Replace(text, `env("MAX_WORKERS", 5)`, fmt.Sprint(2+i%5), 1)
		if i%2 == 1 {
			text = strings.Replace(text, `"source"]`, `"source", "level"]`, 1)
		}
		put(text)
		hangup()
		w.Until(fmt.Sprintf("reload %d is done", i+1), func() bool { return said("reloaded") == i+1 })
	}
	w.Exits(producer, 0)
	w.Taken("log_queue")
	w.Stops(p, 0)
	stored, dead := w.Stored(), w.Queue("log_dlq")
	w.Complete(n, stored, dead)
	late := said("reloaded; a drain ran out of time")
	t.Logf("%d reloads, %d refused, %d drains out of time, %d messages twice", said("reloaded"), said("reload refused"), late, stored.Twice())
	if late == 0 && stored.Twice() > 0 {
		t.Errorf("%d messages are there twice although every drain was in time", stored.Twice())
	}
	if said("reload refused") != reloads/10 {
		t.Errorf("%d broken files were refused, want %d", said("reload refused"), reloads/10)
	}
}
