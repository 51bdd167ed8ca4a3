package admin

import (
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

const namespace = "logpipe_"

// scrapesAtOnce bounds the work that many scrapers make.
const scrapesAtOnce = 4

// metrics is the handler of /metrics.
func (s *Server) metrics() http.Handler {
	all := prometheus.NewRegistry()
	all.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{set: s.options.Set, version: s.options.Version},
	)
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: scrapesAtOnce, ErrorHandling: promhttp.ContinueOnError,
	})
}

// collector reads the counters of all pipelines when it is asked, and at no other time. There are as many series as there are steps,
// and classes of errors, which are constants of the code: no text of a message, and no name that a message brings, is a label.
type collector struct {
	set     *stats.Set
	version string
}

var (
	stepLabels     = []string{"pipeline", "plugin", "role"}
	pipelineLabels = []string{"pipeline"}
)

func describe(name, help string, labels []string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+name, help, append(append([]string(nil), labels...), more...), nil)
}

var (
	buildInfo = prometheus.NewDesc(namespace+"build_info", "Always 1; the labels say what runs.", []string{"version", "goversion"}, nil)
	phase     = describe("pipeline_phase", "1 for the phase that the pipeline is in, 0 for the others.", pipelineLabels, "phase")
	starts    = describe("pipeline_starts_total", "How often the pipeline was started.", pipelineLabels)
	reloaded  = describe("config_reloads_total", "How often the files were read again, by what came of it.", nil, "result")
	runs      = describe("config_last_reload_successful", "0 while the configuration in the files is refused and the one before runs on.", nil)
	since     = describe("config_last_reload_success_timestamp_seconds", "When the configuration that runs was read.", nil)
	looked    = describe("pipeline_answers", "1 when the pipeline told its state; 0 is a bug, and its gauges are missing then.", pipelineLabels)
)

var phases = []stats.Phase{stats.New, stats.Running, stats.Draining, stats.Waiting, stats.Ended}

// Describe implements prometheus.Collector. A plugin may have gauges of its own, so not all is known before.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	out <- constant(buildInfo, prometheus.GaugeValue, 1, c.version, runtime.Version())
	collectReloads(out, c.set.Reloads())
	all := c.set.All()
	states := stats.States(all)
	for i, p := range all {
		life := p.Life()
		for _, is := range phases {
			out <- constant(phase, prometheus.GaugeValue, one(life.Phase == is), p.Name, string(is))
		}
		out <- constant(starts, prometheus.CounterValue, float64(life.Starts), p.Name)
		out <- constant(looked, prometheus.GaugeValue, one(states[i].OK), p.Name)
		for _, s := range p.Steps {
			collectStep(out, labels{p.Name, pluginOf(s), string(s.Role)}, s)
		}
		if states[i].OK {
			collectState(out, p, &states[i].State)
		}
	}
}

func collectReloads(out chan<- prometheus.Metric, r stats.Reloads) {
	out <- constant(reloaded, prometheus.CounterValue, float64(r.Done), "done")
	out <- constant(reloaded, prometheus.CounterValue, float64(r.Refused), "refused")
	out <- constant(runs, prometheus.GaugeValue, one(r.Since.IsZero()))
	if !r.Latest.IsZero() {
		out <- constant(since, prometheus.GaugeValue, float64(r.Latest.Unix()))
	}
}

// labels are the values of stepLabels.
type labels [3]string

func (l labels) and(more ...string) []string { return append(l[:], more...) }

// pluginOf takes the role out of the name of a step: "output.s3" is "s3", and "audit.output.s3" is "audit.s3".
func pluginOf(s *stats.Step) string { return strings.Replace(s.Name, string(s.Role)+".", "", 1) }

func constant(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, kind, v, labels...)
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// age is how long ago a moment was; there is none when it is zero.
func age(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, time.Since(since).Seconds())
}

// roles is a set of roles.
type roles []engine.Role

func (r roles) has(role engine.Role) bool {
	for _, one := range r {
		if one == role {
			return true
		}
	}
	return false
}
