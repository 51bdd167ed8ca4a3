package k8s

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"sigs.k8s.io/yaml"
)

var write = flag.Bool("write", false, "write the files of k8s/ that are made from others")

const root = "../.."

// rulesFile is what a Prometheus outside Kubernetes loads.
const rulesFile = "monitoring/rules.yaml"

// kustomize reads nothing above the folder of a kustomization, so k8s/ has copies. One that is older than its source would run a pipeline
// that nobody has looked at.
func TestCopiesAreEqual(t *testing.T) {
	for path, want := range map[string][]byte{
		"base/pipeline.hcl":                         read(t, "pipeline.hcl"),
		"components/no-fallback/pipeline.hcl":       withoutFallback(t, read(t, "pipeline.hcl")),
		"overlays/dev/producer.hcl":                 read(t, "examples/producer.hcl"),
		"components/monitoring/prometheusrule.yaml": prometheusRule(t),
	} {
		if *write {
			if err := os.WriteFile(filepath.Join(root, "k8s", path), want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, "k8s/"+path); string(got) != string(want) {
			t.Errorf("k8s/%s is not what it is made from: run make manifests", path)
		}
	}
}

// withoutFallback is the pipeline for pods whose storage ends with them.
func withoutFallback(t *testing.T, src []byte) []byte {
	f, diags := hclwrite.ParseConfig(src, "pipeline.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	removed := 0
	for _, pipeline := range f.Body().Blocks() {
		for _, b := range pipeline.Body().Blocks() {
			if b.Type() == "fallback" && pipeline.Body().RemoveBlock(b) {
				removed++
			}
		}
	}
	if removed != 1 {
		t.Fatalf("pipeline.hcl has %d fallbacks, not one", removed)
	}
	head := "# Made from the repository's pipeline.hcl, without its fallback, by `make manifests`. Do not change it here.\n"
	rest := strings.ReplaceAll(string(f.Bytes()), "\n\n\n", "\n\n") // where the block was
	return []byte(head + rest)
}

// prometheusRule has the same groups as the rules file of a Prometheus that runs outside Kubernetes.
func prometheusRule(t *testing.T) []byte {
	var rules struct {
		Groups []any `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(read(t, rulesFile), &rules); err != nil {
		t.Fatalf("%s: %v", rulesFile, err)
	}
	if len(rules.Groups) == 0 {
		t.Fatalf("%s has no groups", rulesFile)
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "monitoring.coreos.com/v1",
		"kind":       "PrometheusRule",
		"metadata":   map[string]any{"name": "logpipe", "labels": map[string]string{"app.kubernetes.io/name": "logpipe"}},
		"spec":       map[string]any{"groups": rules.Groups},
	})
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte("# Made from "+rulesFile+" by `make manifests`. Do not change it here.\n"), text...)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
