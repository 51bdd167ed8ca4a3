package cluster

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// api is what kubectl is for a user.
type api struct {
	t       *testing.T
	kube    *kubernetes.Clientset
	dynamic *dynamic.DynamicClient
	mapper  *restmapper.DeferredDiscoveryRESTMapper

	mu       sync.Mutex
	warnings []string
}

func newAPI(t *testing.T, config *rest.Config) *api {
	t.Helper()
	a := &api{t: t}
	config.WarningHandler = a
	config.QPS, config.Burst = 200, 400
	a.kube = must(kubernetes.NewForConfig(config))
	a.dynamic = must(dynamic.NewForConfig(config))
	a.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(a.kube.Discovery()))
	return a
}

// must is for what fails by a mistake in this test only.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// HandleWarningHeader keeps what the API server warns of, such as pods that a namespace's pod security would refuse.
func (a *api) HandleWarningHeader(_ int, _ string, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.warnings, text) {
		a.warnings = append(a.warnings, text)
	}
}

func (a *api) warned() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.warnings)
}

// apply is kubectl apply --server-side --validate=strict. Somebody else's field is a conflict and an error: it is not forced.
func (a *api) apply(docs ...string) {
	a.t.Helper()
	for _, doc := range docs {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), object); err != nil {
			a.t.Fatalf("read an object: %v in\n%s", err, doc)
		}
		data := must(json.Marshal(object))
		options := v1.PatchOptions{FieldManager: "kubectl", FieldValidation: v1.FieldValidationStrict}
		_, err := a.resource(object).Patch(a.t.Context(), object.GetName(), types.ApplyPatchType, data, options)
		if err != nil {
			a.t.Fatalf("apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// applyFiles applies each document of the files.
func (a *api) applyFiles(files ...string) {
	a.t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			a.t.Fatal(err)
		}
		a.apply(documents(string(text))...)
	}
}

// documents are the objects of a file.
func documents(text string) (docs []string) {
	for doc := range strings.SplitSeq("\n"+text, "\n---\n") {
		if strings.Contains("\n"+doc, "\nkind:") {
			docs = append(docs, doc)
		}
	}
	return docs
}

// resource finds where objects of this kind live. A kind that was defined a moment ago takes the API server a moment.
func (a *api) resource(object *unstructured.Unstructured) dynamic.ResourceInterface {
	a.t.Helper()
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		until(a.t, "the API server knows "+kind.Kind, func() bool {
			a.mapper.Reset()
			mapping, err = a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
			return err == nil
		})
	}
	if object.GetNamespace() == "" {
		return a.dynamic.Resource(mapping.Resource)
	}
	return a.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
}

// condition reads a condition's status of any object, "" when it has none.
func (a *api) condition(resource schema.GroupVersionResource, namespace, name, condition string) string {
	object, err := a.dynamic.Resource(resource).Namespace(namespace).Get(a.t.Context(), name, v1.GetOptions{})
	if err != nil {
		return ""
	}
	all, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions") // what has none has no status yet
	for _, one := range all {
		if c, ok := one.(map[string]any); ok && c["type"] == condition {
			status, _ := c["status"].(string)
			return status
		}
	}
	return ""
}
