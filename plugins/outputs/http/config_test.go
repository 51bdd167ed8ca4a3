package http

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

// template is a URL that holds what a partition and the batch are, as a configuration would make it.
func template(render func(source string, b *engine.Batch) string) engine.Template {
	return engine.NewTemplate("${…}", []string{"batch.partition.source", "batch.id"}, func(b *engine.Batch) (string, error) {
		for _, value := range engine.PartitionFields(b.Partition) {
			return render(strings.ReplaceAll(value, "%", "%25"), b), nil
		}
		return render("_", b), nil
	})
}

// No message may choose what the URL means, whatever its fields hold.
func TestTarget(t *testing.T) {
	c := Defaults()
	c.URL = template(func(source string, b *engine.Batch) string { return "https://h/in/" + source + "?id=" + b.ID + "&a=1" })
	o := open(t, c, engine.RoleOutput)
	for value, want := range map[string]string{
		"app1": "https://h/in/app1?id=7&a=1", "ä b": "https://h/in/%C3%A4%20b?id=7&a=1", "a?x=1": "https://h/in/a%253Fx%253D1?id=7&a=1",
		"#": "https://h/in/%2523?id=7&a=1", "a&b c": "https://h/in/a%2526b%2520c?id=7&a=1", "100%": "https://h/in/100%25?id=7&a=1",
	} {
		b := &engine.Batch{ID: "7", Partition: engine.JoinPartition([]string{"source"}, []string{value})}
		if got, err := o.target(b); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", value, got, err, want)
		}
	}
	c.URL = template(func(source string, _ *engine.Batch) string { return "https://" + source + ".example.com/" })
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "the host must not depend on the batch") {
		t.Errorf("a host that a message chooses: %v", err)
	}
}

func TestMistakes(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"url: that is no URL":                func(c *Config) { c.URL = engine.Literal("logs.example.com") },
		"url: credentials":                   func(c *Config) { c.URL = engine.Literal("http://a:b@c/") },
		"url: what stands behind":            func(c *Config) { c.URL = engine.Literal("http://c/#a") },
		"format: there is no":                func(c *Config) { c.Format = "xml" },
		"compression: ":                      func(c *Config) { c.Compression = "br" },
		"compression_level: ":                func(c *Config) { c.CompressionLevel = 5 },
		"content_type: ":                     func(c *Config) { c.ContentType = "a\nb" },
		"headers: \"a b\" is no name":        func(c *Config) { c.Headers = map[string]string{"a b": "c"} },
		"headers: authorization would":       func(c *Config) { c.Headers = map[string]string{"authorization": "c"} },
		"headers: Content-type follows":      func(c *Config) { c.Headers = map[string]string{"Content-type": "c"} },
		"headers: \"ä\" has":                 func(c *Config) { c.Headers = map[string]string{"a": "ä"} },
		"token_header: ":                     func(c *Config) { c.TokenHeader = "" },
		"token: it has characters":           func(c *Config) { c.Token = engine.NewSecret("a\n") },
		"username: username and":             func(c *Config) { c.Username = "a" },
		"username: a request has one header": func(c *Config) { c.Username, c.Password, c.Token = "a", engine.NewSecret("b"), engine.NewSecret("c") },
		"success: without":                   func(c *Config) { c.Success = nil },
		"success: \"404\"":                   func(c *Config) { c.Success = []string{"404"} },
		"success: \"207\"":                   func(c *Config) { c.Success = []string{"207"} },
		"timeout: ":                          func(c *Config) { c.Timeout = 0 },
		"tls.cert: ":                         func(c *Config) { c.TLS = &TLS{Cert: "a"} },
	} {
		c := Defaults()
		c.URL = engine.Literal("http://localhost/")
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want it to begin with %q", err, want)
		}
	}
	c := Defaults()
	for format, fails := range map[string]bool{"lines": true, "array": true, "envelope": false, "auto": false} {
		if c.Format = format; (c.ValidateRole(engine.RoleDeadLetter) != nil) != fails {
			t.Errorf("a dead letter with format %s: %v", format, c.ValidateRole(engine.RoleDeadLetter))
		}
	}
	if c.TLS = (&TLS{CA: "a", Cert: "b", Key: "c"}); len(c.Traits().Files) != 3 {
		t.Errorf("the files are %v", c.Traits().Files)
	}
}
