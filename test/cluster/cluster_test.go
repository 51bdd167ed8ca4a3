package cluster

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/tally"
)

var (
	messages = flag.Int("messages", 300_000, "how many messages the flood has")
	docs     = flag.String("docs", "", "the folder that gets the picture of the run")
)

func TestMain(m *testing.M) { servers.Main(m) }

const (
	bucket = "logs"
	rate   = 1500            // messages a second beside the flood, so that no pod is idle when it has to go
	far    = 2 * time.Second // how long an upload takes: on a small machine the store is what makes pods slow, and more of them faster
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
}

func TestAutoscaling(t *testing.T) {
	s := &story{t: t, broker: servers.OwnBroker(t), store: servers.OwnS3(t)}
	s.control = startControl(t)
	s.startKEDA(t)
	s.addNodes(t)
	s.install()
	s.scaledTo(1)

	s.watch()
	s.curve.mark("flood")
	messages := s.flood()
	stop := messages.flow(rate)
	s.apply(s.overlay.build(t, 1)...)
	if ready, _ := s.kubelet.count(); ready < 2 {
		t.Errorf("%d pods after an apply in the middle: it must not take away what KEDA has added", ready)
	}
	s.curve.mark("traffic goes on")
	s.scaledTo(1) // pods go in the middle of batches: messages flow on

	s.curve.mark("three at least")
	s.apply(s.overlay.build(t, 3)...)
	s.scaledTo(3)
	s.curve.mark("rollout")
	s.overlay.age(t, `age          = "5s"`, `age          = "4s"`)
	s.roll()
	s.curve.mark("drain of a node")
	s.drainNode()

	stop()
	until(t, "the broker has no message left", func() bool { return s.depth() == 0 })
	s.end()
	s.account(messages.last)
	if *docs != "" && !t.Failed() {
		if err := s.curve.draw(*docs); err != nil {
			t.Fatal(err)
		}
	}
}

// install does what the README's section Install says.
func (s *story) install() {
	t := s.t
	if err := s.store.MakeBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	way := proxy.NewStore(t, s.store.Endpoint)
	way.Break(func(ctx proxy.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
		select {
		case <-time.After(far):
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
	s.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + namespace + "}\n")
	password, _ := broker.User.Password()
	s.secret("logpipe-rabbitmq", "username", broker.User.Username(), "password", password)
	s.secret("logpipe-s3", "access-key", s.store.AccessKey, "secret-key", s.store.SecretKey)
	s.secret("logpipe-keda", "username", "keda", "password", "counts")
	s.counter("keda", "counts")
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

// counter makes the broker's user who may count and nothing else.
func (s *story) counter(name, password string) {
	for path, body := range map[string]any{
		"/api/users/" + name: map[string]string{"password": password, "tags": "monitoring"},
	} {
		if err := s.broker.Admin(s.t.Context(), "PUT", path, body, nil); err != nil {
			s.t.Fatal(err)
		}
	}
	none := map[string]string{"configure": "^$", "write": "^$", "read": "^$"}
	if err := s.broker.Admin(s.t.Context(), "PUT", "/api/permissions/%2F/"+name, none, nil); err != nil {
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
	if err := f.send(*messages); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "KEDA has made all pods that it may", func() bool { ready, _ := s.kubelet.count(); return ready == most })
	return f
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

// account finds each message in the bucket. Pods that drain repeat nothing, so none may be there twice.
func (s *story) account(last int) {
	found, ctx := tally.New(), context.WithoutCancel(s.t.Context())
	if err := found.Bucket(ctx, s.store.Client(), bucket); err != nil {
		s.t.Fatal(err)
	}
	if missing := tally.Missing(1, last, found); len(missing) > 0 {
		s.t.Errorf("%d of %d messages are lost, the first is number %d", len(missing), last, missing[0])
	}
	if found.Twice() > 0 {
		s.t.Errorf("%d of %d messages are there twice", found.Twice(), last)
	}
	longest := time.Duration(0)
	pods := s.kubelet.ended()
	for _, p := range pods {
		longest = max(longest, p.drained())
	}
	s.t.Logf("%d messages, %d objects, %d twice; %d pods, the longest drain took %v", last, found.Places, found.Twice(), len(pods), longest.Round(time.Millisecond))
}
