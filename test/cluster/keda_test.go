package cluster

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

const kedaVersion = "v2.21.0"

var (
	apiServices   = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}
)

// registration says where the external metrics are asked for. In a cluster the Service selects the adapter's pod; here it is a name for
// this machine.
const registration = `apiVersion: v1
kind: Namespace
metadata: {name: keda}
---
apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  service: {name: keda-metrics-apiserver, namespace: keda, port: %s}
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: %s
`

// startKEDA defines KEDA's kinds and starts the operator, which scales, and the adapter, which tells the HorizontalPodAutoscaler what the
// operator has counted.
func (c *control) startKEDA(t *testing.T) {
	t.Helper()
	build(t, "keda")
	p := ports(t, 2)
	counts, adapter := "127.0.0.1:"+p[0], p[1]
	kinds := must(filepath.Glob(filepath.Join(module(t, "github.com/kedacore/keda/v2", kedaVersion), "config/crd/bases/*.yaml")))
	c.applyFiles(kinds...)
	c.apply(documents(fmt.Sprintf(registration, adapter, base64.StdEncoding.EncodeToString(c.authority.bundle())))...)

	// One certificate is the adapter's to the API server, and both sides' between the two. KEDA looks for tls.crt and tls.key.
	as := c.authority.kubeconfig(c.server, "tls", "keda", everything, "keda-metrics-apiserver.keda.svc")
	env := []string{"KUBECONFIG=" + as, "WATCH_NAMESPACE=", "POD_NAMESPACE=keda", "KEDA_CLUSTER_OBJECT_NAMESPACE=keda"}
	run(t, "operator", env, "--metrics-bind-address=0", "--health-probe-bind-address=0", "--metrics-service-bind-address="+counts,
		"--cert-dir="+c.authority.dir, "--zap-encoder=json")
	run(t, "adapter", env, "--bind-address=127.0.0.1", "--secure-port="+adapter, "--port=0", "--metrics-service-address="+counts,
		"--cert-dir="+c.authority.dir, "--tls-cert-file="+c.authority.path("tls.crt"), "--tls-private-key-file="+c.authority.path("tls.key"),
		"--client-ca-file="+c.authority.path("ca.crt"), "--lister-kubeconfig="+as, "--authentication-kubeconfig="+as, "--authorization-kubeconfig="+as)
	until(t, "the API server has KEDA's metrics", func() bool {
		return c.condition(apiServices, "", "v1beta1.external.metrics.k8s.io", "Available") == "True"
	})
}
