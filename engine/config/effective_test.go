package config_test

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
)

// What a pipeline came to is told exactly as it stands in the golden file.
func TestEffective(t *testing.T) {
	const file = "testdata/valid/everything.hcl"
	src := read(t, file)
	c, _ := config.LoadSource(file, src, options(src))
	var all, about strings.Builder
	for _, p := range c.Pipelines {
		all.WriteString(p.Effective())
		for i := range p.Blocks {
			about.WriteString("# " + p.Blocks[i].Name + ": " + p.Blocks[i].About() + "\n")
		}
	}
	golden(t, "testdata/effective.txt", []byte(all.String()+about.String()))
}

// The page is open to everybody who reaches its port. A secret that it shows is lost.
func TestEffectiveHidesSecrets(t *testing.T) {
	const hidden = "hunter2"
	src := []byte(`pipeline "logs" {
  input "amqp" {
    url      = "amqp://logs:hunter2@broker:5672/"
    password = env("PASSWORD")
    queue    = "https://logs:hunter2@host/q?a=1&access_token=hunter2&b=2;sig=hunter2#hunter2-no"
    arguments = {
      x-secret = "hunter2"
      x-url    = "amqp://u:hunter2@a,amqp://u:hunter2@b"
    }
    binding {
      exchange     = "e"
      routing_keys = ["http://a:hunter2@h"]
    }
  }
  output "file" {
    path = "s3://k:hunter2@x/${env("PASSWORD2")}"
  }
}`)
	o := options(src)
	o.LookupEnv = func(name string) (string, bool) {
		return map[string]string{"PASSWORD": hidden, "PASSWORD2": "${x}"}[name], true
	}
	c, found := config.LoadSource("test.hcl", src, o)
	if c == nil {
		t.Fatal(found.All())
	}
	text := strings.Join(strings.Fields(c.Pipelines[0].Effective()), " ")
	if strings.Contains(strings.ReplaceAll(text, "#hunter2-no", ""), hidden) {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, want := range []string{`url = "(secret)"`, "a=1&access_token=***&b=2;sig=***", `"x-secret" = "(secret)"`, `path = "s3://***@x/$${x}"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing:\n%s", want, text)
		}
	}
}
