package http

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine"
)

func TestMistakes(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"listen: ":                               func(c *Config) { c.Listen = "8080" },
		"listen: \"x\" is no port":               func(c *Config) { c.Listen = ":x" },
		"path: ":                                 func(c *Config) { c.Path = "logs" },
		"tokens: token 2":                        func(c *Config) { c.Tokens = []engine.Secret{engine.NewSecret("a"), {}} },
		"headers: Authorization":                 func(c *Config) { c.Headers = []string{"Authorization"} },
		"headers: the name":                      func(c *Config) { c.Headers = []string{""} },
		"max_body_bytes: ":                       func(c *Config) { c.MaxBodyBytes = 0 },
		"max_pending_bytes: the largest request": func(c *Config) { c.MaxPendingBytes = 20 << 20 },
		"max_messages: ":                         func(c *Config) { c.MaxMessages = 0 },
		"max_requests: ":                         func(c *Config) { c.MaxRequests = 0 },
		"max_connections: ":                      func(c *Config) { c.MaxConnections = 10 },
		"max_header_bytes: ":                     func(c *Config) { c.MaxHeaderBytes = 1 },
		"read_timeout: ":                         func(c *Config) { c.ReadTimeout = 0 },
		"admit_timeout: ":                        func(c *Config) { c.AdmitTimeout = -1 },
		"timeout: ":                              func(c *Config) { c.Timeout = 0 },
		"tls.cert: ":                             func(c *Config) { c.TLS = &TLS{Cert: "a"} },
	} {
		c := local()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want it to begin with %q", err, want)
		}
	}
	c := local()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.TLS = (&TLS{"cert", "key", "ca"}); len(c.Traits().Files) != 3 {
		t.Errorf("the files are %v", c.Traits().Files)
	}
}
