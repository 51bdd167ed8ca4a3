package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
)

// drain is the pipeline's drain_timeout, which compose.yaml's own configuration does not change.
const drain = types.Duration(30 * time.Second)

func text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// load reads the file as Compose does, with all profiles. Unknown keys are errors.
func load(t *testing.T, text string, set ...func(*loader.Options)) (*types.Project, error) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	details := types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "compose.yaml"), Content: []byte(text)}},
		Environment: types.Mapping{},
	}
	return loader.LoadWithContext(t.Context(), details, append(set, func(o *loader.Options) {
		o.SetProjectName("logpipe", false)
		o.Profiles = []string{"*"}
	})...)
}

// findings are what all rules say.
func findings(t *testing.T, text string) []string {
	t.Helper()
	p, err := load(t, text)
	if err != nil {
		return []string{err.Error()}
	}
	raw, err := load(t, text, func(o *loader.Options) { o.SkipInterpolation = true })
	if err != nil {
		return []string{err.Error()}
	}
	return append(append(check(p), ours(p)...), secrets(raw)...)
}

// What is wrong in compose.yaml meets a newcomer in the first minute.
func TestCompose(t *testing.T) {
	if diff := cmp.Diff([]string(nil), findings(t, text(t))); diff != "" {
		t.Error(diff)
	}
	p, err := load(t, text(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"alertmanager", "flood", "grafana", "logpipe", "prometheus", "producer", "rabbitmq", "s3"}
	have := map[string]bool{}
	for name := range p.AllServices() {
		have[name] = true
	}
	for _, name := range want {
		if !have[name] {
			t.Errorf("there is no service %s", name)
		}
	}
	// The user must find one password in both places, or nothing flows.
	if url, password := *p.Services["logpipe"].Environment["RABBITMQ_URL"], *p.Services["rabbitmq"].Environment["RABBITMQ_DEFAULT_PASS"]; !strings.Contains(url, ":"+password+"@rabbitmq:") {
		t.Errorf("logpipe logs in with %s, the broker wants %s", url, password)
	}
	if have, want := *p.Services["logpipe"].Environment["AWS_SECRET_ACCESS_KEY"], *p.Services["s3"].Environment["ROOT_SECRET_KEY"]; have != want {
		t.Errorf("logpipe has the S3 key %s, the server %s", have, want)
	}
}

// Each rule must find what it is there for.
func TestRulesFind(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"unknown key":      {"read_only: true", "readonly: true", "readonly"},
		"wrong type":       {"restart: unless-stopped", "restart: [always]", "restart"},
		"unknown service":  {"rabbitmq: {condition", "rabbit: {condition", "rabbit"},
		"latest":           {"prom/prometheus:v3.5.0", "prom/prometheus:latest", "no tag, or one that moves"},
		"no tag":           {"prom/prometheus:v3.5.0", "registry.example:5000/prom/prometheus", "no tag, or one that moves"},
		"missing file":     {"./pipeline.hcl:", "./pipelines.hcl:", "pipelines.hcl is mounted and is no file"},
		"writable file":    {"pipeline.hcl:ro", "pipeline.hcl", "can be written"},
		"open port":        {`"127.0.0.1:9600:9600"`, `"9600:9600"`, "port 9600 can be reached"},
		"all addresses":    {`"127.0.0.1:9600:9600"`, `"0.0.0.0:9600:9600"`, "port 9600 can be reached"},
		"health check off": {"test: [CMD, /usr/bin/logpipe, health]", "disable: true", "no health check"},
		"password inline":  {"RABBITMQ_DEFAULT_PASS: ${RABBITMQ_PASSWORD:-only-local}", "RABBITMQ_DEFAULT_PASS: guest", "RABBITMQ_DEFAULT_PASS must come"},
		"unmarked default": {"ROOT_SECRET_KEY: ${S3_SECRET_KEY:-only-local}", "ROOT_SECRET_KEY: ${S3_SECRET_KEY:-minio123}", "ROOT_SECRET_KEY must come"},
		"password in url":  {"logpipe:${RABBITMQ_PASSWORD:-only-local}@", "logpipe:guest@", "RABBITMQ_URL must come"},
		"killed too early": {"stop_grace_period: 45s", "stop_grace_period: 30s", "killed before it has drained"},
		"not confined":     {"cap_drop: [ALL]", "cap_drop: [NET_RAW]", "it needs read_only"},
		"host network":     {"hostname: rabbitmq", "network_mode: host", "not confined"},
	} {
		t.Run(name, func(t *testing.T) {
			all := text(t)
			broken := strings.Replace(all, c.old, c.new, 1)
			if broken == all {
				t.Fatalf("compose.yaml has no %q any more", c.old)
			}
			if found := strings.Join(findings(t, broken), "\n"); !strings.Contains(found, c.says) {
				t.Errorf("the rules say %q, want %q", found, c.says)
			}
		})
	}
}
