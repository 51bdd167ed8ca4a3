package k8s

import (
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// ruleConfined is more than the pod security standard "restricted": also no writable root, and no token.
func ruleConfined(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		if p := w.pod.Spec.AutomountServiceAccountToken; p == nil || *p {
			f.add("%s gets a service account token", w)
		}
		pod := w.pod.Spec.SecurityContext
		if pod == nil || pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot || pod.RunAsUser == nil || *pod.RunAsUser == 0 {
			f.add("%s may run as root", w)
		}
		if pod == nil || pod.SeccompProfile == nil || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			f.add("%s has no seccomp profile", w)
		}
		for _, c := range w.containers() {
			own := c.SecurityContext
			if own == nil {
				f.add("%s: container %s is not confined", w, c.Name)
				continue
			}
			if own.Capabilities == nil || len(own.Capabilities.Drop) != 1 || own.Capabilities.Drop[0] != "ALL" || len(own.Capabilities.Add) > 0 {
				f.add("%s: container %s keeps capabilities", w, c.Name)
			}
			if own.AllowPrivilegeEscalation == nil || *own.AllowPrivilegeEscalation {
				f.add("%s: container %s may gain privileges", w, c.Name)
			}
			writes := w.name == "rabbitmq" // the start script of its image
			if !writes && (own.ReadOnlyRootFilesystem == nil || !*own.ReadOnlyRootFilesystem) {
				f.add("%s: container %s can write to its root", w, c.Name)
			}
		}
	}
}

// ruleImages: what runs tomorrow must be what was tested today, and one version of logpipe.
func ruleImages(_ *testing.T, s *set, f *finding) {
	ours := ""
	for i := range s.workloads {
		for _, c := range s.workloads[i].containers() {
			name, tag, tagged := strings.Cut(path.Base(c.Image), ":")
			if !tagged || tag == "latest" || path.Dir(c.Image) == "." {
				f.add("%s: image %s has no registry or no version", &s.workloads[i], c.Image)
			}
			if name == path.Base(imageName) {
				if ours != "" && ours != c.Image {
					f.add("two versions of logpipe: %s and %s", ours, c.Image)
				}
				ours = c.Image
			}
		}
	}
	if ours == "" {
		f.add("nothing runs logpipe")
	}
}

// ruleResources: GOMEMLIMIT is nine tenths of the limit, and the CPU limit is whole, as GOMAXPROCS rounds up and the process is throttled then.
func ruleResources(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		for _, c := range w.containers() {
			r := c.Resources
			if r.Requests.Cpu().IsZero() || r.Requests.Memory().IsZero() || r.Limits.Memory().IsZero() || r.Limits.Cpu().IsZero() {
				f.add("%s: container %s has no requests or no limits", w, c.Name)
			}
			for _, e := range c.Env {
				if e.Name != "GOMEMLIMIT" {
					continue
				}
				soft, err := strconv.ParseInt(strings.TrimSuffix(e.Value, "MiB"), 10, 64)
				hard := r.Limits.Memory().Value() >> 20
				if err != nil || soft*100 < hard*85 || soft*100 > hard*91 {
					f.add("%s: GOMEMLIMIT %s is not nine tenths of the limit %s", w, e.Value, r.Limits.Memory())
				}
			}
			if r.Limits.Cpu().MilliValue()%1000 != 0 {
				f.add("%s: the CPU limit %s is not whole", w, r.Limits.Cpu())
			}
		}
	}
}

var (
	secretName = regexp.MustCompile(`(?i)pass|secret|token|access_key`)
	password   = regexp.MustCompile(`://[^/@]*:[^$/@][^/@]*@`)
)

// ruleSecrets: no secret stands in the repository.
func ruleSecrets(_ *testing.T, s *set, f *finding) {
	if len(s.kinds["Secret"]) > 0 {
		f.add("a Secret is written out")
	}
	for i := range s.workloads {
		for _, c := range s.workloads[i].containers() {
			for _, e := range c.Env {
				if e.Value != "" && (secretName.MatchString(e.Name) || password.MatchString(e.Value)) {
					f.add("%s: %s is written out", &s.workloads[i], e.Name)
				}
			}
		}
	}
	for name, data := range s.configs {
		for k, v := range data {
			if password.MatchString(v) || secretName.MatchString(k) {
				f.add("config map %s: %s holds a secret", name, k)
			}
		}
	}
}

// ruleProbes: the kubelet and Prometheus come from outside the pod, so the admin port must be open on all its addresses, and nothing else may reach it.
func ruleProbes(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		for _, c := range w.logpipes() {
			if c.Name != "logpipe" { // a producer has no probes: it is only looked at
				continue
			}
			listen, ok := strings.CutPrefix(c.Args[0], "--admin=")
			host, port, err := net.SplitHostPort(listen)
			if !ok || err != nil || host != "" || len(c.Ports) != 1 || port != "9600" || c.Ports[0].ContainerPort != 9600 {
				f.add("%s: %q does not open the admin port for probes", w, c.Args[0])
			}
			for want, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
				at := "/readyz"
				if want == "liveness" {
					at = "/livez"
				}
				if p == nil || p.HTTPGet == nil || p.HTTPGet.Path != at {
					f.add("%s: the %s probe does not ask %s", w, want, at)
				}
			}
		}
	}
}

// ruleFallback: what lies in a fallback was acked. It must be on a volume that outlives the pod.
func ruleFallback(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		for _, c := range w.logpipes() {
			p := s.process(w, &c, f)
			if p == nil {
				continue
			}
			for _, folder := range p.fallbacks {
				if !lasting(w, &c, folder) {
					f.add("%s: the fallback in %s ends with the pod, and what lies there was acked", w, folder)
				}
			}
		}
	}
}

// ruleSpool: a volume with a fallback in it may hold logs that were acked and are nowhere else, so only a person may take it or its pod away.
func ruleSpool(_ *testing.T, s *set, f *finding) {
	for i := range s.workloads {
		w := &s.workloads[i]
		if len(w.claims) == 0 {
			continue
		}
		if !w.retains {
			f.add("%s deletes its volumes, and what lies there was acked", w)
		}
		for _, o := range s.scaled {
			if o.Spec.ScaleTargetRef.Kind == w.kind && o.Spec.ScaleTargetRef.Name == w.name {
				f.add("%s has volumes, and KEDA takes its pods away", w)
			}
		}
	}
}

// lasting reports whether the deepest mount over the folder is a claim.
func lasting(w *workload, c *corev1.Container, folder string) bool {
	deepest, claim := -1, false
	for _, m := range c.VolumeMounts {
		if folder != m.MountPath && !strings.HasPrefix(folder, m.MountPath+"/") || len(m.MountPath) < deepest {
			continue
		}
		deepest, claim = len(m.MountPath), false
		for _, v := range w.claims {
			claim = claim || v.Name == m.Name
		}
	}
	return claim
}
