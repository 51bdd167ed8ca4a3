package cluster

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// kubelet stands in for those of all nodes: it runs a process for each pod that the scheduler has put somewhere, and reports it.
type kubelet struct {
	t   *testing.T
	api *api
	bin string // logpipe, whatever the pod's image says
	dir string

	mu   sync.Mutex
	pods map[types.UID]*pod
	all  sync.WaitGroup
}

// startKubelet watches until the test ends; then it kills what still runs.
func startKubelet(t *testing.T, a *api, bin string) *kubelet {
	t.Helper()
	k := &kubelet{t: t, api: a, bin: bin, dir: t.TempDir(), pods: map[types.UID]*pod{}}
	factory := informers.NewSharedInformerFactoryWithOptions(a.kube, time.Minute, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { k.see(o.(*corev1.Pod)) },
		UpdateFunc: func(_, o any) { k.see(o.(*corev1.Pod)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	t.Cleanup(func() {
		close(stop)
		factory.Shutdown()
		k.all.Wait()
	})
	return k
}

// see takes notice of a pod's state.
func (k *kubelet) see(seen *corev1.Pod) {
	if seen.Spec.NodeName == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pods[seen.UID]
	if p == nil {
		p = &pod{kubelet: k, Pod: seen.DeepCopy(), began: time.Now(), goes: make(chan struct{}), number: len(k.pods) + 1}
		k.pods[seen.UID] = p
		k.all.Go(p.live)
	}
	if seen.DeletionTimestamp != nil && p.grace == nil {
		p.grace = seen.DeletionGracePeriodSeconds
		close(p.goes)
	}
}

// ready is how many pods are ready, and alive how many processes there are, those that drain included.
func (k *kubelet) count() (ready, alive int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if p.ready && p.grace == nil {
			ready++
		}
		if !p.began.IsZero() && p.ended.IsZero() {
			alive++
		}
	}
	return ready, alive
}

// ended are the pods that are gone, in the order of their start.
func (k *kubelet) ended() (all []*pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if !p.ended.IsZero() {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *pod) int { return cmp.Compare(a.number, b.number) })
	return all
}

// remove takes the pod's object away, as a kubelet does when nothing of the pod is left.
func (k *kubelet) remove(p *pod) {
	none, ctx := int64(0), context.WithoutCancel(k.t.Context())
	err := k.api.kube.CoreV1().Pods(namespace).Delete(ctx, p.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &none, Preconditions: &metav1.Preconditions{UID: &p.UID},
	})
	if err != nil && k.t.Context().Err() == nil {
		k.t.Errorf("remove pod %s: %v", p.Name, err)
	}
}
