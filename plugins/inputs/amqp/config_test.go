package amqp

import (
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
)

func TestDefaultsAreValid(t *testing.T) {
	c := Defaults()
	c.Queue = "q"
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if got := engine.TraitsOf(&c); got.Prefetch != 0 || got.AckWithin != 30*time.Minute {
		t.Errorf("traits %+v", got)
	}
	c.Prefetch, c.Connections = 100, 3
	if got := engine.TraitsOf(&c).Prefetch; got != 300 {
		t.Errorf("three connections with 100 each may have %d unacked", got)
	}
}

func TestMistakes(t *testing.T) {
	c := Defaults()
	c.Port, c.QueueType, c.Declare, c.DeadLetterExchange = -5, "stream", "maybe", "dlx"
	c.Prefetch, c.Connections, c.ConsumerTag, c.ConsumerTimeout = 70000, 0, strings.Repeat("x", 300), -1
	c.Bindings = []Binding{{Type: "topical"}, {Exchange: "x", Type: "direct"}}
	err := c.Validate()
	for _, want := range []string{
		"port: -5", "queue: the name", `queue_type: "stream" is not known: use "quorum" or "classic"`, `declare: "maybe"`, "dead_letter_exchange: dead_letter_exchange and",
		"prefetch: 70000", "connections: 0", "consumer_tag: ", "consumer_timeout: ", "binding.exchange: ", `binding.type: "topical"`, "binding.routing_keys: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	c = Defaults()
	c.Queue, c.Arguments = "q", map[string]any{"x-queue-type": "stream"}
	c.Bindings = []Binding{{Exchange: "x", Arguments: map[string]any{"a": strings.Repeat("x", 5000)}, ExchangeArguments: map[string]any{strings.Repeat("n", 256): true}}}
	err = c.Validate()
	for _, want := range []string{"arguments: x-queue-type is said by queue_type", "binding.arguments: a has a text of 5000 bytes", "binding.exchange_arguments: a name of 256"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	c = Defaults()
	c.Temporary, c.Declare, c.Connections, c.DeadLetterExchange, c.DeadLetterRoutingKey = true, "never", 2, "dlx", "dead"
	err = c.Validate()
	for _, want := range []string{"temporary: nothing would ever come", "declare: a temporary queue", "connections: a temporary queue", "dead_letter_exchange: a temporary queue"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	c = Defaults()
	c.Temporary, c.Bindings = true, []Binding{{Exchange: "amq.topic"}}
	if err := c.Validate(); err != nil {
		t.Errorf("a temporary queue without a name: %v", err)
	}
	long := strings.Repeat("n", 256)
	c = Defaults()
	c.Queue, c.VHost, c.DeadLetterExchange, c.Bindings = long, long, long, []Binding{{Exchange: long, RoutingKeys: []string{"a", long}}}
	err = c.Validate()
	for _, attr := range []string{"queue", "vhost", "dead_letter_exchange", "binding.exchange", "binding.routing_keys"} {
		if err == nil || !strings.Contains(err.Error(), attr+": a name of 256 bytes is too long") {
			t.Errorf("%s: a name that ends the connection is let through: %v", attr, err)
		}
	}
	c = Defaults()
	c.Queue, c.DeadLetterExchange, c.DeadLetterRoutingKey = "q", "dlx", "q"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "the queue itself") {
		t.Errorf("a queue that is its own dead-letter queue: %v", err)
	}
}

func TestPrefetchIsDerived(t *testing.T) {
	for _, c := range []struct{ capacity, window, connections, want int }{
		{5000, 0, 1, 5000}, {5000, 0, 3, 1667}, {5000, 600, 1, 600}, {1 << 20, 0, 1, 65535}, {50, 0, 1, 256}, {50, 100, 1, 100}, {0, 0, 1, 256}, {50, 1, 4, 1},
	} {
		e := engine.Env{Capacity: engine.Capacity{Messages: c.capacity}, Window: engine.Capacity{Messages: c.window}}
		if got := derive(e, c.connections); got != c.want {
			t.Errorf("%+v: prefetch %d", c, got)
		}
	}
}

// The broker refuses other keys when the queue is bound, at each start anew: nothing would be read, and the file would look well.
func TestConsistentHashIsBoundWithAWeight(t *testing.T) {
	for keys, good := range map[string]bool{"": false, "0": false, "-1": false, "heavy": false, "1 2": false, "1": true, "20": true} {
		b := Binding{Exchange: "logs", Type: "x-consistent-hash", RoutingKeys: strings.Fields(keys)}
		err := b.validate()
		if good != (err == nil) || !good && !strings.Contains(err.Error(), `binding.routing_keys: a consistent-hash exchange`) {
			t.Errorf("keys %q: %v", keys, err)
		}
	}
}
