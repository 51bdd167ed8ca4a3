package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logpipe/logpipe/test/tally"
)

// end takes the pods away, and KEDA's hand off them before.
func (s *story) end() {
	ctx := s.t.Context()
	if err := s.dynamic.Resource(scaledObjects).Namespace(namespace).Delete(ctx, "logpipe", metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "nobody scales any more", func() bool {
		all, err := s.kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(all.Items) == 0
	})
	patch := []byte(`{"spec":{"replicas":0}}`)
	if _, err := s.kube.AppsV1().Deployments(namespace).Patch(ctx, "logpipe", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.scaledTo(0)
}

// account finds each message in the bucket, and says what there was in a sentence. Pods that drain repeat nothing, so none may be there twice.
func (s *story) account(last int) string {
	s.t.Helper()
	found, ctx := tally.New(), context.WithoutCancel(s.t.Context())
	if err := found.Bucket(ctx, s.store.Client(), bucket); err != nil {
		s.t.Fatal(err)
	}
	missing := tally.Missing(1, last, found)
	if len(missing) > 0 {
		s.t.Errorf("%d of %d messages are lost, the first is number %d", len(missing), last, missing[0])
	}
	if found.Twice() > 0 {
		s.t.Errorf("%d of %d messages are there twice", found.Twice(), last)
	}
	slowest, full, pods := s.drains()
	if full == 0 {
		s.t.Error("no pod had to go in the middle of a batch, so this run shows nothing")
	}
	account := fmt.Sprintf("%s messages in %d objects: %d lost, %d twice. %d pods ended by themselves, %d of them in the middle of batches, the slowest in %.1f s of its %d s.",
		thousands(float64(last)), found.Places, len(missing), found.Twice(), pods, full, slowest.drained().Seconds(), *slowest.grace)
	s.t.Log(account)
	return account
}

// drains looks at how pods ended: who took the longest, and how many had something to write. One that has nothing is gone at once.
func (s *story) drains() (slowest *pod, full, pods int) {
	ended := s.kubelet.ended()
	for _, p := range ended {
		if p.drained() >= far/2 {
			full++
		}
		if slowest == nil || p.drained() > slowest.drained() {
			slowest = p
		}
	}
	return slowest, full, len(ended)
}
