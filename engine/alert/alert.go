package alert

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Kinds of receivers.
const (
	Webhook      = "webhook"
	Alertmanager = "alertmanager"
)

// Config is one receiver: what it wants to know, and where it is.
type Config struct {
	Kind         string            // Webhook or Alertmanager
	URL          engine.Secret     // empty: log lines alone
	Format       string            // of a Webhook; "" is FormatAuto
	BearerToken  engine.Secret     // empty: none is sent
	Timeout      time.Duration     // of one post
	Pipelines    []string          // empty: all
	Labels       map[string]string // put on each alert
	SendResolved bool              // whether it is also told that an alert is over
	Repeat       time.Duration     // how often an alert that goes on is told again
	ResolveAfter time.Duration     // how long the cause must be gone

	// What is watched. Zero turns a rule off.
	DeadLetters     int           // fires at so many
	SuccessRate     float64       // fires below this share, 0 to 1, of the writes in Window
	Window          time.Duration // what SuccessRate looks back on
	LeastWrites     int           // with fewer in Window, SuccessRate says nothing
	UnsettledAge    time.Duration // fires when a message is unsettled for so long
	Outage          time.Duration // fires when an output fails for so long
	BacklogMessages int           // fires when the fallback holds so many
	ReloadRefused   bool          // fires when the files were read again and refused
}

// Names of the alerts.
const (
	nameDeadLetters = "LogpipeDeadLetters"
	nameSuccessRate = "LogpipeSuccessRate"
	nameUnsettled   = "LogpipeUnsettledAge"
	nameOutage      = "LogpipeOutage"
	nameFailing     = "LogpipePipelineFailing"
	nameBacklog     = "LogpipeFallbackBacklog"
	nameRefused     = "LogpipeReloadRefused"
)

// key tells alerts apart. What is about the process has no pipeline.
type key struct{ name, pipeline, plugin string }

// alert is one trouble of one step, from its beginning to its end.
type alert struct {
	key
	cause     string
	value     string
	threshold string
	next      string // what to do, or what happens next
	severity  string
	starts    time.Time
	ends      time.Time // zero while it fires
}

func (a *alert) resolved() bool { return !a.ends.IsZero() }

// labels are what an alert is told apart by; they must not change while it fires.
func (a *alert) labels(more map[string]string, instance string) map[string]string {
	l := map[string]string{}
	maps.Copy(l, more)
	l["alertname"], l["severity"] = a.name, a.severity
	if a.pipeline != "" {
		l["pipeline"] = a.pipeline
	}
	if a.plugin != "" {
		l["plugin"] = a.plugin
	}
	if instance != "" {
		l["instance"] = instance
	}
	return l
}

func (a *alert) annotations() map[string]string {
	return map[string]string{"summary": a.summary(), "description": a.next, "cause": a.cause, "value": a.value, "threshold": a.threshold}
}

func (a *alert) summary() string {
	if a.pipeline == "" {
		return "logpipe: " + a.cause
	}
	at := fmt.Sprintf("pipeline %s", a.pipeline)
	if a.plugin != "" {
		at += ", " + a.plugin
	}
	return at + ": " + a.cause
}

// fingerprint is Alertmanager's own: FNV-1a over the labels in order of their names.
func fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		_, _ = h.Write([]byte(name + "\xff" + labels[name] + "\xff"))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.pipeline, b.pipeline), cmp.Compare(a.plugin, b.plugin), cmp.Compare(a.name, b.name))
}
