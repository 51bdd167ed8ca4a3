package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// container is what a process gets.
type container struct{ env, args []string }

// container reads what the pod refers to. Paths of its volumes become folders of this test, and its port one that is free: all pods
// share one machine.
func (p *pod) container(ctx context.Context, c *corev1.Container) (container, error) {
	var out container
	values, order, err := p.environment(ctx, c)
	if err != nil {
		return out, err
	}
	paths, err := p.mount(ctx, c)
	if err != nil {
		return out, err
	}
	port := false
	for _, arg := range c.Args {
		if arg == "--admin=:9600" {
			arg, port = "--admin=127.0.0.1:0", true
		}
		out.args = append(out.args, paths.Replace(arg))
	}
	if !port {
		return out, fmt.Errorf("arguments %q set no port", c.Args)
	}
	for _, name := range order {
		out.env = append(out.env, name+"="+paths.Replace(values[name]))
	}
	return out, nil
}

// environment is the container's, as a kubelet makes it: $(NAME) sees what stands above it in env.
func (p *pod) environment(ctx context.Context, c *corev1.Container) (values map[string]string, order []string, err error) {
	values, above := map[string]string{}, map[string]string{}
	set := func(name, value string) {
		if _, known := values[name]; !known {
			order = append(order, name)
		}
		values[name] = value
	}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			return nil, nil, fmt.Errorf("envFrom %v is not known here", from)
		}
		m, err := p.api.kube.CoreV1().ConfigMaps(namespace).Get(ctx, from.ConfigMapRef.Name, metav1.GetOptions{})
		if err != nil {
			return nil, nil, err
		}
		for name, value := range m.Data {
			set(name, value)
		}
	}
	for _, e := range c.Env {
		value := e.Value
		for name, v := range above {
			value = strings.ReplaceAll(value, "$("+name+")", v)
		}
		if e.ValueFrom != nil {
			if value, err = p.valueFrom(ctx, c, e.ValueFrom); err != nil {
				return nil, nil, fmt.Errorf("variable %s: %w", e.Name, err)
			}
		}
		above[e.Name] = value
		set(e.Name, value)
	}
	return values, order, nil
}

func (p *pod) valueFrom(ctx context.Context, c *corev1.Container, from *corev1.EnvVarSource) (string, error) {
	switch {
	case from.SecretKeyRef != nil:
		s, err := p.api.kube.CoreV1().Secrets(namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		value, ok := s.Data[from.SecretKeyRef.Key]
		return string(value), there(ok, s.Name, from.SecretKeyRef.Key)
	case from.ConfigMapKeyRef != nil:
		m, err := p.api.kube.CoreV1().ConfigMaps(namespace).Get(ctx, from.ConfigMapKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		value, ok := m.Data[from.ConfigMapKeyRef.Key]
		return value, there(ok, m.Name, from.ConfigMapKeyRef.Key)
	case from.ResourceFieldRef != nil && from.ResourceFieldRef.Resource == "limits.cpu":
		limit, one := c.Resources.Limits.Cpu().MilliValue(), from.ResourceFieldRef.Divisor.MilliValue()
		return fmt.Sprint((limit + one - 1) / one), nil // rounded up, as kubelets do
	}
	return "", fmt.Errorf("source %v is not known here", from)
}

func there(ok bool, object, key string) error {
	if !ok {
		return fmt.Errorf("%s has no key %s", object, key)
	}
	return nil
}

// mount makes a folder for each volume and says what stands for each path.
func (p *pod) mount(ctx context.Context, c *corev1.Container) (*strings.Replacer, error) {
	var oldNew []string
	for _, m := range c.VolumeMounts {
		dir := filepath.Join(p.dir, string(p.UID), m.Name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := p.fill(ctx, m.Name, dir); err != nil {
			return nil, fmt.Errorf("volume %s: %w", m.Name, err)
		}
		oldNew = append(oldNew, m.MountPath+"/", dir+"/")
	}
	return strings.NewReplacer(oldNew...), nil
}

func (p *pod) fill(ctx context.Context, volume, dir string) error {
	for _, v := range p.Spec.Volumes {
		switch {
		case v.Name != volume:
		case v.EmptyDir != nil:
			return nil
		case v.ConfigMap != nil:
			m, err := p.api.kube.CoreV1().ConfigMaps(namespace).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			for name, text := range m.Data {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o400); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return fmt.Errorf("no such volume, or of a kind that is not known here")
}
