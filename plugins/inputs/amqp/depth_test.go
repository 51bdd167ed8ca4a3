package amqp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// Whether logs pile up in the queue is the first thing that somebody asks who is called at night.
func TestDepthOfTheQueue(t *testing.T) {
	v := rabbittest.New(t)
	c := config(v)
	c.Prefetch = 10
	in := newInput(t, c, env(t))
	if got := in.Gauges(); got != nil {
		t.Errorf("before it is open: %v", got)
	}
	v.Declare("logs", nil)
	v.Publish("logs", numbered(100)...)
	open(t, in)
	want := []engine.Gauge{{Name: engine.QueueMessages, Value: 90}, {Name: engine.QueueConsumers, Value: 1}}
	var got []engine.Gauge
	for end := time.Now().Add(rabbittest.Patience); !cmp.Equal(want, got) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if got = in.Gauges(); got != nil && !cmp.Equal(want, got) { // it was asked before the deliveries; the next Open asks again
			shut(t, in)
			open(t, in)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	shut(t, in)
	if got := in.Gauges(); got != nil {
		t.Errorf("a closed input still says %v", got)
	}
}
