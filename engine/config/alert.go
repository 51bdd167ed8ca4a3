package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/alert"
	"github.com/logpipe/logpipe/engine/config/internal/decode"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
	"github.com/logpipe/logpipe/engine/config/internal/syntax"
)

const blockAlert = "alert"

// Where alerts go to.
const (
	AlertWebhook      = "webhook"      // whoever understands Alertmanager's webhook format
	AlertAlertmanager = "alertmanager" // an Alertmanager
)

// AlertTypes are the types of alert blocks.
var AlertTypes = []string{AlertWebhook, AlertAlertmanager}

// Alert is an alert block.
type Alert struct {
	URL          engine.Secret     `hcl:"url,optional" doc:"Where alerts are posted to: for webhook the whole URL, for alertmanager its base, such as http://alertmanager:9093. \"\" leaves it at log lines."`
	Format       string            `hcl:"format,optional" values:"auto,alertmanager,slack,teams" doc:"What is posted to a webhook. auto knows by the URL what Slack (and Mattermost, Rocket.Chat, Zulip, Discord's URL with /slack) and a workflow of Microsoft Teams take, and posts Alertmanager's format to all others."`
	BearerToken  engine.Secret     `hcl:"bearer_token,optional" doc:"A token that is sent as Authorization: Bearer."`
	Timeout      time.Duration     `hcl:"timeout,optional" doc:"How long one post may take."`
	Pipelines    []string          `hcl:"pipelines,optional" doc:"The names of the pipelines it is about; empty is all."`
	Labels       map[string]string `hcl:"labels,optional" doc:"Labels that are put on each alert, such as a team or an environment."`
	SendResolved bool              `hcl:"send_resolved,optional" doc:"Whether it is also posted that an alert is over."`
	Repeat       time.Duration     `hcl:"repeat,optional" doc:"How often an alert that goes on is told again. An Alertmanager repeats by its own rules."`
	ResolveAfter time.Duration     `hcl:"resolve_after,optional" doc:"How long the cause of an alert must be gone before it is over, so that what comes and goes is one alert."`

	DeadLetters     int           `hcl:"dead_letters,optional" doc:"Fires when so many dead letters were written, or wait in the dead-letter queue; 0 turns it off."`
	SuccessRate     float64       `hcl:"success_rate,optional" doc:"Fires when less than this share of the writes in the window succeed; 0 turns it off."`
	Window          time.Duration `hcl:"window,optional" doc:"The time that success_rate looks back on."`
	LeastWrites     int           `hcl:"least_writes,optional" doc:"With fewer writes in the window than this, success_rate says nothing."`
	UnsettledAge    time.Duration `hcl:"unsettled_age,optional" doc:"Fires when a message was read and has not been settled for so long; \"0s\" turns it off."`
	Outage          time.Duration `hcl:"outage,optional" doc:"Fires when an output fails for so long, or a pipeline fails and is started again for so long; \"0s\" turns it off."`
	BacklogMessages int           `hcl:"backlog_messages,optional" doc:"Fires when the fallback holds so many messages; 0 turns it off."`
	ReloadRefused   bool          `hcl:"reload_refused,optional" doc:"Fires when the files were read again and refused, whatever is in pipelines; false turns it off."`

	Type  string // one of AlertTypes
	Range Range  // its header in the file

	decoded *decode.Decoded
}

// NewAlert returns an alert block with nothing in it.
func NewAlert(kind string) *Alert {
	return &Alert{
		Type: kind, Format: alert.FormatAuto, Timeout: 10 * time.Second, SendResolved: true, Repeat: 4 * time.Hour, ResolveAfter: time.Minute,
		DeadLetters: 1, SuccessRate: 0.9, Window: 5 * time.Minute, LeastWrites: 10, UnsettledAge: 10 * time.Minute, Outage: 5 * time.Minute, ReloadRefused: true,
	}
}

// labelName is what Alertmanager takes for a label's name.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// ownLabels are put on each alert by logpipe.
var ownLabels = []string{"alertname", "pipeline", "plugin", "severity", "instance"}

// Validate returns all mistakes.
func (a *Alert) Validate() error {
	var errs []error
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if raw := a.URL.Reveal(); raw != "" {
		// The error of Parse has the URL in it, which holds secrets.
		if u, err := url.Parse(raw); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			bad("url", "is no URL such as \"https://host/path\"; it is not shown, because it may hold a secret")
		} else if _, err := alert.FormatOf(raw); err != nil && a.Type == AlertWebhook && a.Format == alert.FormatAuto {
			bad("url", "%w", err)
		}
	}
	if a.Type != AlertWebhook && a.Format != alert.FormatAuto {
		bad("format", "is of a webhook; an Alertmanager has one format")
	}
	if a.BearerToken.Reveal() != "" && a.URL.Reveal() == "" {
		bad("bearer_token", "there is no url that it could be sent to: set url, or leave it out")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		switch {
		case !labelName.MatchString(name):
			bad("labels", "%q is no name of a label: it takes letters, digits and underscores, and begins with no digit", name)
		case slices.Contains(ownLabels, name):
			bad("labels", "%q is set by logpipe itself: take another name", name)
		}
	}
	if !(a.SuccessRate >= 0 && a.SuccessRate <= 1) {
		bad("success_rate", "is a share of 1: write 0.9 for 90 %%")
	}
	for _, n := range []struct {
		attr  string
		value int
		least int
	}{{"dead_letters", a.DeadLetters, 0}, {"backlog_messages", a.BacklogMessages, 0}, {"least_writes", a.LeastWrites, 1}} {
		if n.value < n.least {
			bad(n.attr, "must be at least %d", n.least)
		}
	}
	for _, d := range []struct {
		attr  string
		value time.Duration
	}{{"timeout", a.Timeout}, {"window", a.Window}, {"repeat", a.Repeat}} {
		if d.value < time.Second {
			bad(d.attr, "must be at least 1s")
		}
	}
	if a.Window > 24*time.Hour {
		bad("window", "must be at most 24h")
	}
	return errors.Join(errs...)
}

func (l *loader) alert(c *Config, f *syntax.File, b *hclsyntax.Block) {
	what := blockAlert
	if len(b.Labels) > 0 {
		what = fmt.Sprintf("%s %q", blockAlert, diagnostics.Shorten(b.Labels[0]))
	}
	d := decode.NewDecoder(l.World, f, b.DefRange(), what)
	switch {
	case len(b.Labels) == 0:
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.TypeRange), Summary: "the block alert does not say where alerts go to",
			Detail: fmt.Sprintf("Write alert %q { … }. There are %s.", AlertWebhook, diagnostics.Quoted(AlertTypes, "and"))})
		return
	case len(b.Labels) > 1:
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[1]), Summary: "the block alert takes one name, that of its type", Detail: "Take the second one out."})
		return
	case !slices.Contains(AlertTypes, b.Labels[0]):
		detail := fmt.Sprintf("There are %s.", diagnostics.Quoted(AlertTypes, "and"))
		if near := syntax.Meant(b.Labels[0], AlertTypes); near != "" {
			detail = fmt.Sprintf("Did you mean %q? %s", near, detail)
		}
		d.Add(Diagnostic{Range: diagnostics.RangeOf(b.LabelRanges[0]), Summary: fmt.Sprintf("there is no alert %q", diagnostics.Shorten(b.Labels[0])), Detail: detail})
		return
	}
	a := NewAlert(b.Labels[0])
	a.Range, a.decoded = d.Header, d.Decoded
	l.plain(d, b.Body, a)
	c.Alerts = append(c.Alerts, a)
}

// checkAlerts finds alerts about pipelines that do not exist: nobody would ever be told.
func (l *loader) checkAlerts(c *Config) {
	var names []string
	for _, p := range c.Pipelines {
		names = append(names, p.Name)
	}
	for _, a := range c.Alerts {
		for _, name := range a.Pipelines {
			if slices.Contains(names, name) {
				continue
			}
			d := &decode.Decoder{World: l.World, Decoded: a.decoded}
			at := a.decoded.Attrs["pipelines"].At
			detail := "There is no pipeline in these files."
			if len(names) > 0 {
				detail = fmt.Sprintf("There is %s.", diagnostics.Quoted(names, "and"))
			}
			if near := Suggest(name, names); near != "" {
				detail = fmt.Sprintf("Did you mean %q?", near)
			}
			d.Add(diagnostics.Absent(Diagnostic{Range: &at, Summary: fmt.Sprintf("there is no pipeline %q, which the alert is about", diagnostics.Shorten(name)), Detail: detail}))
		}
	}
}
