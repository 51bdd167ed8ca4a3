package cluster

import (
	"context"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/logpipe/logpipe/test/process"
)

// probe asks the process what the pod's own probes ask, until the pod is to go: first that of the start, then the other two. It reports what they say.
func (p *pod) probe(ctx context.Context, proc *process.Process) {
	line, err := proc.Await(ctx, "status page, metrics and health")
	if err != nil {
		return // it ended, which its own goroutine says
	}
	admin := strings.TrimSuffix(line.Text("url"), "/")
	c := &p.Spec.Containers[0]
	p.report(ctx, false, false)
	p.watch(ctx, admin, c.StartupProbe, func(well bool) bool {
		if !well && ctx.Err() == nil {
			p.t.Errorf("pod %s: its startup probe failed, a kubelet would start it again", p.Name)
		}
		return false
	})
	p.report(ctx, true, false)
	live := make(chan struct{})
	go func() {
		defer close(live)
		p.watch(ctx, admin, c.LivenessProbe, func(well bool) bool {
			if !well && ctx.Err() == nil {
				p.t.Errorf("pod %s: its liveness probe failed, a kubelet would start it again", p.Name)
			}
			return well
		})
	}()
	p.watch(ctx, admin, c.ReadinessProbe, func(well bool) bool {
		p.report(ctx, true, well)
		return true
	})
	<-live
}

// watch asks again and again and tells each change, the first answer included; a failure counts after so many in a row as the probe says.
// It ends with the pod, or when tell returns false.
func (p *pod) watch(ctx context.Context, admin string, probe *corev1.Probe, tell func(well bool) bool) {
	client := &http.Client{Timeout: time.Duration(probe.TimeoutSeconds) * time.Second}
	tick := time.NewTicker(time.Duration(probe.PeriodSeconds) * time.Second)
	defer tick.Stop()
	var said, well bool
	for failures := int32(0); ; {
		if asks(ctx, client, admin+probe.HTTPGet.Path) {
			failures = 0
		} else {
			failures++
		}
		if now := failures == 0; (now || failures >= probe.FailureThreshold) && (!said || now != well) {
			said, well = true, now
			if !tell(well) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-p.goes: // it closes its HTTP side while it drains or after; nobody is to be told any more
			return
		case <-ctx.Done():
			return
		}
	}
}

func asks(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode >= 200 && resp.StatusCode < 400
}
