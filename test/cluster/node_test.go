package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// nodes are two: the fewest that a drain leaves a place on. Each has a zone of its own.
var nodes = []string{"node-1", "node-2"}

// leaseSeconds is as a kubelet has it; it renews after a quarter.
const leaseSeconds = 40

// addNodes makes nodes and keeps them ready until the test ends.
func (c *control) addNodes(t *testing.T) {
	t.Helper()
	for i, name := range nodes {
		c.addNode(t, name, fmt.Sprintf("zone-%d", i+1))
		c.addLease(t, name)
	}
	for _, name := range nodes {
		until(t, name+" takes pods", func() bool {
			n, err := c.kube.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
			return err == nil && len(n.Spec.Taints) == 0 // a new node has one until the controller manager has seen that it is ready
		})
	}
}

func (c *control) addNode(t *testing.T, name, zone string) {
	t.Helper()
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelHostname: name, corev1.LabelTopologyZone: zone, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
	}}}
	if _, err := c.kube.CoreV1().Nodes().Create(t.Context(), n, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("16Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	ready := corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now(),
	}
	// A patch: the controller manager has changed the new node by now, and an update would be refused.
	patch := must(json.Marshal(map[string]any{"status": map[string]any{
		"capacity": room, "allocatable": room, "conditions": []corev1.NodeCondition{ready},
	}}))
	if _, err := c.kube.CoreV1().Nodes().Patch(t.Context(), name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// addLease renews the node's lease: without it the controller manager would evict the node's pods after a while.
func (c *control) addLease(t *testing.T, name string) {
	t.Helper()
	leases := c.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	seconds := int32(leaseSeconds)
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: &seconds, RenewTime: now()},
	}
	lease, err := leases.Create(t.Context(), lease, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	every(t, leaseSeconds*time.Second/4, func(ctx context.Context) {
		lease.Spec.RenewTime = now()
		if renewed, err := leases.Update(ctx, lease, metav1.UpdateOptions{}); err == nil {
			lease = renewed
		} else if ctx.Err() == nil {
			t.Errorf("renew the lease of %s: %v", name, err)
		}
	})
}

func now() *metav1.MicroTime { t := metav1.NowMicro(); return &t }

// every calls f again and again until the test ends, and waits then for the last call.
func every(t *testing.T, period time.Duration, f func(ctx context.Context)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f(t.Context())
			case <-t.Context().Done():
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
}

// drain is kubectl drain: no new pods for the node, and each of its pods is asked to go as the pod disruption budget allows. It returns how
// often the budget said no.
func (c *control) drain(t *testing.T, node string) (refused int) {
	t.Helper()
	patch := []byte(`{"spec":{"unschedulable":true}}`)
	if _, err := c.kube.CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	pods := c.pods(t, node)
	for _, pod := range pods {
		until(t, "the budget lets "+pod.Name+" go", func() bool {
			err := c.kube.PolicyV1().Evictions(namespace).Evict(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: namespace}})
			if apierrors.IsTooManyRequests(err) {
				refused++
				return false
			}
			if err != nil {
				t.Fatalf("evict %s: %v", pod.Name, err)
			}
			return true
		})
	}
	until(t, node+" is empty", func() bool { return len(c.pods(t, node)) == 0 })
	return refused
}

// pods are those of logpipe on a node, or on all.
func (c *control) pods(t *testing.T, node string) []corev1.Pod {
	t.Helper()
	options := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=logpipe"}
	if node != "" {
		options.FieldSelector = "spec.nodeName=" + node
	}
	list, err := c.kube.CoreV1().Pods(namespace).List(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}
