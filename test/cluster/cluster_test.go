package cluster

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/servers"
)

var (
	messages = flag.Int("messages", 300_000, "how many messages the flood has")
	docs     = flag.String("docs", "", "the folder that gets the picture of the run")
)

func TestMain(m *testing.M) { servers.Main(m) }

const (
	bucket = "logs"
	value  = 20_000          // messages for each pod, by which KEDA counts
	rate   = 1500            // messages a second beside the flood, so that no pod is idle when it has to go
	far    = 2 * time.Second // how long an upload takes: on a small machine the store is what makes pods slow, and more of them faster
	slow   = 5 * far         // and while the flood is sent: a busy machine may send no faster than pods would store
)

// story is what the steps share.
type story struct {
	*control
	t       *testing.T
	broker  *servers.Broker
	store   *servers.S3
	kubelet *kubelet
	overlay *overlay
	curve   *curve
	far     atomic.Int64 // how long an upload takes now
}

func TestAutoscaling(t *testing.T) {
	s := &story{t: t, broker: servers.OwnBroker(t), store: servers.OwnS3(t)}
	s.control = startControl(t)
	s.startKEDA(t)
	s.addNodes(t)
	s.install()
	s.scaledTo(1)

	s.record()
	messages := s.flood()
	stop := messages.flow(rate)
	s.apply(s.overlay.build(t, 1)...)
	if ready, _ := s.kubelet.count(); ready < 2 {
		t.Errorf("%d pods after an apply in the middle: it must not take away what KEDA has added", ready)
	}
	s.scalesBack()

	s.apply(s.overlay.build(t, 3)...)
	s.scaledTo(3)
	s.mark("with 3 pods at least, pipeline.hcl is changed")
	s.overlay.age(t, `age          = "5s"`, `age          = "4s"`)
	s.roll()
	s.mark("all pods have it; a node is drained")
	s.drainNode()
	s.mark("the node is empty; the traffic ends")

	stop()
	until(t, "the broker has no message left", func() bool { return s.depth() == 0 })
	s.end()
	account := s.account(messages.last)
	if *docs != "" && !t.Failed() {
		s.draw(*docs, account)
	}
}

// install does what the README's section Install says.
func (s *story) install() {
	t := s.t
	if err := s.store.MakeBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	way := proxy.NewStore(t, s.store.Endpoint)
	s.far.Store(int64(far))
	way.Break(func(ctx proxy.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
		select {
		case <-time.After(time.Duration(s.far.Load())):
			pass.ServeHTTP(w, r)
			return nil
		case <-ctx.Done():
			return proxy.ErrHangUp
		}
	})
	bin, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	broker, admin := must(url.Parse(s.broker.URL())), ""
	for _, kv := range s.broker.Env() {
		if v, ok := strings.CutPrefix(kv, servers.EnvAdmin+"="); ok {
			admin = "http://" + must(url.Parse(v)).Host
		}
	}
	s.overlay = newOverlay(t, admin, "RABBITMQ_SCHEME=amqp", "RABBITMQ_ADDRESS="+broker.Host, "S3_BUCKET="+bucket, "AWS_REGION="+s.store.Region, "S3_ENDPOINT="+way.URL)
	s.applyFiles(filepath.Join(process.Root(), "k8s/base/namespace.yaml"))
	s.users()
	s.secret("logpipe-s3", "access-key", s.store.AccessKey, "secret-key", s.store.SecretKey)
	s.prometheusKinds(t)
	s.kubelet = startKubelet(t, s.api, bin)
	s.apply(s.overlay.build(t, 1)...)
	if warned := s.warned(); len(warned) > 0 {
		t.Errorf("the API server warns: %q", warned)
	}
}

func (s *story) secret(name string, keyValue ...string) {
	data := map[string]string{}
	for i := 0; i < len(keyValue); i += 2 {
		data[keyValue[i]] = keyValue[i+1]
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
	if _, err := s.kube.CoreV1().Secrets(namespace).Create(s.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) scaledTo(n int) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("%d pods are ready and no other is there", n), func() bool {
		ready, alive := s.kubelet.count()
		return ready == n && alive == n
	})
}

// flood fills the queue and waits for the most pods.
func (s *story) flood() *traffic {
	s.t.Helper()
	until(s.t, "the queue is there", func() bool { return s.depth() >= 0 })
	f := newTraffic(s.t, s.broker.URL())
	if *docs != "" {
		time.Sleep(10 * time.Second) // what there is without a flood belongs to the picture
	}
	s.mark(thousands(float64(*messages)) + " messages come at once")
	s.far.Store(int64(slow))
	if err := f.send(*messages); err != nil {
		s.t.Fatal(err)
	}
	s.mark("the broker has them all")
	until(s.t, "KEDA has made all pods that it may", func() bool { ready, _ := s.kubelet.count(); return ready == most })
	s.far.Store(int64(far))
	s.mark(fmt.Sprintf("%d pods are ready; %s messages/s go on", most, thousands(rate)))
	return f
}

// scalesBack waits until one pod is left. The others go in the middle of batches: messages flow on.
func (s *story) scalesBack() {
	s.t.Helper()
	until(s.t, "the flood is stored", func() bool { d := s.depth(); return d >= 0 && d < value })
	s.mark("the flood is stored")
	s.scaledTo(1)
	s.mark("KEDA is back at one pod")
}

// depth is how many messages the queue has, ready and unacked: what KEDA counts. -1: it is not known.
func (s *story) depth() int {
	q := struct {
		Messages *int `json:"messages"`
	}{}
	if err := s.broker.Admin(s.t.Context(), "GET", "/api/queues/%2F/log_queue", nil, &q); err != nil || q.Messages == nil {
		return -1
	}
	return *q.Messages
}

// roll applies a changed pipeline.hcl and waits until no pod has the old one.
func (s *story) roll() {
	s.t.Helper()
	old := map[types.UID]bool{}
	for _, pod := range s.pods(s.t, "") {
		old[pod.UID] = true
	}
	s.apply(s.overlay.build(s.t, 3)...)
	until(s.t, "every pod has the new pipeline", func() bool {
		for _, pod := range s.pods(s.t, "") {
			if old[pod.UID] {
				return false
			}
		}
		return true
	})
	s.scaledTo(3)
}

// drainNode empties the node that has most pods. With two pods on it the budget must say no at least once.
func (s *story) drainNode() {
	s.t.Helper()
	node := nodes[0]
	if len(s.pods(s.t, nodes[1])) > len(s.pods(s.t, node)) {
		node = nodes[1]
	}
	if refused := s.drain(s.t, node); refused == 0 {
		s.t.Errorf("%s was drained at once, against the pod disruption budget", node)
	}
	s.scaledTo(3)
}
