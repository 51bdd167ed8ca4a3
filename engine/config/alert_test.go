package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/config/internal/diagnostics"
)

const onePipeline = `
pipeline "logs" {
  input "amqp" { 
    queue = "q" 
  }
  output "s3" { 
    bucket = "b" 
    key    = "${batch.id}"
  }
}
`

// The URL of a chat that takes none of our formats looks well until somebody should have been called.
func TestAlertURLOfAChat(t *testing.T) {
	for _, is := range []struct{ block, says string }{
		{`alert "webhook" { url = "https://hooks.slack.com/services/T0/B0/hunter2" }`, ""},
		{`alert "webhook" { url = "https://discord.com/api/webhooks/1/hunter2" }`, "append that"},
		{`alert "webhook" { url = "https://x.webhook.office.com/webhookb2/hunter2" }`, "make a workflow in Teams"},
		{"alert \"webhook\" {\n url = \"https://x.webhook.office.com/webhookb2/hunter2\"\n format = \"teams\"\n}", ""}, // who says it knows it
		{"alert \"webhook\" {\n url = \"http://10.0.0.1/x\"\n format = \"irc\"\n}", "irc"},
		{"alert \"alertmanager\" {\n url = \"http://10.0.0.1/x\"\n format = \"slack\"\n}", "an Alertmanager has one format"},
	} {
		_, found := config.LoadSource("x.hcl", []byte(onePipeline+is.block+"\n"), options(nil))
		said := ""
		for _, d := range found.All() {
			said += d.Summary + " " + d.Detail + "\n"
		}
		if is.says == "" && found.HasErrors() || !strings.Contains(said, is.says) || strings.Contains(said, "hunter2") {
			t.Errorf("%s: %s", is.block, said)
		}
	}
}

// What the blocks say is what is watched: an option that is lost on the way is an alert that nobody gets.
func TestAlertBlocks(t *testing.T) {
	src := onePipeline + `
alert "webhook" {
  url           = "https://hooks.example.com/T0/secret"
  dead_letters  = 3
  success_rate  = 0.5
  unsettled_age = "1m"
  outage        = "2m"
  repeat        = "1h"
  pipelines     = ["logs"]
  labels        = { team = "ops" }
}
alert "alertmanager" {}
`
	c, found := config.LoadSource("x.hcl", []byte(src), options(nil))
	for _, d := range found.All() {
		if d.Severity != diagnostics.SeverityWarning {
			t.Errorf("%s: %s", d.Range, d.Summary)
		}
	}
	if c == nil || len(c.Alerts) != 2 {
		t.Fatalf("got %v", c)
	}
	a := c.Alerts[0]
	if a.URL.Reveal() != "https://hooks.example.com/T0/secret" || a.DeadLetters != 3 || a.SuccessRate != 0.5 || a.UnsettledAge != time.Minute ||
		a.Outage != 2*time.Minute || a.Repeat != time.Hour || a.Pipelines[0] != "logs" || a.Labels["team"] != "ops" || a.Type != config.AlertWebhook {
		t.Errorf("got %+v", a)
	}
	b, standard := c.Alerts[1], config.NewAlert(config.AlertAlertmanager)
	if b.Type != config.AlertAlertmanager || b.DeadLetters != 1 || b.SuccessRate != standard.SuccessRate || b.Outage != standard.Outage {
		t.Errorf("the defaults are %+v", b)
	}
}

// The URL of a webhook holds a token; a mistake on its line must not show it.
func TestAlertHidesURL(t *testing.T) {
	_, found := config.LoadSource("x.hcl", []byte(onePipeline+"alert \"webhook\" {\n  url = \"hooks.example.com/hunter2\"\n}\n"), options(nil))
	var text strings.Builder
	found.WriteText(&text, false, 100)
	if !strings.Contains(text.String(), "is no URL") || strings.Contains(text.String(), "hunter2") {
		t.Error(text.String())
	}
}

// Alerts may stand in a file of their own, beside those of the pipelines.
func TestAlertsInOwnFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.hcl": onePipeline, "b.hcl": "alert \"webhook\" {\n  pipelines = [\"logs\"]\n}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, found := config.Load([]string{dir}, options(nil))
	for _, d := range found.All() {
		if d.Range == nil || strings.HasSuffix(d.Range.Filename, "b.hcl") {
			t.Errorf("%s: %s", d.Range, d.Summary)
		}
	}
	if c == nil || len(c.Alerts) != 1 {
		t.Errorf("got %v", c)
	}
}
