package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/logpipe/logpipe/test/process"
)

const (
	namespace = "logpipe"
	most      = 5 // pods; the machine is small
	polling   = 5 // seconds, as the others; the picture's caption says what is shipped
	step      = 10
	stable    = 15
)

// overlay is a copy of k8s/ with one more overlay: production, as its README tells a user to make it their own.
type overlay struct {
	dir  string
	from string // the broker's management side
	env  []string
}

// patches shorten what would make a run take half an hour.
const patches = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: logpipe
resources: [../production]
configMapGenerator:
  - {name: logpipe-env, behavior: merge, literals: [%s]}
patches:
  - path: deployment.yaml
  - target: {kind: ScaledObject, name: logpipe}
    patch: |-
      - {op: replace, path: /spec/triggers/0/metadata/host, value: %q}
      - {op: replace, path: /spec/pollingInterval, value: %d}
      - {op: replace, path: /spec/minReplicaCount, value: %d}
      - {op: replace, path: /spec/maxReplicaCount, value: %d}
      - {op: replace, path: /spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleUp/policies/0/periodSeconds, value: %d}
      - {op: replace, path: /spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleUp/policies/1/periodSeconds, value: %d}
      - {op: replace, path: /spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/stabilizationWindowSeconds, value: %d}
      - {op: replace, path: /spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/policies/0/periodSeconds, value: %d}
`

func newOverlay(t *testing.T, from string, env ...string) *overlay {
	t.Helper()
	o := &overlay{dir: filepath.Join(t.TempDir(), "k8s"), from: from, env: env}
	if err := os.CopyFS(o.dir, os.DirFS(filepath.Join(process.Root(), "k8s"))); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(o.dir, "overlays/dev/deployment.yaml")) // the keys of an S3 server that knows no cloud's identities
	if err != nil {
		t.Fatal(err)
	}
	o.write(t, "overlays/test/deployment.yaml", string(key))
	return o
}

func (o *overlay) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// build is what kubectl apply -k would send, with so many pods at least.
func (o *overlay) build(t *testing.T, least int) (docs []string) {
	t.Helper()
	o.write(t, "overlays/test/kustomization.yaml", fmt.Sprintf(patches, `"`+strings.Join(o.env, `", "`)+`"`, o.from, polling, least, most, step, step, stable, step))
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as kubectl: config maps come before the pods that need them
	all, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), filepath.Join(o.dir, "overlays/test"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all.Resources() {
		docs = append(docs, r.MustYaml())
	}
	return docs
}

// prometheusKinds are what the monitoring component needs. Their operator does not run: the rules are tested in monitoring/.
func (c *control) prometheusKinds(t *testing.T) {
	t.Helper()
	dir := filepath.Join(module(t, "github.com/prometheus-operator/prometheus-operator", "v0.85.0"), "example/prometheus-operator-crd")
	c.applyFiles(filepath.Join(dir, "monitoring.coreos.com_servicemonitors.yaml"), filepath.Join(dir, "monitoring.coreos.com_prometheusrules.yaml"))
}

// age changes the pipeline as a user would: the config map's name changes, so the pods roll.
func (o *overlay) age(t *testing.T, old, now string) {
	t.Helper()
	const name = "components/no-fallback/pipeline.hcl"
	text, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s has not %q once", name, old)
	}
	o.write(t, name, strings.Replace(string(text), old, now, 1))
}
