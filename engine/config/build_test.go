package config_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
)

func load(t testing.TB, src string) *config.Pipeline {
	t.Helper()
	c, found := config.LoadSource("a.hcl", []byte(src), options([]byte(src)))
	if c == nil {
		t.Fatal(text(found))
	}
	return c.Pipelines[0]
}

const full = `pipeline "logs" {
  drain_timeout = "1m"
  input "generator" {}
  input "generator" {
    max_in_flight       = 5000
    max_in_flight_bytes = "1MiB"
  }
  input "amqp" {
    queue    = "q"
    prefetch = 700
  }
  processor "json" {}
  processor "batch" {
    count         = 100
    bytes         = "1MiB"
    open_messages = 200
  }
  processor "retry" {}
  output "stdout" {
    workers = 3
  }
  dead_letter "stdout" {}
  fallback "file" {
    path    = "/var/x"
    recover = false
  }
}
`

func TestBuild(t *testing.T) {
	p := load(t, full)
	var logged bytes.Buffer
	built, err := p.Build(config.BuildEnv{Log: slog.New(slog.NewTextHandler(&logged, nil)), Observer: observer{}})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, in := range built.Inputs {
		steps = append(steps, in.Name)
	}
	for _, pr := range built.Processors {
		steps = append(steps, pr.Name)
	}
	steps = append(steps, built.Output.Name, built.Fallback.Name, built.DeadLetter.Name)
	want := []string{"input.generator", "input.generator.2", "input.amqp", "processor.json", "processor.batch", "processor.retry",
		"output.stdout", "fallback.file", "dead_letter.stdout"}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
	if built.Name != "logs" || built.Workers != 3 || built.Recover || built.DrainTimeout.String() != "1m0s" || built.Observer != (observer{}) || built.NewID == nil {
		t.Errorf("built %+v", built)
	}
	capacity := engine.Capacity{Messages: 200 + 100*(3+1) + 256, Bytes: 4<<20 + 4<<20 + 1<<20}
	windows := []engine.Capacity{capacity, {Messages: 5000, Bytes: 1 << 20}, {Messages: 700, Bytes: capacity.Bytes}}
	for i, in := range built.Inputs {
		env := in.Input.(*instance).Env
		if in.Window != windows[i] || env.Window != windows[i] {
			t.Errorf("%s has the window %v, and is told %v, not %v", in.Name, in.Window, env.Window, windows[i])
		}
		if env.Capacity != capacity || env.Pipeline != "logs" || env.Role != engine.RoleInput || env.Version != "1.2.3" || len(env.NewID()) != 26 {
			t.Errorf("%s is told %+v", in.Name, env)
		}
		env.Log.Info("hello")
	}
	fallback := built.Fallback.Output.(*instance).Env
	if fallback.Role != engine.RoleFallback || fallback.Window != (engine.Capacity{}) {
		t.Errorf("the fallback is told %+v", fallback)
	}
	if got := logged.String(); !strings.Contains(got, `msg=hello pipeline=logs plugin=input.generator.2`) {
		t.Errorf("logs %s", got)
	}
}

type observer struct{}

func (observer) Observe(engine.Event) {}

// A pipeline that failed is built again; an instance that was used before would still hold what it held.
func TestBuildMakesNewInstances(t *testing.T) {
	p := load(t, full)
	a, errA := p.Build(config.BuildEnv{})
	b, errB := p.Build(config.BuildEnv{})
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a == b || a.Output.Output == b.Output.Output || a.Inputs[0].Input == b.Inputs[0].Input || a.Processors[1].Processor == b.Processors[1].Processor {
		t.Error("an instance is used twice")
	}
}

// What a process may take is reckoned from this sum: an input that is left out of it makes the process larger than its container.
func TestInFlight(t *testing.T) {
	for src, want := range map[string]int64{
		`input "generator" { max_in_flight_bytes = "32MiB" }`:                                                                    32 << 20,
		"input \"generator\" { max_in_flight_bytes = \"32MiB\" }\ninput \"amqp\" {\n queue = \"q\"\n max_in_flight_bytes = 1\n}": 32<<20 + 1,
		`input "generator" {}`:                           64 << 20,
		"input \"generator\" {}\nprocessor \"batch\" {}": 9*16<<20 + 1<<20,
	} {
		if got := load(t, "pipeline \"a\" {\n"+src+"\noutput \"stdout\" {}\n}\n").InFlight(); got != want {
			t.Errorf("%s: %d, want %d", src, got, want)
		}
	}
}

// An input with fewer messages in flight than the pipeline can hold would starve it; its prefetch has 16 bits.
func TestCapacity(t *testing.T) {
	for src, want := range map[string]engine.Capacity{
		`output "stdout" {}`: {Messages: 256*5 + 256, Bytes: 64 << 20},
		"processor \"batch\" {\n count = 1000\n}\noutput \"stdout\" {}":                       {Messages: 4000 + 5000 + 256, Bytes: 9*16<<20 + 1<<20},
		"processor \"batch\" {\n count = 1000000\n}\noutput \"stdout\" {\n workers = 1000\n}": {Messages: 65535, Bytes: 4*16<<20 + 1001*16<<20 + 1<<20},
		"processor \"batch\" {\n count = 9223372036854775807\n bytes = \"4096TiB\"\n}\noutput \"stdout\" {\n workers = 1024\n}": {
			Messages: 65535, Bytes: 1<<50 + 1025<<40 + 1<<20},
	} {
		if got := load(t, "pipeline \"a\" {\ninput \"generator\" {}\n"+src+"\n}\n").Capacity(); got != want {
			t.Errorf("%s holds %+v, not %+v", src, got, want)
		}
	}
}

// With --no-env everything is checked that can be, and nothing is built from values that are not known.
func TestNoEnv(t *testing.T) {
	src := `pipeline "a" {
  drain_timeout = env("DRAIN")
  input "amqp" {
    queue    = env("QUEUE")
    prefetch = env("PREFETCH")
    url      = "amqp://${env("HOST")}"
  }
  processor "batch" {
    partition_by = split(",", env("FIELDS"))
  }
  output "s3" {
    bucket = env("S3_BUCKET")
    key    = "${env("PREFIX")}/${batch.partition.anything}/${batch.id}"
    workers = env("WORKERS")
  }
  fallback "file" {
    path = env("FILE")
  }
  dead_letter "file" {
    path = env("FILE")
  }
}
`
	o := options(nil)
	o.NoEnv = true
	c, found := config.LoadSource("a.hcl", []byte(src), o)
	if c == nil || len(found.All()) > 0 {
		t.Fatal(text(found))
	}
	if _, err := c.Pipelines[0].Build(config.BuildEnv{}); err == nil {
		t.Error("it can be built")
	}
	if !strings.Contains(c.Graph(), "output s3") {
		t.Error("it cannot be drawn")
	}
	o.NoEnv = false
	if _, found := config.LoadSource("a.hcl", []byte(src), o); found.Errors() != 10 {
		t.Errorf("with the environment there are %d errors", found.Errors())
	}
}

func TestGraph(t *testing.T) {
	src := full + strings.ReplaceAll(full, `"logs"`, `"more-logs"`)
	src = strings.ReplaceAll(src, "recover = false", "")
	src = strings.Replace(src, "/var/x", "/var/y", 1)
	c, found := config.LoadSource("a.hcl", []byte(src), options(nil))
	if c == nil {
		t.Fatal(text(found))
	}
	golden(t, "testdata/graph.mmd", []byte(c.Graph()))
}

// Whatever is printed of a configuration, a secret is not in it.
func TestSecretsStaySecret(t *testing.T) {
	src := "# env: PW=hunter2\npipeline \"a\" {\n input \"amqp\" {\n queue = \"q\"\n password = env(\"PW\")\n }\n output \"stdout\" {}\n}\n"
	p := load(t, src)
	var logged bytes.Buffer
	cfg := p.Blocks[0].Config.(*amqpInput)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", cfg, "password", cfg.Password)
	if strings.Contains(logged.String(), "hunter2") || cfg.Password.Reveal() != "hunter2" {
		t.Error(logged.String())
	}
}
