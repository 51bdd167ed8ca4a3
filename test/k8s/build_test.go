package k8s

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// overlays are what somebody applies, and how many objects each consists of. A wrong path would otherwise validate nothing and pass.
var overlays = map[string]int{"dev": 17, "production": 12, "production-spool": 10, "rabbitmq-operator": 21}

func TestEveryOverlayIsTested(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "k8s/overlays"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if overlays[e.Name()] == 0 {
			t.Errorf("k8s/overlays/%s is not in the list of this test", e.Name())
		}
	}
	if len(entries) != len(overlays) {
		t.Errorf("%d overlays, %d of them tested", len(entries), len(overlays))
	}
}

// build is the overlay as `kubectl kustomize` prints it, one document each.
func build(t *testing.T, overlay string) []string {
	t.Helper()
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "k8s/overlays", overlay))
	if err != nil {
		t.Fatalf("build %s: %v", overlay, err)
	}
	var docs []string
	for _, r := range all.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(text))
	}
	return docs
}

// withoutSchema is how many objects of an overlay are of RabbitMQ's operators, whose kinds no Go module describes. Their rules alone are
// checked here; the operators' own webhooks check the rest.
var withoutSchema = map[string]int{"rabbitmq-operator": 9}

func TestSchemas(t *testing.T) {
	for overlay, want := range overlays {
		docs := build(t, overlay)
		known := described(docs)
		valid, wrong := validate(t, known)
		for _, text := range wrong {
			t.Errorf("%s: %s", overlay, text)
		}
		if valid != want-withoutSchema[overlay] || len(docs) != want {
			t.Errorf("%s: %d of %d objects are valid, want %d; %d have no schema", overlay, valid, len(docs), want, len(docs)-len(known))
		}
	}
}

// described are those that there is a schema for.
func described(docs []string) (known []string) {
	for _, doc := range docs {
		if !strings.Contains("\n"+doc, "\napiVersion: rabbitmq.com/") {
			known = append(known, doc)
		}
	}
	return known
}

// validate is kubeconform -strict with the schemas of this folder alone.
func validate(t *testing.T, docs []string) (valid int, wrong []string) {
	t.Helper()
	v, err := validator.New([]string{"schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json"}, validator.Opts{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range v.Validate("overlay", io.NopCloser(strings.NewReader(strings.Join(docs, "---\n")))) {
		if r.Status == validator.Valid {
			valid++
		} else {
			wrong = append(wrong, r.Err.Error())
		}
	}
	return valid, wrong
}

// types are those that Kubernetes itself decodes into. They know more than schemas: quantities, durations, numbers that are too large.
var types = map[string]func() any{
	"ConfigMap":           func() any { return new(corev1.ConfigMap) },
	"Deployment":          func() any { return new(appsv1.Deployment) },
	"Job":                 func() any { return new(batchv1.Job) },
	"Namespace":           func() any { return new(corev1.Namespace) },
	"NetworkPolicy":       func() any { return new(networkingv1.NetworkPolicy) },
	"PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
	"Service":             func() any { return new(corev1.Service) },
	"ServiceAccount":      func() any { return new(corev1.ServiceAccount) },
	"StatefulSet":         func() any { return new(appsv1.StatefulSet) },
}

// decode refuses unknown fields and keys that stand twice. What has no Go type here becomes a map.
func decode(doc string) (kind string, object any, err error) {
	var head struct{ Kind string }
	if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
		return "", nil, err
	}
	object = new(map[string]any)
	if of := types[head.Kind]; of != nil {
		object = of()
	}
	return head.Kind, object, yaml.UnmarshalStrict([]byte(doc), object)
}

func TestStrictTypes(t *testing.T) {
	for overlay := range overlays {
		for _, doc := range build(t, overlay) {
			if _, _, err := decode(doc); err != nil {
				t.Errorf("%s: %v in\n%s", overlay, err, doc)
			}
		}
	}
}

// kustomize takes the last of two equal keys and says nothing, so they are looked for in the files themselves.
func TestNoKeyTwice(t *testing.T) {
	files := 0
	err := filepath.WalkDir(filepath.Join(root, "k8s"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if err := noKeyTwice(text); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Errorf("%d files were read: %v", files, err)
	}
}

func noKeyTwice(text []byte) error {
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var any any
		if err := yaml.UnmarshalStrict(doc, &any); err != nil {
			return err
		}
	}
	return nil
}
