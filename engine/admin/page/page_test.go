package page

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
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

// logs is a pipeline that nothing has happened in, and the set that it is in.
func logs() (*stats.Pipeline, *stats.Set) {
	p := stats.NewPipeline("logs", []stats.Place{
		{Name: "input.amqp", Role: engine.RoleInput}, {Name: "processor.json", Role: engine.RoleProcessor},
		{Name: "processor.batch", Role: engine.RoleProcessor}, {Name: "processor.retry", Role: engine.RoleProcessor},
		{Name: "output.s3", Role: engine.RoleOutput}, {Name: "fallback.file", Role: engine.RoleFallback}, {Name: "dead_letter.amqp", Role: engine.RoleDeadLetter},
	})
	set := &stats.Set{}
	set.Replace([]*stats.Pipeline{p})
	return p, set
}

func about(_, step string) About {
	switch step {
	case "processor.json":
		return About{Rejects: true}
	case "processor.batch":
		return About{Kind: KindStage}
	case "processor.retry":
		return About{Kind: KindPolicy}
	}
	return About{Text: "queue logs"}
}

// second lets a pipeline move so many messages, each of ten bytes; every tenth is rejected.
func second(p *stats.Pipeline, n int) {
	good := n - n/10
	for _, e := range []engine.Event{
		{Kind: engine.Received, Plugin: "input.amqp", Messages: n, Bytes: int64(10 * n)},
		{Kind: engine.Rejected, Plugin: "processor.json", Messages: n / 10},
		{Kind: engine.DeadLettered, Plugin: "dead_letter.amqp", Messages: n / 10},
		{Kind: engine.Sealed, Plugin: "output.s3", Messages: good, Bytes: int64(10 * good)},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: good, Stored: good, Bytes: int64(10 * good), Took: 20 * time.Millisecond},
		{Kind: engine.Settled, Plugin: "input.amqp", Messages: n, Bytes: int64(10 * n), Took: time.Second},
	} {
		p.Observe(e)
	}
	time.Sleep(time.Second)
}

func step(t *testing.T, p Pipeline, name string) Step {
	t.Helper()
	for _, s := range p.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no step %s", name)
	return Step{}
}

// The rates on the arrows are what an operator sees the flow by.
func TestRatesAndHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, set := logs()
		page := New(Options{Set: set, About: about})
		ctx, stop := context.WithCancel(t.Context())
		go page.Run(ctx)
		p.Observe(engine.Event{Kind: engine.Started})
		time.Sleep(time.Millisecond)
		for range 60 {
			second(p, 100)
		}
		got := page.Status(time.Now(), 0).Pipelines[0]
		for name, want := range map[string]Rate{
			"input.amqp": {100, 1000, 6000}, "processor.json": {100, 1000, 6000}, "processor.batch": {90, 0, 5400}, "processor.retry": {90, 900, 5400},
			"output.s3": {90, 900, 5400}, "fallback.file": {}, "dead_letter.amqp": {10, 0, 600},
		} {
			flow := step(t, got, name).Flow
			if flow.Total != want.Total || !near(flow.Messages, want.Messages) || !near(flow.Bytes, want.Bytes) {
				t.Errorf("%s: %+v, want %+v", name, flow, want)
			}
		}
		if n := len(got.History.Received); n != 12 || got.History.Received[n-1] != 100 || got.History.Written[n-1] != 90 {
			t.Errorf("history %v", got.History)
		}
		if out := step(t, got, "output.s3"); out.P50 < 0.017 || out.P50 > 0.024 {
			t.Errorf("half of the writes took %v s, want 0.02, as well as a bucket tells it", out.P50)
		}
		time.Sleep(20 * time.Minute)
		late := page.Status(time.Now(), 0).Pipelines[0]
		if n := len(late.History.Received); n != points || late.Received.Messages != 0 || step(t, late, "output.s3").P50 != 0 {
			t.Errorf("after 20 quiet minutes: %d points, %+v", n, late.Received)
		}
		stop()
		synctest.Wait()
	})
}

// near allows for the part of the ten seconds that is not over.
func near(got, want float64) bool { return got > want*0.88-0.01 && got < want*1.12+0.01 }

// A reload gives a pipeline new counters. Its curves go on, and no rate is below zero.
func TestReloadKeepsTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, set := logs()
		page := New(Options{Set: set, About: about})
		go page.Run(t.Context())
		time.Sleep(time.Millisecond)
		for range 10 {
			second(p, 100)
		}
		q, _ := logs()
		set.Replace([]*stats.Pipeline{q})
		for range 3 {
			second(q, 100)
		}
		got := page.Status(time.Now(), 0).Pipelines[0]
		if len(got.History.Received) != 2 || got.Received.Total != 300 || got.Received.Messages < 50 {
			t.Errorf("%+v, %+v", got.Received, got.History)
		}
		set.Replace(nil)
		if s := page.Status(time.Now(), 0); len(s.Pipelines) != 0 || s.State != OK {
			t.Errorf("%+v", s)
		}
	})
}

// What is in trouble is told in words, the worst first. If it is not, a red page says less than a log line.
func TestJudge(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { t := now.Add(-d); return &t }
	no := false
	fallback := Step{Name: "fallback.file", Role: "fallback"}
	for name, test := range map[string]struct {
		p     Pipeline
		state State
		word  string
		says  string // the first sentence
	}{
		"well":    {Pipeline{Phase: "running", Steps: []Step{fallback}}, OK, "well", ""},
		"new":     {Pipeline{Phase: "new"}, Note, "starts", "it is not started yet"},
		"ended":   {Pipeline{Phase: "ended"}, Note, "ended", "it has ended, and left nothing"},
		"left":    {Pipeline{Phase: "ended", Error: "3 messages"}, Warn, "ended", "it has ended and left something: 3 messages"},
		"drains":  {Pipeline{Phase: "draining", Since: *ago(3 * time.Second)}, Note, "drains", "it drains for 3s: it reads no more, and writes what it has"},
		"waiting": {Pipeline{Phase: "waiting", Error: "boom", Next: ago(-10 * time.Second)}, Fail, "broken", "it failed: boom; it is started again in 11s, and nothing is lost"},
		"held":    {Pipeline{Phase: "running", Held: 1}, Fail, "holds", "1 message can be written nowhere; they are kept, and tried again"},
		"refused": {Pipeline{Phase: "running", Refused: 2}, Warn, "refused", "2 messages in the fallback are refused by the output, which takes others; they stay there, and are tried again"},
		"input": {Pipeline{Phase: "running", Steps: []Step{{Name: "input.amqp", Role: "input", Connected: &no}}, Errors: []Failure{{Step: "input.amqp", Text: "refused"}}},
			Fail, "input is lost", "input.amqp: refused; no connection to the source; it is tried again"},
		"outage": {Pipeline{Phase: "running", Steps: []Step{
			{Name: "output.s3", Role: "output", Failing: ago(80 * time.Second)}, {Name: "fallback.file", Role: "fallback", Flow: Rate{Messages: 5, Total: 1500}}}},
			Fail, "output fails", "output.s3: it fails for 1m 20s; it is tried again, and fallback.file takes what it cannot store"},
		"both down": {Pipeline{Phase: "running", Steps: []Step{
			{Name: "output.s3", Role: "output", Failing: ago(0)}, {Name: "fallback.file", Role: "fallback", Failing: ago(0)}}},
			Fail, "output fails", "output.s3: it fails for 0s; it is tried again, and nothing is lost"},
		"slow": {Pipeline{Phase: "running", Steps: []Step{{Name: "output.s3", Role: "output", Writing: 1, Slowest: ago(40 * time.Second)}}},
			Warn, "output is slow", "a write of output.s3 has not come back for 40s"},
		"backlog": {Pipeline{Phase: "running", Steps: []Step{{Name: "fallback.file", Role: "fallback", Gauges: map[string]float64{"backlog_messages": 1200}}}},
			Warn, "backlog", "fallback.file holds 1,200 messages"},
		"home": {Pipeline{Phase: "running", Steps: []Step{{Name: "fallback.file", Role: "fallback", Flow: Rate{Total: 30}, Back: Rate{Messages: 2, Total: 20}}}},
			Warn, "comes home", "10 messages of fallback.file are on their way to the output"},
		"dead letters in the queue": {Pipeline{Phase: "running", Steps: []Step{{Name: "dead_letter.amqp", Role: "dead_letter", Gauges: map[string]float64{"dead_messages": 2}}}},
			Warn, "dead letters", "2 dead letters wait in dead_letter.amqp; logpipe dlq shows them"},
		"dead letters lately": {Pipeline{Phase: "running", DeadLetters: 7, LastDeadLetter: ago(time.Minute), Steps: []Step{{Name: "dead_letter.file", Role: "dead_letter"}}},
			Warn, "dead letters", "the last dead letter was 1m 0s ago; there are 7 since the start"},
	} {
		t.Run(name, func(t *testing.T) {
			p := test.p
			p.judge(now)
			if p.State != test.state || p.Word != test.word || strings.Join(append(p.Says, ""), "\n")[:len(test.says)] != test.says {
				t.Errorf("%s, %q, %q", p.State, p.Word, p.Says)
			}
		})
	}
}

// Who wonders why so little is written sees here that it is meant so.
func TestWordOfARate(t *testing.T) {
	for waiting, word := range map[float64]string{0: "works", 3: "slows down"} {
		p := Pipeline{Phase: "running", Steps: []Step{{Name: "processor.rate_limit", Role: "processor", Kind: KindStage, Flow: Rate{Messages: 5},
			Gauges: map[string]float64{string(engine.WaitingMessages): waiting}}}}
		if p.judge(time.Now()); p.State != OK || p.Steps[0].Word != word {
			t.Errorf("%v messages wait: %s, %q", waiting, p.State, p.Steps[0].Word)
		}
	}
}

// No secret of an error that quotes a URL is shown.
func TestErrorsWithoutPasswords(t *testing.T) {
	p, set := logs()
	p.Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.s3", Err: errors.New("put http://user:hunter2@host/x: refused")})
	p.Observe(engine.Event{Kind: engine.Failed, Err: errors.New("dial amqp://logs:hunter2@broker")})
	text, err := json.Marshal(New(Options{Set: set}).Status(time.Now(), 0))
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "http://***@host/x") {
		t.Errorf("%s (%v)", text, err)
	}
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

// The page must be there when something hangs, and say so: that is when people look at it.
func TestAPipelineThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, set := logs()
		p.Observe(engine.Event{Kind: engine.Started})
		page, from := New(Options{Set: set, About: about}), time.Now()
		if one := page.Status(from, 0).Pipelines[0]; one.Silent || one.State != OK {
			t.Errorf("before: %+v", one)
		}
		hang(t, p)
		for range 3 {
			one := page.Status(time.Now(), 0).Pipelines[0]
			if !one.Silent || one.State != Fail || one.Word != "hangs" || !strings.HasPrefix(one.Says[0], "it does not tell its state") {
				t.Errorf("%+v", one)
			}
		}
		if took := time.Since(from); took != stats.LookTimeout {
			t.Errorf("three looks took %v", took)
		}
	})
}

// serve mounts a page that runs as long as the test.
func serve(t *testing.T, o Options) (*Page, *httptest.Server, context.CancelFunc) {
	t.Helper()
	page := New(o)
	mux := http.NewServeMux()
	page.Register(mux.Handle)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go page.Run(ctx)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return page, server, stop
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// The browser is told to run nothing but the page's own script, and to ask nobody else.
func TestDocument(t *testing.T) {
	_, set := logs()
	_, server, _ := serve(t, Options{Set: set})
	resp := get(t, server.URL+"/")
	policy := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'", "connect-src 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || resp.Header.Get("X-Frame-Options") != "DENY" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", resp.Header)
	}
	if html, _ := document(); strings.Contains(string(html), "/*CSS*/") || strings.Contains(string(html), "/*JS*/") || strings.Count(string(html), "</script>") != 1 {
		t.Error("the document is not put together")
	}
	if resp, err := http.Head(server.URL + "/events"); err != nil || resp.StatusCode != http.StatusOK { // it must come back
		t.Errorf("HEAD: %v, %v", resp, err)
	}
	if resp := get(t, server.URL+"/api/config/x%3Cscript%3E"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown pipeline: %s", resp.Status)
	}
}

// nextEvent reads one event of a stream.
func nextEvent(t *testing.T, r *bufio.Scanner) (kind string, s Status) {
	t.Helper()
	for r.Scan() && r.Text() != "" {
		if name, ok := strings.CutPrefix(r.Text(), "event: "); ok {
			kind = name
		}
		if data, ok := strings.CutPrefix(r.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kind, s
}

func scanner(resp *http.Response) *bufio.Scanner {
	r := bufio.NewScanner(resp.Body)
	r.Buffer(nil, 1<<20)
	return r
}

// A stream begins with all, goes on with what is new, and says when the process ends. Without the last a page would try in vain
// to tell an end from a broken line.
func TestEvents(t *testing.T) {
	p, set := logs()
	page, server, stop := serve(t, Options{Set: set, About: about})
	for range 3 * pointTicks {
		page.tick(time.Now())
	}
	r := scanner(get(t, server.URL+"/events"))
	kind, first := nextEvent(t, r)
	if kind != "status" || len(first.Pipelines[0].History.Received) != 3 {
		t.Fatalf("%s %+v", kind, first)
	}
	p.Observe(engine.Event{Kind: engine.Received, Plugin: "input.amqp", Messages: 7})
	kind, second := nextEvent(t, r)
	if kind != "status" || second.Pipelines[0].Received.Total != 7 || len(second.Pipelines[0].History.Received) > 1 {
		t.Fatalf("%s %+v", kind, second)
	}
	stop()
	for kind != "end" && kind != "" {
		kind, _ = nextEvent(t, r)
	}
	if kind != "end" {
		t.Error("the stream broke off without a word")
	}
}

// Pages that are left open in many browsers must not take the process's memory.
func TestStreamsAreBounded(t *testing.T) {
	_, set := logs()
	page, server, _ := serve(t, Options{Set: set})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var open []*http.Response
	for i := range maxStreams {
		resp, err := client.Get(server.URL + "/events")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("stream %d: %v, %v", i, resp, err)
		}
		open = append(open, resp)
	}
	if resp := get(t, server.URL+"/events"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", resp.Status)
	}
	for _, resp := range open {
		resp.Body.Close()
	}
	for end := time.Now().Add(30 * time.Second); len(page.streams) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are left", len(page.streams))
		}
	}
}

// A reader that takes nothing is let go, or it would hold its stream, and the answer's memory, for ever.
func TestSlowReaderIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, set := logs()
		page := New(Options{Set: set})
		mux := http.NewServeMux()
		page.Register(mux.Handle)
		client, served := net.Pipe()
		defer client.Close()
		ends := make(chan struct{})
		l := &oneConn{conns: make(chan net.Conn, 1), closed: ends}
		l.conns <- served
		server := &http.Server{Handler: mux}
		go func() { _ = server.Serve(l) }() // until it is closed
		defer server.Close()
		if _, err := client.Write([]byte("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(page.streams) != 1 {
			t.Fatalf("%d streams", len(page.streams))
		}
		time.Sleep(patience + tick)
		synctest.Wait()
		if len(page.streams) != 0 {
			t.Error("the stream is held by a reader that takes nothing")
		}
	})
}

// oneConn is a listener with one connection.
type oneConn struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error {
	close(l.closed)
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// Many pages that are open at once share the work of a second.
func BenchmarkStatus(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set := &stats.Set{}
			var all []*stats.Pipeline
			for i := range n {
				p, _ := logs()
				p.Name = fmt.Sprint("logs", i)
				all = append(all, p)
			}
			set.Replace(all)
			page := New(Options{Set: set, About: about})
			b.ReportAllocs()
			for b.Loop() {
				page.tick(time.Now())
				page.last = event{}
				b.SetBytes(int64(len(page.eventAfter(page.seq).text)))
			}
		})
	}
}
