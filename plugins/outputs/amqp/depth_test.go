package amqp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// Dead letters that wait since before this process was started are what somebody has to be called for, too.
func TestDepthOfTheDeadLetters(t *testing.T) {
	v := rabbittest.New(t)
	c := config(v)
	v.Declare(c.Queue, nil)
	v.Publish(c.Queue, []byte("1"), []byte("2"), []byte("3"))
	for role, want := range map[engine.Role][]engine.Gauge{
		engine.RoleDeadLetter: {{Name: engine.DeadMessages, Value: 3}},
		engine.RoleOutput:     nil,
	} {
		o := newOutput(t, c, env(t, role)).(*output)
		if err := o.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []engine.Gauge
		for end := time.Now().Add(rabbittest.Patience); !cmp.Equal(want, got) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			got = o.Gauges()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", role, diff)
		}
	}
}
