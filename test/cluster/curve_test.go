package cluster

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// curve is what there was at which time.
type curve struct {
	began time.Time

	mu     sync.Mutex
	points []point
	marks  []mark
}

type point struct {
	at       time.Duration
	messages int // in the queue, those that pods hold included: what KEDA counts
	wanted   int // pods, by KEDA's autoscaler
	ready    int
	alive    int // processes, those that drain included
}

// mark is a moment that has a name.
type mark struct {
	at   time.Duration
	text string
}

// record looks twice a second until the test ends.
func (s *story) record() {
	s.curve = &curve{began: time.Now()}
	every(s.t, time.Second/2, func(ctx context.Context) {
		depth := s.depth()
		d, err := s.kube.AppsV1().Deployments(namespace).Get(ctx, "logpipe", metav1.GetOptions{})
		if err != nil || depth < 0 {
			return
		}
		p := point{at: time.Since(s.curve.began), messages: depth, wanted: int(*d.Spec.Replicas)}
		p.ready, p.alive = s.kubelet.count()
		s.curve.mu.Lock()
		defer s.curve.mu.Unlock()
		s.curve.points = append(s.curve.points, p)
	})
}

// mark names the moment.
func (s *story) mark(text string) {
	s.curve.mu.Lock()
	defer s.curve.mu.Unlock()
	s.curve.marks = append(s.curve.marks, mark{time.Since(s.curve.began), text})
	p := point{}
	if n := len(s.curve.points); n > 0 {
		p = s.curve.points[n-1]
	}
	s.t.Logf("%5.1fs: %s. %d messages, %d pods wanted, %d ready, %d processes", time.Since(s.curve.began).Seconds(), text, p.messages, p.wanted, p.ready, p.alive)
}
