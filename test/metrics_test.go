package test

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

// numbers is what /metrics of a process said at one moment, by the name of the series.
type numbers map[string]float64

// of is a metric of a step such as output.s3. It fails the test when there is none.
func (n numbers) of(w *world.World, step, metric string, more ...string) float64 {
	w.TB.Helper()
	role, plugin, _ := strings.Cut(step, ".")
	series := fmt.Sprintf(`logpipe_%s{%spipeline="logs",plugin=%q,role=%q}`, metric, strings.Join(more, ""), plugin, role)
	v, ok := n[series]
	if !ok {
		w.TB.Errorf("there is no %s", series)
	}
	return v
}

// are compares metrics of a step with what is expected.
func (n numbers) are(w *world.World, step string, want map[string]float64) {
	w.TB.Helper()
	for metric, v := range want {
		if got := n.of(w, step, metric); got != v {
			w.TB.Errorf("%s of %s is %v, want %v", metric, step, got, v)
		}
	}
}

func get(w *world.World, p *process.Process, path string) (status int, body string) {
	w.TB.Helper()
	r, err := http.Get(w.AdminURL(p) + path)
	if err != nil {
		w.TB.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	check(w, err)
	return r.StatusCode, string(text)
}

func scrape(w *world.World, p *process.Process) numbers {
	w.TB.Helper()
	status, text := get(w, p, "metrics")
	if status != http.StatusOK {
		w.TB.Fatalf("/metrics answers %d: %s", status, text)
	}
	n := numbers{}
	for line := range strings.Lines(text) {
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			w.TB.Fatalf("/metrics has the line %q", line)
		}
		n[line[:at]] = v
	}
	return n
}

// isWell asks for the health. An orchestrator ends and replaces what is not well, which mends no server that is down.
func isWell(w *world.World, p *process.Process, when string) {
	w.TB.Helper()
	for _, path := range []string{"livez", "readyz"} {
		if status, text := get(w, p, path); status != http.StatusOK {
			w.TB.Errorf("/%s answers %d %s: %s", path, status, when, text)
		}
	}
}

// Whoever looks at the numbers during an outage decides by them. If they tell of logs that are stored and are not, or do not tell that it is
// over, the decision is wrong.
func TestMetricsThroughAnOutage(t *testing.T) {
	w := world.New(t)
	s3 := w.OwnS3()
	p := w.Start(w.Env("RETRY_LIMIT=1", "BATCH_SIZE=10"), "run", "pipeline.hcl")
	w.Says(p, "input is open")
	settled := func(n float64) func() bool {
		return func() bool { return scrape(w, p).of(w, "input.amqp", "settled_messages_total") >= n }
	}

	w.Send("", "log_queue", 1, 210, func(seq int) string {
		if seq%21 == 0 {
			return "not JSON"
		}
		return fmt.Sprintf(`{"source":"a","seq":%d}`, seq)
	})
	w.Until("all is settled", settled(210))
	w.Until("all is acked", func() bool {
		n := scrape(w, p)
		return n.of(w, "input.amqp", "acked_chunks_total") == n.of(w, "input.amqp", "settle_duration_seconds_count")
	})
	n := scrape(w, p)
	n.are(w, "input.amqp", map[string]float64{
		"connected": 1, "received_messages_total": 210, "settled_messages_total": 210, "unsettled_messages": 0, "unsettled_bytes": 0,
		"oldest_unsettled_age_seconds": 0, "connections_opened_total": 1, "connections_lost_total": 0,
	})
	n.are(w, "processor.json", map[string]float64{"rejected_messages_total": 10})
	n.are(w, "dead_letter.amqp", map[string]float64{"dead_lettered_messages_total": 10, "written_messages_total": 10, "failing": 0})
	n.are(w, "output.s3", map[string]float64{
		"batched_messages_total": 200, "written_messages_total": 200, "written_batches_total": 20, "writes_total": 20, "failing": 0, "outages_total": 0,
		"batch_messages_count": 20, "batch_messages_sum": 200, "write_duration_seconds_count": 20, "delivery_delay_seconds_count": 20,
	})
	for _, class := range []string{"network", "throttled", "missing", "other"} { // a rate sees an error only where 0 was there before it
		if failed := n.of(w, "output.s3", "write_errors_total", fmt.Sprintf("class=%q,", class)); failed != 0 {
			t.Errorf("%v writes failed by %s before anything was wrong", failed, class)
		}
	}
	if sealed := n.of(w, "output.s3", "batches_total", `cause="count",`); sealed != 20 {
		t.Errorf("%v batches were sealed by their count, want 20", sealed)
	}
	n.are(w, "fallback.file", map[string]float64{"fallback_messages_total": 0, "written_messages_total": 0})

	check(w, s3.Stop(t.Context()))
	w.Publish("", "log_queue", 211, 410)
	w.Until("all is settled", settled(410))
	isWell(w, p, "while S3 is down")
	backlog := func() float64 {
		return scrape(w, p)[`logpipe_backlog_bytes{pipeline="logs",plugin="file",role="fallback"}`]
	} // missing until it is counted
	w.Until("the backlog is seen", func() bool { return backlog() > 0 })
	n = scrape(w, p)
	n.are(w, "output.s3", map[string]float64{"failing": 1, "outages_total": 1, "written_messages_total": 200})
	n.are(w, "fallback.file", map[string]float64{
		"fallback_messages_total": 200, "recovered_messages_total": 0, "written_messages_total": 200, "write_duration_seconds_count": 20,
	})
	if n.of(w, "output.s3", "write_errors_total", `class="network",`) == 0 || n.of(w, "output.s3", "outage_seconds_total") == 0 {
		t.Error("no errors are counted, or the outage has no length")
	}
	promtool(w, p)

	check(w, s3.Start(t.Context()))
	w.Until("all is home", func() bool { return scrape(w, p).of(w, "fallback.file", "recovered_messages_total") == 200 })
	w.Until("the backlog is gone", func() bool { return backlog() == 0 })
	w.Until("S3 is well", func() bool { return scrape(w, p).of(w, "output.s3", "failing") == 0 })
	n = scrape(w, p)
	n.are(w, "fallback.file", map[string]float64{"fallback_messages_total": 200, "recovered_messages_total": 200, "backlog_files": 0})
	n.are(w, "output.s3", map[string]float64{"outages_total": 1, "written_messages_total": 400})
	if stored := len(w.Stored().Count); stored != 400 {
		t.Errorf("%d messages are in the bucket; the metrics say 400", stored)
	}
	if was, is := n.of(w, "output.s3", "outage_seconds_total"), scrape(w, p).of(w, "output.s3", "outage_seconds_total"); was != is {
		t.Errorf("the outage is over and its length still grows, from %v to %v", was, is)
	}
	isWell(w, p, "after the outage")
	w.Stops(p, 0)

	// The broker is asked for the depth at the start, and then now and again: what a new process says first is the depth of now.
	p = w.Start(w.Env(), "run", "pipeline.hcl")
	w.Says(p, "input is open")
	series := `logpipe_dead_messages{pipeline="logs",plugin="amqp",role="dead_letter"}`
	w.Until("the depth of the dead-letter queue is known", func() bool { return scrape(w, p)[series] == 10 })
	w.Stops(p, 0)
}

// promtool lets Prometheus's own checker read what the process says.
func promtool(w *world.World, p *process.Process) {
	w.TB.Helper()
	_, text := get(w, p, "metrics")
	cmd := exec.CommandContext(w.TB.Context(), servers.Promtool(w.TB), "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		w.TB.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// A broker that cannot be reached is told by the numbers and not by the health: a process that is killed for it does not see it come back.
func TestHealthWithoutServers(t *testing.T) {
	w := world.New(t)
	env := []string{"RABBITMQ_URL=amqp://127.0.0.1:1/", "S3_BUCKET=b", "S3_ENDPOINT=http://127.0.0.1:1", "FALLBACK_PATH=" + w.Fallback()}
	p := w.Start(env, "run", "pipeline.hcl")
	w.Says(p, "input is lost")
	isWell(w, p, "while nothing can be reached")
	n := scrape(w, p)
	n.are(w, "input.amqp", map[string]float64{"connected": 0, "connections_opened_total": 0, "received_messages_total": 0})
	if n.of(w, "input.amqp", "connections_lost_total") == 0 {
		t.Error("no failed connection is counted")
	}
	promtool(w, p)
	w.Stops(p, 0)
}
