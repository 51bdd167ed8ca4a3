package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logpipe/logpipe/test/process"
)

// pod is one pod and its process. What stands below goes is guarded by the kubelet's mutex.
type pod struct {
	*kubelet
	*corev1.Pod
	number int
	began  time.Time
	goes   chan struct{} // closed when the pod is to end

	grace *int64    // the seconds it may take for that
	asked time.Time // the moment of its SIGTERM
	ended time.Time
	code  int
	ready bool
}

// live is a pod's whole life.
func (p *pod) live() {
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	proc, err := p.start(ctx)
	if err != nil {
		p.t.Errorf("start pod %s: %v", p.Name, err)
		return
	}
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		p.probe(ctx, proc)
	}()
	code := p.end(ctx, proc)
	cancel()
	<-probed
	p.mu.Lock()
	p.code, p.ended = code, time.Now()
	p.mu.Unlock()
	p.remove(p)
}

// start runs the container named logpipe.
func (p *pod) start(ctx context.Context) (*process.Process, error) {
	if len(p.Spec.Containers) != 1 {
		return nil, fmt.Errorf("%d containers, want 1", len(p.Spec.Containers))
	}
	c, err := p.container(ctx, &p.Spec.Containers[0])
	if err != nil {
		return nil, err
	}
	return process.Start(p.bin, c.env, nil, c.args...)
}

// end waits until the pod is to go, asks the process to, and kills it when the grace is over. A process that ends unasked would be
// started again by a kubelet; here it fails the test. So does one that needs the kill.
func (p *pod) end(ctx context.Context, proc *process.Process) (code int) {
	died := make(chan struct{})
	go func() {
		defer close(died)
		_, _ = proc.Wait(ctx) // kills it when the test ends
	}()
	select {
	case <-p.goes:
	case <-died:
		if ctx.Err() == nil {
			p.t.Errorf("pod %s ended by itself; its last lines:\n%s", p.Name, proc.Tail(20))
		}
		code, _ := proc.Wait(context.Background())
		return code
	}
	p.mu.Lock()
	p.asked, p.ready = time.Now(), false
	grace := time.Duration(*p.grace) * time.Second
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	code, err := proc.Stop(ctx)
	if err != nil || code != 0 {
		p.t.Errorf("pod %s ended with exit code %d within %v (%v); its last lines:\n%s", p.Name, code, grace, err, proc.Tail(20))
	}
	return code
}

// drained is how long the process took from SIGTERM to its end.
func (p *pod) drained() time.Duration { return p.ended.Sub(p.asked) }

// report tells the API server how the pod is.
func (p *pod) report(ctx context.Context, started, ready bool) {
	p.mu.Lock()
	p.ready = ready
	p.mu.Unlock()
	since := metav1.NewTime(p.began)
	address := fmt.Sprintf("10.0.%d.%d", p.number/250, p.number%250+1) // no one asks there, but no two pods may have the same
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &since, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
		Conditions: []corev1.PodCondition{
			is(corev1.PodInitialized, true), is(corev1.ContainersReady, ready), is(corev1.PodReady, ready),
		},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: p.Spec.Containers[0].Name, Image: p.Spec.Containers[0].Image, Started: &started, Ready: ready,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: since}},
		}},
	}
	patch := must(json.Marshal(map[string]any{"status": status}))
	_, err := p.api.kube.CoreV1().Pods(namespace).Patch(ctx, p.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && ctx.Err() == nil {
		p.t.Errorf("report pod %s: %v", p.Name, err)
	}
}

func is(kind corev1.PodConditionType, yes bool) corev1.PodCondition {
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Now()}
	if yes {
		c.Status = corev1.ConditionTrue
	}
	return c
}
