package k8s

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ruleMounts: a volumeMount without its volume is refused only by the API server; a volume that nobody mounts is a mistake of ours.
func ruleMounts(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		used := map[string]bool{}
		for _, v := range w.pod.Spec.Volumes {
			used[v.Name] = false
		}
		for _, v := range w.claims {
			used[v.Name] = false
		}
		for _, c := range w.containers() {
			for _, m := range c.VolumeMounts {
				if _, ok := used[m.Name]; !ok {
					f.add("%s mounts %s, which is no volume", w, m.Name)
				}
				used[m.Name] = true
			}
		}
		for name, is := range used {
			if !is {
				f.add("%s has a volume %s that nothing mounts", w, name)
			}
		}
	}
}

// ruleSelectors: a selector that finds nothing is valid, and then nothing is protected, reachable or measured.
func ruleSelectors(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		if w.selector != nil && !within(w.selector.MatchLabels, w.pod.Labels) {
			f.add("%s selects labels that its pods do not have", w)
		}
		for _, c := range w.pod.Spec.TopologySpreadConstraints {
			if !within(c.LabelSelector.MatchLabels, w.pod.Labels) {
				f.add("%s is spread by labels that its pods do not have", w)
			}
		}
	}
	for _, o := range s.services {
		if !s.matches(o.Spec.Selector) {
			f.add("Service %s selects no pods", o.Name)
		}
	}
	for _, o := range s.budgets {
		if !s.matches(o.Spec.Selector.MatchLabels) {
			f.add("PodDisruptionBudget %s selects no pods", o.Name)
		}
	}
	for _, o := range s.policies {
		if !s.matches(o.Spec.PodSelector.MatchLabels) {
			f.add("NetworkPolicy %s selects no pods", o.Name)
		}
	}
	for _, o := range s.monitors {
		if !slices.ContainsFunc(s.services, func(v *corev1.Service) bool {
			return within(o.Spec.Selector.MatchLabels, v.Labels) && slices.ContainsFunc(v.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == o.Spec.Endpoints[0].Port })
		}) {
			f.add("the ServiceMonitor finds no service with its port")
		}
	}
}

var secretRow = regexp.MustCompile("(?m)^\\| `(logpipe-[a-z0-9-]+)` \\| ([^|]*) \\|")

// secrets are those that README.md tells the user to make, with their keys.
func secrets(t *testing.T) map[string][]string {
	all := map[string][]string{}
	for _, row := range secretRow.FindAllStringSubmatch(string(read(t, "k8s/README.md")), -1) {
		for key := range strings.SplitSeq(row[2], ",") {
			all[row[1]] = append(all[row[1]], strings.Trim(key, " `"))
		}
	}
	if len(all) == 0 {
		t.Fatal("k8s/README.md names no secrets")
	}
	return all
}

// ruleNames: names of other objects are looked up when a pod starts, and no earlier.
func ruleNames(t *testing.T, s *set, f *finding) {
	known := secrets(t)
	secret := func(who any, name, key string) {
		if !slices.Contains(known[name], key) {
			f.add("%s uses secret %s, key %s, which k8s/README.md does not name", who, name, key)
		}
	}
	for i := range s.workloads {
		w := &s.workloads[i]
		if a := w.pod.Spec.ServiceAccountName; a != "" && !s.has("ServiceAccount", a) {
			f.add("%s runs as service account %s, which is not there", w, a)
		}
		for _, v := range w.pod.Spec.Volumes {
			if v.ConfigMap != nil && s.configs[v.ConfigMap.Name] == nil {
				f.add("%s mounts config map %s, which is not there", w, v.ConfigMap.Name)
			}
		}
		for _, c := range w.containers() {
			for _, from := range c.EnvFrom {
				if from.ConfigMapRef != nil && s.configs[from.ConfigMapRef.Name] == nil {
					f.add("%s takes its environment from config map %s, which is not there", w, from.ConfigMapRef.Name)
				}
			}
			for _, e := range c.Env {
				if e.ValueFrom == nil {
					continue
				}
				if ref := e.ValueFrom.SecretKeyRef; ref != nil {
					secret(w, ref.Name, ref.Key)
				}
				if ref := e.ValueFrom.ConfigMapKeyRef; ref != nil {
					if _, ok := s.configs[ref.Name][ref.Key]; !ok {
						f.add("%s uses config map %s, key %s, which is not there", w, ref.Name, ref.Key)
					}
				}
			}
			portNames(w, &c, f)
		}
	}
	for _, a := range s.auths {
		for _, ref := range a.Spec.SecretTargetRef {
			secret("TriggerAuthentication "+a.Metadata.Name, ref.Name, ref.Key)
		}
	}
	for _, o := range s.scaled {
		if !s.has(o.Spec.ScaleTargetRef.Kind, o.Spec.ScaleTargetRef.Name) {
			f.add("the ScaledObject scales %s %s, which is not there", o.Spec.ScaleTargetRef.Kind, o.Spec.ScaleTargetRef.Name)
		}
		for _, g := range o.Spec.Triggers {
			if s.auths[g.AuthenticationRef.Name] == nil {
				f.add("the trigger logs in by TriggerAuthentication %s, which is not there", g.AuthenticationRef.Name)
			}
		}
	}
	for kind, all := range s.kinds {
		for _, m := range all {
			if want := "logpipe"; kind != "Namespace" && m.Namespace != want {
				f.add("%s %s is in namespace %q, not in %s", kind, m.Name, m.Namespace, want)
			}
		}
	}
}

// portNames: a probe of a port that has no name here never answers.
func portNames(w *workload, c *corev1.Container, f *finding) {
	for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		var port intstr.IntOrString
		switch {
		case p == nil:
			continue
		case p.HTTPGet != nil:
			port = p.HTTPGet.Port
		case p.TCPSocket != nil:
			port = p.TCPSocket.Port
		default:
			continue
		}
		if !slices.ContainsFunc(c.Ports, func(o corev1.ContainerPort) bool { return o.Name == port.StrVal && port.StrVal != "" }) {
			f.add("%s probes port %q, which has no such name", w, port.String())
		}
	}
}

var reference = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)

// ruleExpansion: $(NAME) that is not in env above stays as it is written, and is then a part of the value.
func ruleExpansion(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		for _, c := range s.workloads[i].containers() {
			above := map[string]bool{}
			for _, e := range c.Env {
				for _, ref := range reference.FindAllStringSubmatch(e.Value, -1) {
					if !above[ref[1]] {
						f.add("%s: %s uses %s, which does not stand above it in env", &s.workloads[i], e.Name, ref[0])
					}
				}
				above[e.Name] = true
			}
		}
	}
}

var hashed = regexp.MustCompile(`-[a-z0-9]{10}$`)

// ruleRolls: without the hash in its name a changed config map changes no pod.
func ruleRolls(_ *testing.T, s *set, f *finding) {
	for name := range s.configs {
		if !hashed.MatchString(name) {
			f.add("config map %s has no hash in its name, so a change of it rolls no pods", name)
		}
	}
}
