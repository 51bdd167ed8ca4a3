package amqp

import (
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

func TestSuite(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			var v *rabbittest.VHost
			var gate *rabbittest.Gate
			enginetest.TestOutput(t, enginetest.OutputSuite{
				New: func(t *testing.T) engine.Output {
					v = rabbittest.New(t)
					gate = rabbittest.NewGate(t, v.Address())
					cfg := through(gate, config(v))
					cfg.QueueType = kind
					o, err := New(cfg, env(t, engine.RoleOutput))
					if err != nil {
						t.Fatal(err)
					}
					return o
				},
				Stored: func(t *testing.T) (all [][]byte) {
					if v.Ready("stored") < 0 {
						return nil // nothing was ever written
					}
					for _, d := range v.Take("stored") {
						all = append(all, d.Body)
					}
					return all
				},
				Break: func(*testing.T) { gate.Shut() },
				Mend:  func(*testing.T) { gate.Open() },
			})
		})
	}
}
