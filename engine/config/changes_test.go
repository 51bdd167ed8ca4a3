package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

const comparedPipeline = `pipeline "logs" {
  input "amqp" {
    url   = env("URL")
    queue = "logs"
    tls {
      ca = "CAFILE"
    }
  }
  processor "batch" {
    age = "5s"
  }
  output "s3" {
    bucket = file("bucket")
    key    = "${env("ENVIRONMENT")}/${batch.id}"
  }
}
`

// What counts as a change: with one too few the process runs what nobody wrote; with one too many it interrupts logs for nothing.
func TestWhatIsAChange(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(text string) string
		env  map[string]string
		file [2]string // name and new contents
		want string    // the attribute that changed, "" for none
	}{
		"nothing":           {},
		"a comment":         {edit: func(s string) string { return "# hello\n" + s }},
		"formatting":        {edit: func(s string) string { return strings.ReplaceAll(s, "  ", "\t\t") }},
		"a pipeline before": {edit: func(s string) string { return strings.Replace(s, `"logs" {`, `"other" {`, 1) + s }},
		"the same value":    {edit: func(s string) string { return strings.Replace(s, `"5s"`, `"5000ms"`, 1) }},
		"a value":           {edit: func(s string) string { return strings.Replace(s, `"5s"`, `"6s"`, 1) }, want: "age"},
		"drain_timeout":     {edit: func(s string) string { return strings.Replace(s, "input", "drain_timeout = \"1m\"\n input", 1) }, want: "drain_timeout"},
		"workers":           {edit: func(s string) string { return strings.Replace(s, "bucket =", "workers = 9\n bucket =", 1) }, want: "workers"},
		"a block":           {edit: func(s string) string { return strings.Replace(s, "output", "processor \"retry\" {}\n output", 1) }, want: "blocks"},
		"a secret":          {env: map[string]string{"URL": "amqps://u:other@h/"}, want: "url"},
		"env in a template": {env: map[string]string{"ENVIRONMENT": "test"}, want: `key env("ENVIRONMENT")`},
		"file()":            {file: [2]string{"bucket", "other"}, want: "bucket"},
		"a certificate":     {file: [2]string{"ca.pem", "renewed"}, want: "contents of tls.ca"},
		"its template":      {edit: func(s string) string { return strings.Replace(s, "/${batch.id}", "-${batch.id}", 1) }, want: "key"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put("bucket", "one")
			put("ca.pem", "first")
			env := map[string]string{"URL": "amqps://u:hushhush@h/", "ENVIRONMENT": "prod"}
			load := func(text string) (all []config.Evaluated) {
				text = strings.ReplaceAll(text, "CAFILE", filepath.Join(dir, "ca.pem"))
				cfg, found := config.LoadSource(filepath.Join(dir, "a.hcl"), []byte(text), config.Options{Plugins: plugins.All,
					LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
				if cfg == nil {
					t.Fatal(found.All())
				}
				for _, p := range cfg.Pipelines {
					all = append(all, p.Evaluate([]byte("salt")))
				}
				return all
			}
			before := load(comparedPipeline)
			text := comparedPipeline
			if tt.edit != nil {
				text = tt.edit(text)
			}
			for k, v := range tt.env {
				env[k] = v
			}
			if tt.file[0] != "" {
				put(tt.file[0], tt.file[1])
			}
			plan := config.Compare(before, load(text))
			var got []string
			for _, r := range plan.Restarts {
				for _, c := range r.Changes {
					got = append(got, c.Attr)
					if c.Attr == "url" && (!c.Hidden || c.Old != nil || c.New != nil) {
						t.Errorf("the secret shows: %+v", c)
					}
				}
			}
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
				t.Errorf("changed: %q, want %q", got, tt.want)
			}
		})
	}
}

// A renamed pipeline is another one: its name is in keys, metrics and logs.
func TestRenamedIsStoppedAndStarted(t *testing.T) {
	plan := config.Compare([]config.Evaluated{{Name: "a"}, {Name: "b"}}, []config.Evaluated{{Name: "b"}, {Name: "c"}})
	if !slices.Equal(plan.Starts, []string{"c"}) || !slices.Equal(plan.Stops, []string{"a"}) || !slices.Equal(plan.Stays, []string{"b"}) {
		t.Errorf("%+v", plan)
	}
}

// What is evaluated is shown to others: it must hold no secret.
func TestEvaluatedHidesSecrets(t *testing.T) {
	cfg, found := config.LoadSource("a.hcl", []byte(`pipeline "p" {
  input "amqp" {
    url   = "amqp://user:hushhush@h/"
    queue = "q"
  }
  output "s3" {
    bucket            = "b"
    key               = "${batch.id}"
    access_key = "who"
    secret_key = "hushhush"
    endpoint          = "http://h"
  }
}`), config.Options{Plugins: plugins.All})
	if cfg == nil {
		t.Fatal(found.All())
	}
	for _, s := range cfg.Pipelines[0].Evaluate([]byte("salt")).Values {
		if strings.Contains(s.Text, "hushhush") {
			t.Errorf("%s of %s shows it: %s", s.Attr, s.Block, s.Text)
		}
	}
}
