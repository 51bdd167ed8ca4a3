// Package deploy has the tests of what is mounted into containers: each file is read by the program that will read it there.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

// mount puts files of the repository where a container finds them, below a folder of the test.
func mount(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for to, from := range files {
		text, err := os.ReadFile(filepath.Join(process.Root(), from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Prometheus does not start with a configuration that it does not understand, and then nobody is told of anything.
func TestPrometheusReadsItsConfiguration(t *testing.T) {
	promtool := servers.Promtool(t)
	root := mount(t, map[string]string{"prometheus.yml": "deploy/compose/prometheus.yml", "rules.yaml": "monitoring/rules.yaml"})
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "config", "--lint=all", "--lint-fatal", filepath.Join(root, "prometheus.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Alertmanager, likewise.
func TestAlertmanagerReadsItsConfiguration(t *testing.T) {
	amtool := servers.Amtool(t)
	root := mount(t, map[string]string{"alertmanager.yml": "deploy/compose/alertmanager.yml"})
	if out, err := exec.CommandContext(t.Context(), amtool, "check-config", filepath.Join(root, "alertmanager.yml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The shipped pipelines run in the containers beside the admin block of compose.yaml.
func TestLogpipeReadsItsConfiguration(t *testing.T) {
	bin, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, shipped := range []string{"pipeline.hcl", "examples/producer.hcl"} {
		root := mount(t, map[string]string{"shipped.hcl": shipped, "admin.hcl": "deploy/compose/admin.hcl"})
		cmd := exec.CommandContext(t.Context(), bin, "validate", root)
		cmd.Env = []string{"S3_BUCKET=logs"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shipped, err, out)
		}
	}
}
