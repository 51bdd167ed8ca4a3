package rabbitmq

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/google/go-cmp/cmp"
)

// The texts are RabbitMQ 3.10's own.
func TestParseDifference(t *testing.T) {
	for text, want := range map[string]Difference{
		"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q1' in vhost 'x1': received the value 'quorum' of type 'longstr' but current is none": {Name: "x-queue-type", ours: is("quorum")},
		"PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q1' in vhost 'x1': received 'false' but current is 'true'":                                 {Name: "durable", ours: is("false"), broker: is("true")},
		"PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'dlx' in vhost 'x1': received 'fanout' but current is 'direct'":                             {Name: "type", ours: is("fanout"), broker: is("direct")},
		"PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q3' in vhost 'x1': received none but current is the value 'dlx' of type 'longstr'": {
			Name: "x-dead-letter-exchange", broker: is("dlx")},
		"PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q'3' in vhost 'x'1': received 'dl'x2' but current is 'd'lx'":                  {Name: "x-dead-letter-exchange", ours: is("dl'x2"), broker: is("d'lx")},
		"PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q' in vhost 'x': received none but current is the value '' of type 'longstr'": {Name: "x-dead-letter-exchange", broker: is("")},
		"PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q3' in vhost 'x1': received '-1' but current is '5'":                                {Name: "x-delivery-limit", ours: is("-1"), broker: is("5")},
		// AMQP has room for 255 bytes; the name of the argument is always among them.
		"PRECONDITION_FAILED - inequivalent arg 'x-dead-letter-exchange' for queue 'q' in vhost 'v': received 'dlx' but current is 'oth...":      {Name: "x-dead-letter-exchange", broker: is("oth"), cut: true},
		"PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost 'v': received none but current is the value '600...":          {Name: "x-expires", broker: is("600"), cut: true},
		"PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost 'v': received none but curr...":                               {Name: "x-expires", cut: true},
		"PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq...":                                       {Name: "durable", cut: true},
		"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost 'x1': said in the words of a broker that nobody knows yet": {Name: "x-queue-type", cut: true},
	} {
		got, ok := parseDifference(text)
		if d := cmp.Diff(want, got, cmp.AllowUnexported(Difference{}, value{})); d != "" || !ok {
			t.Errorf("%s: %v %s", text, ok, d)
		}
	}
	for _, text := range []string{"", "PRECONDITION_FAILED - unknown delivery tag 55", "inequivalent arg"} {
		if d, ok := parseDifference(text); ok {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
}

// A 3.x broker takes the limit -1 for a limit and deletes messages at the first redelivery.
func TestDeliveryLimit(t *testing.T) {
	for version, want := range map[string]bool{"3.10.8": false, "3.13.0": false, "4.0.2": true, "4.2.1": true, "10.0.0": true, "": false, "four": false} {
		_, got := Queue{Name: "q", Type: Quorum}.arguments(Broker{"RabbitMQ", version})[argDeliveryLimit]
		if got != want {
			t.Errorf("RabbitMQ %q: limit sent %v, want %v", version, got, want)
		}
	}
	if _, sent := (Queue{Type: Quorum}).arguments(Broker{"LavinMQ", "4.0.0"})[argDeliveryLimit]; sent {
		t.Error("the limit is sent to a broker whose versions mean something else")
	}
	if _, sent := (Queue{Type: Classic}).arguments(Broker{"RabbitMQ", "4.0.0"})[argDeliveryLimit]; sent {
		t.Error("the limit is sent for a classic queue, which has none")
	}
}

func TestTakeOver(t *testing.T) {
	args := amqp.Table{argType: Quorum, argDeadExchange: "dlx"}
	for _, d := range []Difference{
		{Name: argType, ours: is("quorum")}, {Name: argDeadExchange, ours: is("dlx"), broker: is("5")}, {Name: "x-max-length", broker: is("10")}, {Name: "x-overflow", broker: is("reject-publish")},
		{Name: "x-single-active-consumer", broker: is("true")},
	} {
		if !d.takeOver(args) {
			t.Errorf("%v is not taken over", d)
		}
	}
	want := amqp.Table{argDeadExchange: "5", "x-max-length": int64(10), "x-overflow": "reject-publish", "x-single-active-consumer": true}
	if d := cmp.Diff(want, args); d != "" {
		t.Error(d)
	}
	if (Difference{Name: "durable", ours: is("true"), broker: is("false")}).takeOver(args) {
		t.Error("a queue that vanishes could be created anew and transient")
	}
}
