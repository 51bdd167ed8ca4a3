package amqp

import (
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// The engine relies on every point of the suite; here it runs against a real broker, for both types of queue and for several connections.
func TestSuite(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"quorum":      func(*Config) {},
		"classic":     func(c *Config) { c.QueueType = "classic" },
		"connections": func(c *Config) { c.Connections = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.TestInput(t, enginetest.InputSuite{
				New: func(t *testing.T, bodies [][]byte) engine.Input {
					v := rabbittest.New(t)
					cfg := config(v)
					change(&cfg)
					in := newInput(t, cfg, env(t))
					open(t, in) // declares the queue
					shut(t, in)
					v.Publish(cfg.Queue, bodies...)
					return in
				},
				Unordered: name == "connections",
			})
		})
	}
}
