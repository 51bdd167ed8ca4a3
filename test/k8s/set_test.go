package k8s

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// set is an overlay, in types.
type set struct {
	kinds     map[string][]metav1.ObjectMeta // all objects
	workloads []workload
	configs   map[string]map[string]string // data of config maps
	services  []*corev1.Service
	budgets   []*policyv1.PodDisruptionBudget
	policies  []*networkingv1.NetworkPolicy
	scaled    []*scaledObject
	auths     map[string]*triggerAuthentication
	monitors  []*serviceMonitor
}

// workload is what makes pods.
type workload struct {
	kind, name string
	replicas   *int32
	selector   *metav1.LabelSelector // nil: the cluster makes one
	pod        corev1.PodTemplateSpec
	claims     []corev1.PersistentVolumeClaim
	retains    bool // the claims stay when the pods go for good
}

// containers are all of a pod's, in the order in which they start.
func (w *workload) containers() []corev1.Container {
	return slices.Concat(w.pod.Spec.InitContainers, w.pod.Spec.Containers)
}

func (w *workload) String() string { return w.kind + " " + w.name }

// Of KEDA's and Prometheus's kinds only what the rules look at; the schemas have looked at all of it.
type scaledObject struct {
	Metadata metav1.ObjectMeta
	Spec     struct {
		ScaleTargetRef  struct{ Kind, Name string }
		MinReplicaCount *int32
		Triggers        []trigger
	}
}

type trigger struct {
	Type              string
	Metadata          map[string]string
	AuthenticationRef struct{ Name string }
}

type triggerAuthentication struct {
	Metadata metav1.ObjectMeta
	Spec     struct {
		SecretTargetRef []struct{ Parameter, Name, Key string }
	}
}

type serviceMonitor struct {
	Spec struct {
		Selector  metav1.LabelSelector
		Endpoints []struct{ Port string }
	}
}

func newSet(t *testing.T, docs []string) *set {
	t.Helper()
	s := &set{kinds: map[string][]metav1.ObjectMeta{}, configs: map[string]map[string]string{}, auths: map[string]*triggerAuthentication{}}
	for _, doc := range docs {
		if err := s.add(doc); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
	}
	return s
}

func (s *set) add(doc string) error {
	kind, object, err := decode(doc)
	if err != nil {
		return err
	}
	var head struct{ Metadata metav1.ObjectMeta }
	if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
		return err
	}
	s.kinds[kind] = append(s.kinds[kind], head.Metadata)
	switch o := object.(type) {
	case *appsv1.Deployment:
		s.workloads = append(s.workloads, workload{kind, o.Name, o.Spec.Replicas, o.Spec.Selector, o.Spec.Template, nil, false})
	case *appsv1.StatefulSet:
		p := o.Spec.PersistentVolumeClaimRetentionPolicy
		retains := p == nil || p.WhenDeleted != appsv1.DeletePersistentVolumeClaimRetentionPolicyType && p.WhenScaled != appsv1.DeletePersistentVolumeClaimRetentionPolicyType
		s.workloads = append(s.workloads, workload{kind, o.Name, o.Spec.Replicas, o.Spec.Selector, o.Spec.Template, o.Spec.VolumeClaimTemplates, retains})
	case *batchv1.Job:
		s.workloads = append(s.workloads, workload{kind, o.Name, nil, nil, o.Spec.Template, nil, false})
	case *corev1.ConfigMap:
		s.configs[o.Name] = maps.Clone(o.Data)
	case *corev1.Service:
		s.services = append(s.services, o)
	case *policyv1.PodDisruptionBudget:
		s.budgets = append(s.budgets, o)
	case *networkingv1.NetworkPolicy:
		s.policies = append(s.policies, o)
	default:
		return s.addCustom(kind, doc)
	}
	return nil
}

func (s *set) addCustom(kind, doc string) error {
	var into any
	switch kind {
	case "ScaledObject":
		o := new(scaledObject)
		s.scaled, into = append(s.scaled, o), o
	case "ServiceMonitor":
		o := new(serviceMonitor)
		s.monitors, into = append(s.monitors, o), o
	case "TriggerAuthentication":
		o := new(triggerAuthentication)
		if err := yaml.Unmarshal([]byte(doc), o); err != nil {
			return err
		}
		s.auths[o.Metadata.Name] = o
		return nil
	default:
		return nil
	}
	return yaml.Unmarshal([]byte(doc), into)
}

// has reports whether there is such an object.
func (s *set) has(kind, name string) bool {
	for _, m := range s.kinds[kind] {
		if m.Name == name {
			return true
		}
	}
	return false
}

// matches reports whether the selector finds pods of some workload. An empty one finds all, which is never meant here.
func (s *set) matches(labels map[string]string) bool {
	for i := range s.workloads {
		if len(labels) > 0 && within(labels, s.workloads[i].pod.Labels) {
			return true
		}
	}
	return false
}

// within reports whether all of a is in b.
func within(a, b map[string]string) bool {
	for k, v := range a {
		if have, ok := b[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// finding is what a rule found.
type finding []string

func (f *finding) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }
