package k8s

import (
	"strings"
	"testing"
)

// rules are what kubeconform, the Go types and mostly the API server do not know.
var rules = map[string]func(*testing.T, *set, *finding){
	"mounts":    ruleMounts,
	"selectors": ruleSelectors,
	"names":     ruleNames,
	"expansion": ruleExpansion,
	"rolls":     ruleRolls,
	"replicas":  ruleReplicas,
	"triggers":  ruleTriggers,
	"queue":     ruleQueue,
	"grace":     ruleGrace,
	"budget":    ruleBudget,
	"confined":  ruleConfined,
	"images":    ruleImages,
	"resources": ruleResources,
	"secrets":   ruleSecrets,
	"probes":    ruleProbes,
	"fallback":  ruleFallback,
	"spool":     ruleSpool,
}

func TestRules(t *testing.T) {
	for overlay := range overlays {
		s := newSet(t, build(t, overlay))
		for name, rule := range rules {
			var f finding
			rule(t, s, &f)
			for _, text := range f {
				t.Errorf("%s, rule %s: %s", overlay, name, text)
			}
		}
	}
}

// broken are overlays with one mistake each: the first place where old stands, from the object on, has new instead.
var broken = []struct {
	rule, overlay, object, old, new string
	finds                           string
}{
	{"mounts", "production", "kind: Deployment", "        name: tmp\n", "        name: temp\n", "mounts temp, which is no volume"},
	{"mounts", "production", "kind: Deployment", "        - mountPath: /tmp\n          name: tmp\n", "", "a volume tmp that nothing mounts"},
	{"selectors", "production", "kind: Deployment", "      app.kubernetes.io/name: logpipe\n", "      app.kubernetes.io/name: logpip\n", "selects labels that its pods do not have"},
	{"selectors", "production", "kind: Service\n", "  selector:\n    app.kubernetes.io/component: consumer", "  selector:\n    app.kubernetes.io/component: consume", "Service logpipe selects no pods"},
	{"selectors", "production", "kind: PodDisruptionBudget", "app.kubernetes.io/component: consumer", "app.kubernetes.io/component: consume", "PodDisruptionBudget logpipe selects no pods"},
	{"selectors", "production", "kind: NetworkPolicy", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/component: consumer", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/component: consume", "NetworkPolicy logpipe selects no pods"},
	{"selectors", "production", "kind: ServiceMonitor", "port: admin", "port: metrics", "no service with its port"},
	{"names", "production", "kind: Deployment", "key: password", "key: passwort", "key passwort, which k8s/README.md does not name"},
	{"names", "production", "kind: Deployment", "key: RABBITMQ_ADDRESS", "key: RABBITMQ_ADRESS", "key RABBITMQ_ADRESS, which is not there"},
	{"names", "production", "kind: Deployment", "        - configMapRef:\n            name: logpipe-env-", "        - configMapRef:\n            name: logpipe-emv-", "takes its environment from config map logpipe-emv-"},
	{"names", "production", "kind: Deployment", "serviceAccountName: logpipe", "serviceAccountName: logpip", "service account logpip, which is not there"},
	{"names", "production", "kind: Deployment", "            port: admin", "            port: amdin", `probes port "amdin"`},
	{"names", "production", "kind: ScaledObject", "    name: logpipe\n  triggers", "    name: logpip\n  triggers", "scales Deployment logpip, which is not there"},
	{"names", "production", "kind: ScaledObject", "name: logpipe-rabbitmq", "name: logpipe-rabbit", "TriggerAuthentication logpipe-rabbit, which is not there"},
	{"names", "production", "kind: TriggerAuthentication", "name: logpipe-keda", "name: logpipe-kedda", "secret logpipe-kedda"},
	{"names", "dev", "kind: TriggerAuthentication", "namespace: logpipe", "namespace: default", `namespace "default"`},
	{"expansion", "production", "kind: Deployment", "name: RABBITMQ_USERNAME", "name: RABBITMQ_USER", "$(RABBITMQ_USERNAME), which does not stand above it"},
	{"rolls", "production", "kind: ConfigMap", "name: logpipe-env-", "name: logpipe-environment #", "has no hash"},
	{"replicas", "production", "kind: Deployment", "  revisionHistoryLimit: 5", "  revisionHistoryLimit: 5\n  replicas: 1", "has replicas, and KEDA scales it"},
	{"triggers", "production", "kind: ScaledObject", "queueName: log_queue", "queuName: log_queue", `no key "queuName"`},
	{"triggers", "production", "kind: ScaledObject", "queueName: log_queue", "queuName: log_queue", `has no "queueName"`},
	{"triggers", "production", "kind: ScaledObject", "timeout:", "timeOut:", `no key "timeOut"`},
	{"triggers", "production", "kind: ScaledObject", "type: rabbitmq", "type: rabbit", `type "rabbit"`},
	{"triggers", "production", "kind: TriggerAuthentication", "parameter: password", "parameter: passwd", `takes no "passwd"`},
	{"queue", "production", "kind: ScaledObject", "queueName: log_queue", "queueName: logs", `counts queue "logs"`},
	{"queue", "production", "kind: ConfigMap", "RABBITMQ_QUEUE: log_queue", "RABBITMQ_QUEUE: logs", `counts queue "log_queue"`},
	{"queue", "production", "kind: ScaledObject", `value: "20000"`, `value: "16256"`, "not above the prefetch 16256"},
	{"queue", "production", "kind: ConfigMap", `BATCH_SIZE: "1000"`, `BATCH_SIZE: "2000"`, "not above the prefetch 32256"},
	{"queue", "production", "kind: ScaledObject", "protocol: http", "protocol: auto", "leaves the protocol to its address"},
	{"grace", "production", "kind: Deployment", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds is 30s"},
	{"grace", "production", "kind: ConfigMap", `pipeline "logs" {`, "pipeline \"logs\" {\n      drain_timeout = \"60s\"", "a drain may take 1m0s"},
	{"budget", "production", "kind: PodDisruptionBudget", "maxUnavailable: 1", "minAvailable: 1", "lets no pod go"},
	{"budget", "production", "kind: ScaledObject", "minReplicaCount: 1", "minReplicaCount: 0", "scales to zero"},
	{"confined", "production", "kind: Deployment", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "can write to its root"},
	{"confined", "production", "kind: Deployment", "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"},
	{"confined", "production", "kind: Deployment", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "service account token"},
	{"confined", "production", "kind: Deployment", "type: RuntimeDefault", "type: Unconfined", "no seccomp profile"},
	{"confined", "production", "kind: Deployment", "- ALL", "- NET_RAW", "keeps capabilities"},
	{"confined", "production", "kind: Deployment", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "may gain privileges"},
	{"images", "dev", "kind: Job", "/logpipe:0.1.0", "/logpipe:0.0.9", "two versions of logpipe"},
	{"images", "dev", "name: rabbitmq\n", "rabbitmq:4.3.6-management", "rabbitmq:latest", "no version"},
	{"resources", "production", "kind: Deployment", "memory: 512Mi", "memory: 1Gi", "GOMEMLIMIT 460MiB is not nine tenths"},
	{"resources", "production", "kind: Deployment", `cpu: "2"`, "cpu: 1500m", "is not whole"},
	{"resources", "production", "kind: Deployment", "            cpu: 500m\n", "", "no requests"},
	{"secrets", "production", "kind: Deployment", "$(RABBITMQ_PASSWORD)@", "guest@", "RABBITMQ_URL is written out"},
	{"secrets", "production", "kind: ConfigMap", "RABBITMQ_DLQ: log_dlq", "RABBITMQ_DLQ: log_dlq\n  AWS_SECRET_ACCESS_KEY: abc", "holds a secret"},
	{"probes", "production", "kind: Deployment", "--admin=:9600", "--admin=127.0.0.1:9600", "does not open the admin port"},
	{"probes", "production", "kind: Deployment", "path: /livez", "path: /readyz", "the liveness probe does not ask /livez"},
	{"spool", "production-spool", "kind: StatefulSet", "whenScaled: Retain", "whenScaled: Delete", "deletes its volumes"},
	{"spool", "production-spool", "kind: ServiceMonitor", "kind: ServiceMonitor\nmetadata:\n  labels:\n    app.kubernetes.io/name: logpipe\n  name: logpipe\n  namespace: logpipe\nspec:\n", "kind: ScaledObject\nspec:\n  scaleTargetRef: {kind: StatefulSet, name: logpipe}\n", "KEDA takes its pods away"},
	{"fallback", "production-spool", "kind: StatefulSet", "mountPath: /var/lib/logpipe", "mountPath: /var/lib/spool", "ends with the pod"},
	{"fallback", "production", "kind: ConfigMap", `      dead_letter "amqp" {`, "      fallback \"file\" {\n        path = \"/tmp/failed.ndjson\"\n      }\n\n      dead_letter \"amqp\" {", "ends with the pod"},
	{"fallback", "production", "kind: ConfigMap", `output "s3" {`, `output "s4" {`, "logpipe refuses"},
}

func TestEachRuleFindsItsMistake(t *testing.T) {
	built, tried := map[string][]string{}, map[string]bool{}
	for _, b := range broken {
		if built[b.overlay] == nil {
			built[b.overlay] = build(t, b.overlay)
		}
		tried[b.rule] = true
		docs, ok := breakIn(built[b.overlay], b.object, b.old, b.new)
		if !ok {
			t.Errorf("rule %s: there is no %q in %q of %s to break", b.rule, b.old, b.object, b.overlay)
			continue
		}
		var f finding
		rules[b.rule](t, newSet(t, docs), &f)
		if !strings.Contains(strings.Join(f, "\n"), b.finds) {
			t.Errorf("rule %s does not find that %q is %q: %q", b.rule, b.old, b.new, []string(f))
		}
	}
	for name := range rules {
		if !tried[name] {
			t.Errorf("rule %s has no broken overlay", name)
		}
	}
}

// breakIn makes the mistake in the first object that has both texts.
func breakIn(docs []string, object, old, new string) (made []string, ok bool) {
	for _, doc := range docs {
		if !ok && strings.Contains(doc, object) && strings.Contains(doc, old) {
			doc, ok = strings.Replace(doc, old, new, 1), true
		}
		made = append(made, doc)
	}
	return made, ok
}

// What the tools find, they find here too: a schema that was made too loose, or a type that is not strict, would find nothing and pass.
func TestToolsFindMistakes(t *testing.T) {
	docs := build(t, "production")
	for _, b := range []struct{ object, old, new string }{
		{"kind: Deployment", "readOnlyRootFilesystem:", "readOnlyRootFileSystem:"},
		{"kind: ScaledObject", "pollingInterval:", "polingInterval:"},
		{"kind: ScaledObject", `value: "20000"`, "value: 20000"},
		{"kind: ServiceMonitor", "scrapeTimeout:", "scrapeTimeOut:"},
		{"kind: PrometheusRule", "expr:", "expression:"},
		{"kind: TriggerAuthentication", "secretTargetRef:", "secretTargetRefs:"},
	} {
		changed, ok := breakIn(docs, b.object, b.old, b.new)
		if _, wrong := validate(t, changed); !ok || len(wrong) != 1 {
			t.Errorf("schemas: %q as %q in %s: %q", b.old, b.new, b.object, wrong)
		}
	}
	for _, b := range []struct{ object, old, new string }{
		{"kind: Deployment", "cpu: 500m", "cpu: 500mm"},
		{"kind: Deployment", "readOnlyRootFilesystem:", "readOnlyRoot:"},
		{"kind: Deployment", "revisionHistoryLimit: 5", "revisionHistoryLimit: 5\n  revisionHistoryLimit: 6"},
		{"kind: NetworkPolicy", "port: 443", "port: 443\n      lastPort: 444"},
	} {
		changed, ok := breakIn(docs, b.object, b.old, b.new)
		found := 0
		for _, doc := range changed {
			if _, _, err := decode(doc); err != nil {
				found++
			}
		}
		if !ok || found != 1 {
			t.Errorf("strict types: %q as %q in %s: %d mistakes", b.old, b.new, b.object, found)
		}
	}
	if noKeyTwice([]byte("a: 1\n---\nb: 1\nc: {d: 1, d: 2}\n")) == nil {
		t.Error("a key that stands twice is not found")
	}
}
