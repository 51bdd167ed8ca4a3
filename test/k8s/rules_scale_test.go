package k8s

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"
)

// ruleReplicas: replicas in the manifest and KEDA set the same field, and each apply would take the pods away that KEDA added.
func ruleReplicas(_ *testing.T, s *set, f *finding) {
	for _, o := range s.scaled {
		for i := range s.workloads {
			w := &s.workloads[i]
			if w.kind == o.Spec.ScaleTargetRef.Kind && w.name == o.Spec.ScaleTargetRef.Name && w.replicas != nil {
				f.add("%s has replicas, and KEDA scales it", w)
			}
		}
	}
}

// scalerKeys are what KEDA's own schema says about the keys of the trigger. A key may stand there twice, with other places to come from.
type scalerKeys struct {
	Type       string
	Parameters []struct {
		Name     string
		Optional bool
		Default  string
		Metadata bool `json:"metadataVariableReadable"`
		Auth     bool `json:"triggerAuthenticationVariableReadable"`
	}
}

func loadScaler(t *testing.T) (k scalerKeys) {
	t.Helper()
	text, err := os.ReadFile("schemas/scalers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &k); err != nil || len(k.Parameters) == 0 {
		t.Fatalf("schemas/scalers.json: %v, %d keys", err, len(k.Parameters))
	}
	return k
}

// ruleTriggers: KEDA ignores keys that it does not know, so a misspelt one is a default that nobody chose.
func ruleTriggers(t *testing.T, s *set, f *finding) {
	k := loadScaler(t)
	for _, o := range s.scaled {
		for _, g := range o.Spec.Triggers {
			if g.Type != k.Type {
				f.add("a trigger of type %q, whose keys this test does not know", g.Type)
			}
			checkKeys(k, g, s.auths[g.AuthenticationRef.Name], f)
		}
	}
}

func checkKeys(k scalerKeys, g trigger, auth *triggerAuthentication, f *finding) {
	inMetadata, inAuth, given := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range k.Parameters {
		inMetadata[p.Name] = inMetadata[p.Name] || p.Metadata
		inAuth[p.Name] = inAuth[p.Name] || p.Auth
	}
	for key := range g.Metadata {
		given[key] = true
		if !inMetadata[key] {
			f.add("KEDA knows no key %q of a trigger %s", key, g.Type)
		}
	}
	if auth != nil {
		for _, ref := range auth.Spec.SecretTargetRef {
			given[ref.Parameter] = true
			if !inAuth[ref.Parameter] {
				f.add("KEDA takes no %q from a TriggerAuthentication for %s", ref.Parameter, g.Type)
			}
		}
	}
	for _, p := range k.Parameters {
		required := !p.Optional && p.Default == "" || p.Name == "mode" || p.Name == "value" // without these two KEDA guesses
		if required && !given[p.Name] {
			f.add("the trigger has no %q", p.Name)
		}
	}
}

// ruleQueue: the trigger must count the queue that the pods read, and one idle pod must not look like backlog: what it has prefetched is unacked, and
// protocol http counts that.
func ruleQueue(_ *testing.T, s *set, f *finding) {
	for _, o := range s.scaled {
		for i := range s.workloads {
			w := &s.workloads[i]
			if w.kind != o.Spec.ScaleTargetRef.Kind || w.name != o.Spec.ScaleTargetRef.Name {
				continue
			}
			for _, c := range w.logpipes() {
				p := s.process(w, &c, f)
				if p == nil {
					continue
				}
				for _, g := range o.Spec.Triggers {
					checkTrigger(g, p, f)
				}
			}
		}
	}
}

func checkTrigger(g trigger, p *process, f *finding) {
	prefetch, ok := p.queues[g.Metadata["queueName"]]
	if !ok {
		f.add("the trigger counts queue %q, and the pods read %v", g.Metadata["queueName"], p.queues)
		return
	}
	value, err := strconv.Atoi(g.Metadata["value"])
	switch {
	case err != nil:
		f.add("the trigger's value %q is no number", g.Metadata["value"])
	case g.Metadata["protocol"] == "http" && g.Metadata["excludeUnacknowledged"] != "true" && value <= prefetch:
		f.add("the trigger's value %d is not above the prefetch %d of a pod: one that is idle adds another", value, prefetch)
	}
	if g.Metadata["protocol"] == "auto" || g.Metadata["protocol"] == "" {
		f.add("the trigger leaves the protocol to its address, and the two count differently: say http or amqp")
	}
}

// goodbye is what may come after drain_timeout: the last acks, the end of the process, and a node that is busy.
const goodbye = 15 * time.Second

// ruleGrace: after its grace the kubelet kills, and what the pod was still writing comes again.
func ruleGrace(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		for _, c := range w.logpipes() {
			p := s.process(w, &c, f)
			if p == nil || len(p.queues) == 0 { // a producer holds nothing that anybody has acked
				continue
			}
			grace := 30 * time.Second // what Kubernetes takes when nobody says
			if n := w.pod.Spec.TerminationGracePeriodSeconds; n != nil {
				grace = time.Duration(*n) * time.Second
			}
			if grace < p.drain+goodbye {
				f.add("%s: terminationGracePeriodSeconds is %s, and a drain may take %s and %s", w, grace, p.drain, goodbye)
			}
		}
	}
}

// ruleBudget: a budget that allows no pod to go, when there are as few as may be, stops every upgrade of nodes.
func ruleBudget(_ *testing.T, s *set, f *finding) {
	for _, o := range s.budgets {
		if o.Spec.MaxUnavailable == nil || o.Spec.MaxUnavailable.String() == "0" || o.Spec.MaxUnavailable.String() == "0%" {
			f.add("PodDisruptionBudget %s lets no pod go when there is one", o.Name)
		}
	}
	for _, o := range s.scaled {
		if o.Spec.MinReplicaCount == nil || *o.Spec.MinReplicaCount < 1 {
			f.add("the ScaledObject scales to zero")
		}
	}
}
