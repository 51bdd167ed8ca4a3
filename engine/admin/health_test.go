package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
)

func ask(s *Server, path string) (code int, text string) {
	w := httptest.NewRecorder()
	s.guard(s.mux, false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// Whoever sends work, or the next replica to be replaced, goes by this: a process that is not ready gets none, and one that is down for
// its broker's sake would be restarted for nothing.
func TestReady(t *testing.T) {
	p := stats.NewPipeline("logs", []stats.Place{{Name: "output.s3", Role: engine.RoleOutput}})
	set := &stats.Set{}
	s := New(Options{Set: set})
	if code, text := ask(s, "/readyz"); code != 503 || !strings.Contains(text, "no pipeline is started yet") {
		t.Errorf("before there is a pipeline: %d %q", code, text)
	}
	set.Replace([]*stats.Pipeline{p})
	for _, step := range []struct {
		e    engine.Event
		code int
		text string
	}{
		{engine.Event{}, 503, "logs: is not started yet"},
		{engine.Event{Kind: engine.Started}, 200, "ok\nlogs: runs"},
		{engine.Event{Kind: engine.Outage, Plugin: "output.s3", Err: errors.New("down")}, 200, "logs: runs"},
		{engine.Event{Kind: engine.Failed, Err: errors.New("no\nroom"), Took: time.Minute}, 503, "logs: broke, and is started again at"},
		{engine.Event{Kind: engine.Started}, 200, "logs: runs"},
		{engine.Event{Kind: engine.Draining}, 503, "logs: drains"},
		{engine.Event{Kind: engine.Ended}, 200, "logs: has ended"},
	} {
		p.Observe(step.e)
		if code, text := ask(s, "/readyz"); code != step.code || !strings.Contains(text, step.text) {
			t.Errorf("after event %d: %d %q, want %d %q", step.e.Kind, code, text, step.code, step.text)
		}
		if code, text := ask(s, "/livez"); code != 200 || !strings.Contains(text, "logs: moves") {
			t.Errorf("after event %d it does not live: %d %q", step.e.Kind, code, text)
		}
	}
}

// A write that never comes back holds its worker for ever; only then is a restart of any use.
func TestAlive(t *testing.T) {
	now := time.Now()
	p := stats.NewPipeline("logs", nil)
	writing := func(since time.Time, failing bool) stats.Seen {
		return stats.Seen{State: flow.State{Outputs: []flow.OutputState{{Name: "output.s3", Failing: failing, Oldest: since}}}, OK: true}
	}
	for name, c := range map[string]struct {
		state stats.Seen
		bad   bool
	}{
		"nothing is written":           {writing(time.Time{}, false), false},
		"a long outage":                {writing(now.Add(-time.Minute), true), false},
		"a write that hangs":           {writing(now.Add(-stuckAfter-time.Second), false), true},
		"a pipeline that does not say": {stats.Seen{}, true},
	} {
		if v := alive(p, c.state, now); v.bad != c.bad {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// A pipeline that hangs does not keep the question from being answered, and is named.
func TestStuckPipelineIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Set: &stats.Set{}})
		p := stats.NewPipeline("logs", nil)
		s.options.Set.Replace([]*stats.Pipeline{p})
		hang(t, p)
		code, text := ask(s, "/livez")
		if code != 503 || !strings.Contains(text, "logs: does not tell its state") {
			t.Errorf("%d %q", code, text)
		}
	})
}

// mute is a processor whose Gauges never comes back while the test runs.
type mute chan struct{}

func (mute) Process(context.Context, *engine.Batch) error { return nil }
func (m mute) Gauges() []engine.Gauge                     { <-m; return nil }

// hang lets p have a life in which a plugin hangs.
func hang(t *testing.T, p *stats.Pipeline) {
	ledger, never := enginetest.NewLedger(), make(mute)
	source := enginetest.NewSource(ledger)
	source.Follow = true
	life := &flow.Pipeline{
		Inputs:     []engine.InputStep{{Name: "input.amqp", Input: source}},
		Processors: []engine.ProcessorStep{{Name: "processor.json", Processor: never}},
		Output:     engine.OutputStep{Name: "output.s3", Output: enginetest.NewStore(ledger, "output")},
		Workers:    1, DrainTimeout: time.Second,
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = life.Run(ctx); close(ended) }()
	t.Cleanup(func() { close(never); stop(); <-ended })
	synctest.Wait()
	p.Runs(life)
}

// What is for this machine alone must stay so on a server that all of the network can reach.
func TestLocalOnly(t *testing.T) {
	h := LocalOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for from, want := range map[string]int{"127.0.0.1:5": 204, "[::1]:5": 204, "10.0.0.7:5": 403, "nonsense": 403} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("from %s: %d, want %d", from, w.Code, want)
		}
	}
}

// Profiles show memory, with what is in it: they are there for those who asked for them.
func TestProfilesAreForThoseWhoAsk(t *testing.T) {
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404} {
		if code, _ := ask(New(Options{Pprof: true}), path); code != want {
			t.Errorf("with pprof, %s: %d, want %d", path, code, want)
		}
		if code, _ := ask(New(Options{}), path); code != 404 {
			t.Errorf("without pprof, %s: %d", path, code)
		}
	}
}
