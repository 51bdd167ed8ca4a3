package admin

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/engine/stats"
	"github.com/logpipe/logpipe/test/servers"
)

var update = flag.Bool("update", false, "write the golden files anew")

// busySet has a pipeline in which everything happened once.
func busySet() *stats.Set {
	p := stats.NewPipeline("logs", []stats.Place{
		{Name: "input.amqp", Role: engine.RoleInput}, {Name: "processor.batch", Role: engine.RoleProcessor}, {Name: "output.s3", Role: engine.RoleOutput},
		{Name: "fallback.file", Role: engine.RoleFallback}, {Name: "dead_letter.amqp", Role: engine.RoleDeadLetter},
	})
	refused := errors.New("refused")
	for _, e := range []engine.Event{
		{Kind: engine.Started},
		{Kind: engine.Opened, Plugin: "input.amqp"},
		{Kind: engine.Received, Plugin: "input.amqp", Messages: 10, Bytes: 1000},
		{Kind: engine.Rejected, Plugin: "processor.batch", Messages: 1, Err: refused},
		{Kind: engine.Sealed, Plugin: "output.s3", Messages: 9, Bytes: 900, Cause: engine.SealedByAge},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: 9, Bytes: 900, Err: refused, Took: time.Second},
		{Kind: engine.Outage, Plugin: "output.s3", Err: refused},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: 9, Bytes: 900, Err: context.DeadlineExceeded, Took: time.Minute, Again: true},
		{Kind: engine.Attempt, Plugin: "fallback.file", Messages: 9, Stored: 9, Bytes: 900, Took: 3 * time.Millisecond, Time: time.Now().Add(-time.Minute)},
		{Kind: engine.FellBack, Plugin: "fallback.file", Messages: 9, Bytes: 900},
		{Kind: engine.Outage, Plugin: "output.s3", Took: time.Minute},
		{Kind: engine.Attempt, Plugin: "dead_letter.amqp", Messages: 1, Stored: 1, Bytes: 100, Took: time.Millisecond},
		{Kind: engine.DeadLettered, Plugin: "dead_letter.amqp", Messages: 1},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: 9, Stored: 9, Bytes: 900, Took: time.Second, Time: time.Now().Add(-time.Hour)},
		{Kind: engine.Recovered, Plugin: "fallback.file", Messages: 9, Bytes: 900},
		{Kind: engine.Settled, Plugin: "input.amqp", Messages: 10, Bytes: 1000, Took: 2 * time.Second},
		{Kind: engine.Acked, Plugin: "input.amqp", Messages: 1},
	} {
		p.Observe(e)
	}
	set := &stats.Set{}
	set.Replace([]*stats.Pipeline{p})
	set.Started(time.Unix(1700000000, 0))
	set.Reloaded(errors.New("logs.hcl:3:1: the pipeline has no name"))
	return set
}

// scrape asks /metrics as Prometheus does.
func scrape(t *testing.T, set *stats.Set, accept expfmt.Format) []byte {
	t.Helper()
	s := New(Options{Set: set, Version: "v1.2.3"})
	r := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
	if accept != "" {
		r.Header.Set("Accept", string(accept))
	}
	w := httptest.NewRecorder()
	s.guard(s.mux, true).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// families reads the metrics of logpipe in the format with native histograms.
func families(t *testing.T, set *stats.Set) map[string]*dto.MetricFamily {
	t.Helper()
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	body := bytes.NewReader(scrape(t, set, format))
	all := map[string]*dto.MetricFamily{}
	for d := expfmt.NewDecoder(body, format); ; {
		f := &dto.MetricFamily{}
		err := d.Decode(f)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.GetName(), namespace) {
			all[f.GetName()] = f
		}
	}
}

// Rules, dashboards and other people's alerts stand on names: one that changes unnoticed makes an alert that never fires.
func TestNamesOfMetrics(t *testing.T) {
	var names []string
	for name, f := range families(t, busySet()) {
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		names = append(names, fmt.Sprintf("%s{%s} %s\n    %s\n", name, strings.Join(labels, ", "), strings.ToLower(f.GetType().String()), f.GetHelp()))
	}
	for name, d := range known { // of plugins; there are none here
		names = append(names, fmt.Sprintf("%s%s{pipeline, plugin, role} gauge\n    %s\n", namespace, name, helpOf(d.String())))
	}
	for name, d := range map[string]*prometheus.Desc{ // there is no bound here
		"unsettled_limit_messages{pipeline, plugin, role}": unsettledMost,
		"unsettled_limit_bytes{pipeline, plugin, role}":    sizeMost,
		"plugin_gauge{name, pipeline, plugin, role}":       otherGauge,
	} {
		names = append(names, fmt.Sprintf("%s%s gauge\n    %s\n", namespace, name, helpOf(d.String())))
	}
	slices.Sort(names)
	got, path := strings.Join(names, ""), "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; go test -update writes it anew\n%s", path, diff)
	}
}

// The documents say that the golden file has every name. One that is written in special cases only would be missing in it.
func TestEveryMetricIsInTheGoldenFile(t *testing.T) {
	golden, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b(?:describe|counts)\("([a-z_]+)"`).FindAllSubmatch(text, -1) {
			if found++; !bytes.Contains(golden, []byte(namespace+string(m[1])+"{")) {
				t.Errorf("%s has a metric %s, and testdata/metrics.txt has it not", file, m[1])
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d metrics are described", found)
	}
}

// helpOf takes the help out of a description's text.
func helpOf(text string) string {
	_, help, _ := strings.Cut(text, `help: "`)
	help, _, _ = strings.Cut(help, `", `)
	return help
}

// Prometheus's own checker finds nothing to say of the names and units.
func TestPromtoolCheckMetrics(t *testing.T) {
	cmd := exec.Command(servers.Promtool(t), "check", "metrics")
	cmd.Stdin = bytes.NewReader(scrape(t, busySet(), ""))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// What is counted is what is shown, with its labels.
func TestMetrics(t *testing.T) {
	text := string(scrape(t, busySet(), ""))
	for _, want := range []string{
		`logpipe_received_messages_total{pipeline="logs",plugin="amqp",role="input"} 10`,
		`logpipe_settled_messages_total{pipeline="logs",plugin="amqp",role="input"} 10`,
		`logpipe_settled_bytes_total{pipeline="logs",plugin="amqp",role="input"} 1000`,
		`logpipe_rejected_messages_total{pipeline="logs",plugin="batch",role="processor"} 1`,
		`logpipe_dead_lettered_messages_total{pipeline="logs",plugin="amqp",role="dead_letter"} 1`,
		`logpipe_batches_total{cause="age",pipeline="logs",plugin="s3",role="output"} 1`,
		`logpipe_writes_total{pipeline="logs",plugin="s3",role="output"} 3`,
		`logpipe_write_retries_total{pipeline="logs",plugin="s3",role="output"} 1`,
		`logpipe_write_errors_total{class="other",pipeline="logs",plugin="s3",role="output"} 1`,
		`logpipe_write_errors_total{class="timeout",pipeline="logs",plugin="s3",role="output"} 1`,
		`logpipe_outages_total{pipeline="logs",plugin="s3",role="output"} 1`,
		`logpipe_outage_seconds_total{pipeline="logs",plugin="s3",role="output"} 60`,
		`logpipe_fallback_messages_total{pipeline="logs",plugin="file",role="fallback"} 9`,
		`logpipe_recovered_bytes_total{pipeline="logs",plugin="file",role="fallback"} 900`,
		`logpipe_write_duration_seconds_bucket{pipeline="logs",plugin="s3",role="output",le="0.5"} 0`,
		`logpipe_write_duration_seconds_bucket{pipeline="logs",plugin="s3",role="output",le="1"} 1`,
		`logpipe_delivery_delay_seconds_bucket{pipeline="logs",plugin="s3",role="output",le="4096"} 1`,
		`logpipe_delivery_delay_seconds_bucket{pipeline="logs",plugin="s3",role="output",le="2048"} 0`,
		`logpipe_pipeline_phase{phase="running",pipeline="logs"} 1`,
		`logpipe_pipeline_phase{phase="draining",pipeline="logs"} 0`,
		`logpipe_unsettled_messages{pipeline="logs",plugin="amqp",role="input"} 0`,
		`logpipe_config_reloads_total{result="done"} 0`,
		`logpipe_config_reloads_total{result="refused"} 1`,
		`logpipe_config_last_reload_successful 0`,
		`logpipe_config_last_reload_success_timestamp_seconds 1.7e+09`,
		`logpipe_build_info{goversion="`,
		`go_goroutines `, `process_cpu_seconds_total `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("there is no line %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// A name that comes with messages, a batch's for example, must never be a label: each of them would be a series for ever.
func TestFewSeries(t *testing.T) {
	set := busySet()
	count := func() (n int) {
		for _, f := range families(t, set) {
			n += len(f.Metric)
		}
		return n
	}
	before := count()
	for i := range 100 {
		set.All()[0].Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.s3", Messages: 1, Err: fmt.Errorf("put object %d: refused", i)})
	}
	if after := count(); after != before {
		t.Errorf("100 errors made %d series of %d", after, before)
	}
}

// Quantiles over months are computed from these buckets: each number must be in the one that its bound says, in both kinds.
func TestHistogramsAreExact(t *testing.T) {
	values := []float64{0, 1e-9, 1.0 / (1 << 13), 0.001, 0.9, 1, 1.1, 1.19, 2, 59, 128, 1e5, 1e9}
	set := busySet()
	s := set.All()[0].Step("output.s3")
	s.Took = stats.Histogram{}
	for _, v := range values {
		s.Took.Observe(v)
	}
	var h *dto.Histogram
	for _, m := range families(t, set)["logpipe_write_duration_seconds"].Metric {
		if m.Label[2].GetValue() == "output" {
			h = m.Histogram
		}
	}
	if n := h.GetSampleCount(); n != uint64(len(values)) {
		t.Errorf("%d numbers, want %d", n, len(values))
	}
	for _, b := range h.Bucket {
		want := uint64(0)
		for _, v := range values {
			if v <= b.GetUpperBound() {
				want++
			}
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("le %v: %d numbers, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
		}
	}
	if h.GetSchema() != schema || h.GetZeroThreshold() != 1.0/(1<<13) || h.GetZeroCount() != 3 {
		t.Errorf("schema %d, %d below %v", h.GetSchema(), h.GetZeroCount(), h.GetZeroThreshold())
	}
	native := nativeBuckets(h)
	for _, v := range values {
		if v <= h.GetZeroThreshold() {
			continue
		}
		i := int32(math.Ceil(math.Log2(math.Min(v, math.Exp2(19.6))) * 4))
		if native[i]--; native[i] < 0 {
			t.Errorf("%v is not in the native bucket %d, up to %v", v, i, math.Exp2(float64(i)/4))
		}
	}
}

// nativeBuckets undoes the spans and deltas.
func nativeBuckets(h *dto.Histogram) map[int32]int64 {
	buckets := map[int32]int64{}
	i, n, k := int32(0), int64(0), 0
	for _, span := range h.PositiveSpan {
		i += span.GetOffset()
		for range span.GetLength() {
			n += h.PositiveDelta[k]
			buckets[i] = n
			k++
			i++
		}
	}
	return buckets
}

// State comes with what a pipeline is now; a plugin's own gauges keep their names.
func TestGauges(t *testing.T) {
	set := busySet()
	out := make(chan prometheus.Metric, 200)
	collectState(out, set.All()[0], &flow.State{
		Workers: 5, Busy: 2, Held: engine.Capacity{Messages: 7}, Refused: engine.Capacity{Messages: 8, Bytes: 80},
		Inputs: []flow.InputState{{Name: "input.amqp", Connected: true, Unsettled: engine.Capacity{Messages: 30, Bytes: 900}, Oldest: time.Now().Add(-time.Minute),
			Window: engine.Capacity{Messages: 1000}}},
		Outputs: []flow.OutputState{{Name: "output.s3", Role: engine.RoleOutput, Failing: true, Writing: 2, Oldest: time.Now().Add(-time.Second)}},
		Gauges: []flow.StepGauge{{Step: "dead_letter.amqp", Gauge: engine.Gauge{Name: engine.DeadMessages, Value: 3}},
			{Step: "processor.batch", Gauge: engine.Gauge{Name: "of_its_own", Value: 4}}, {Step: "unknown", Gauge: engine.Gauge{Name: "x", Value: 1}}},
	})
	close(out)
	got := map[string]float64{}
	for m := range out {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(m.Desc().String(), `"`+namespace)
		name, _, _ = strings.Cut(name, `"`)
		for _, l := range d.Label {
			if l.GetName() == "plugin" || l.GetName() == "name" {
				name += " " + l.GetValue()
			}
		}
		if _, twice := got[name]; !twice || d.Gauge.GetValue() != 0 {
			got[name] = math.Round(d.Gauge.GetValue())
		}
	}
	for name, want := range map[string]float64{
		"workers": 5, "workers_busy": 2, "holding_messages": 7, "refused_messages": 8, "refused_bytes": 80, "connected amqp": 1, "unsettled_messages amqp": 30, "unsettled_bytes amqp": 900,
		"unsettled_limit_messages amqp": 1000, "oldest_unsettled_age_seconds amqp": 60, "failing s3": 1, "writes_running s3": 2, "oldest_write_age_seconds s3": 1,
		"dead_messages amqp": 3, "plugin_gauge of_its_own batch": 4, "failing file": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, want)
		}
	}
	if _, bound := got["unsettled_limit_bytes amqp"]; bound {
		t.Error("there is a bound that was not set")
	}
}
