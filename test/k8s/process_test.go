package k8s

import (
	"path"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
	amqpin "github.com/logpipe/logpipe/plugins/inputs/amqp"
	fileout "github.com/logpipe/logpipe/plugins/outputs/file"
)

// process is what a pod's logpipe would run.
type process struct {
	queues    map[string]int // the queues that are read, and how many messages one pod may hold unacked of each
	drain     time.Duration
	fallbacks []string // the folders of fallback files
}

const imageName = "ghcr.io/logpipe/logpipe"

// logpipes are the containers that run logpipe.
func (w *workload) logpipes() (all []corev1.Container) {
	for _, c := range w.pod.Spec.Containers {
		if strings.HasPrefix(c.Image, imageName+":") {
			all = append(all, c)
		}
	}
	return all
}

// process reads the container's pipeline with the container's environment, as logpipe would.
func (s *set) process(w *workload, c *corev1.Container, f *finding) *process {
	file := c.Args[len(c.Args)-1]
	text, ok := s.mounted(w, c, file)
	if !ok {
		f.add("%s: %s is in no config map that is mounted", w, file)
		return nil
	}
	env := s.environment(c)
	cfg, diags := config.LoadSource(path.Base(file), []byte(text), config.Options{
		Plugins:   plugins.All,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	if cfg == nil {
		f.add("%s: logpipe refuses %s: %v", w, file, diags)
		return nil
	}
	p := &process{queues: map[string]int{}}
	for _, pipeline := range cfg.Pipelines {
		p.drain = max(p.drain, pipeline.DrainTimeout)
		for i := range pipeline.Blocks {
			p.look(pipeline, &pipeline.Blocks[i])
		}
	}
	return p
}

func (p *process) look(pipeline *config.Pipeline, b *config.Block) {
	switch c := b.Config.(type) {
	case *amqpin.Config:
		window := b.Window(pipeline.Capacity()).Messages
		if c.Prefetch > 0 {
			window = min(window, c.Prefetch*c.Connections)
		}
		p.queues[c.Queue] += window
	case *fileout.Config:
		if b.Role == engine.RoleFallback {
			p.fallbacks = append(p.fallbacks, path.Dir(c.Path.String()))
		}
	}
}

// mounted is a file of a config map.
func (s *set) mounted(w *workload, c *corev1.Container, file string) (string, bool) {
	for _, m := range c.VolumeMounts {
		for _, v := range w.pod.Spec.Volumes {
			if v.Name == m.Name && v.ConfigMap != nil && m.MountPath == path.Dir(file) {
				text, ok := s.configs[v.ConfigMap.Name][path.Base(file)]
				return text, ok
			}
		}
	}
	return "", false
}

// environment is the container's, with a text for each secret. As in the kubelet, $(NAME) sees what stands above it in env.
func (s *set) environment(c *corev1.Container) map[string]string {
	env, own := map[string]string{}, map[string]string{}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			for k, v := range s.configs[from.ConfigMapRef.Name] {
				env[k] = v
			}
		}
	}
	for _, e := range c.Env {
		value := e.Value
		for k, v := range own {
			value = strings.ReplaceAll(value, "$("+k+")", v)
		}
		if from := e.ValueFrom; from != nil {
			value = "secret"
			if ref := from.ConfigMapKeyRef; ref != nil {
				value = s.configs[ref.Name][ref.Key]
			}
		}
		env[e.Name], own[e.Name] = value, value
	}
	return env
}
