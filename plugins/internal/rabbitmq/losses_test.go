package rabbitmq_test

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// A queue that takes its messages away while logpipe is stopped loses them without a trace. Whoever
// starts logpipe must hear of it in a warning of its own, not as one difference among others.
func TestWhatTakesLogsAway(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	for name, c := range map[string]struct {
		durable bool
		args    amqp.Table
		want    [][]string
	}{
		"expires": {true, amqp.Table{"x-expires": 600000}, [][]string{{"x-queue-type"}, {"(x-expires)", "no consumer for 10m0s", "make the queue anew without x-expires"}}},
		"ages":    {true, amqp.Table{"x-message-ttl": 5000}, [][]string{{"x-queue-type"}, {"(x-message-ttl)", "for 5s is deleted, unless a policy"}}},
		"short": {true, amqp.Table{"x-queue-type": "quorum", "x-max-length": 9, "x-max-length-bytes": 1000}, [][]string{
			{"(x-overflow = drop-head)", "more than 9 messages (x-max-length) or 1000 bytes (x-max-length-bytes)", "the oldest is deleted", "reject-publish"}}},
		"kept": {true, amqp.Table{"x-queue-type": "quorum", "x-max-length": 9, "x-overflow": "reject-publish", "x-delivery-limit": limitOf(t, v)}, [][]string{{`x-overflow is "reject-publish"`}}},
		"all": {true, amqp.Table{"x-expires": 600000, "x-message-ttl": 5000, "x-max-length": 9, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "gone"}, [][]string{
			{"x-dead-letter-exchange"}, {"(x-expires)"}, {"(x-message-ttl)", "is dead-lettered"}, {"(x-overflow", "is dead-lettered"}}},
		"transient": {false, amqp.Table{"x-expires": 600000}, [][]string{{"gone when the broker restarts"}, {"(x-expires)"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.args["x-delivery-limit"] == nil && c.args["x-queue-type"] == "quorum" {
				c.args["x-delivery-limit"] = limitOf(t, v)
			}
			for name, v := range c.args {
				if v == nil {
					delete(c.args, name)
				}
			}
			if _, err := v.Channel().QueueDeclare(name, c.durable, false, false, false, c.args); err != nil {
				t.Fatal(err)
			}
			q := quorum(name)
			q.Read = true
			if err := d.Queue(q); err != nil {
				t.Fatal(err)
			}
			wantWarnings(t, d, c.want...)
		})
	}
}

// limitOf is the delivery limit of a queue that has none: an argument of RabbitMQ 4, and nothing
// before.
func limitOf(t *testing.T, v *rabbittest.VHost) any {
	t.Helper()
	if c, err := dial(t, at(v.URL)); err != nil {
		t.Fatal(err)
	} else if c.Broker.AtLeast(4) {
		return -1
	}
	return nil
}

// A delivery limit deletes good messages, and an advice that does not help is worse than none. So
// each advice is followed here, and the message has to stay as often as it is given back: by a
// reject, because RabbitMQ 4.3 counts no nack.
func TestAdviceOnDeliveryLimits(t *testing.T) {
	v := rabbittest.New(t)
	conn, err := dial(t, at(v.URL))
	if err != nil {
		t.Fatal(err)
	}
	four := conn.Broker.AtLeast(4)
	const often = 25 // more than the default of RabbitMQ 4
	for _, c := range []struct {
		name   string
		args   amqp.Table     // of the queue
		policy map[string]any // nil is none
		says   []string       // of the warning; nil: there is none
		keeps  bool           // the message is still there
		dead   bool           // or dead-lettered
		only4  bool
	}{
		{name: "argument", args: amqp.Table{"x-delivery-limit": 3}, says: []string{"x-delivery-limit is 3", "a policy can only lower such a limit", "make the queue anew"}},
		{name: "argument-higher-policy", args: amqp.Table{"x-delivery-limit": 3}, policy: map[string]any{"delivery-limit": 1000}, says: []string{"a policy can only lower"}},
		{name: "argument-policy-of-none", args: amqp.Table{"x-delivery-limit": 3}, policy: map[string]any{"delivery-limit": -1}, says: []string{"a policy can only lower"}, only4: true},
		{name: "argument-dead-lettered", args: amqp.Table{"x-delivery-limit": 3}, policy: map[string]any{"dead-letter-exchange": "", "dead-letter-routing-key": "dead"},
			says: []string{"a policy with dead-letter-exchange"}, dead: true},
		{name: "anew", args: amqp.Table{"x-delivery-limit": -1}, keeps: true, only4: true},
		{name: "default", says: []string{"the broker's delivery limit (20", `{"delivery-limit": -1}`}, only4: true},
		{name: "default-lifted", policy: map[string]any{"delivery-limit": -1}, says: []string{`{"delivery-limit": -1}`}, keeps: true, only4: true},
		{name: "no-default", keeps: !four},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.only4 && !four || c.name == "no-default" && four {
				t.Skipf("RabbitMQ %s is not meant", conn.Broker.Version)
			}
			v.Declare("dead", nil)
			args := amqp.Table{"x-queue-type": "quorum"}
			for name, value := range c.args {
				args[name] = value
			}
			v.Declare(c.name, args)
			if c.policy != nil {
				v.Policy(c.name, c.policy)
			}
			d := conn.NewDeclarer()
			defer d.Close()
			if err := d.Queue(quorum(c.name)); err != nil {
				t.Fatal(err)
			}
			wantWarning(t, d, c.says...)
			v.Publish(c.name, []byte("good"))
			n := 0
			for ; n < often && !giveBack(t, v, c.name); n++ {
			}
			if kept := n == often; kept != c.keeps {
				t.Errorf("the message was given back %d times; kept %v, want %v", n, kept, c.keeps)
			}
			if got := len(v.Take("dead")) > 0; got != c.dead {
				t.Errorf("dead-lettered %v, want %v", got, c.dead)
			}
		})
	}
}

// giveBack takes the message and gives it back. It reports whether there is none any more. A marker
// is published behind it on the same channel: when that is there, the message is back, or gone.
func giveBack(t *testing.T, v *rabbittest.VHost, queue string) (gone bool) {
	t.Helper()
	for {
		m, ok, err := v.Channel().Get(queue, false)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !ok:
			return true
		case string(m.Body) == "marker":
			err = m.Ack(false)
		default:
			if err = m.Reject(true); err == nil {
				v.Publish(queue, []byte("marker"))
				return false
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Names may be long: the broker's refusal then ends before it says what differs. What is there must
// be used all the same, and what is known of it be said.
func TestLongNames(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	for name, c := range map[string]struct {
		durable, auto bool
		args          amqp.Table
		want          [][]string
		err           string
	}{
		"classic": {durable: true, args: nil, want: [][]string{{`x-dead-letter-exchange is not set there and "dlx"`, `x-dead-letter-routing-key is not set there`, `x-queue-type is "classic" there and "quorum"`}}},
		"exchange": {durable: true, args: amqp.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": strings.Repeat("o", 200), "x-dead-letter-routing-key": "dead"},
			want: [][]string{{`x-dead-letter-exchange is something else there and "dlx" in the configuration`}}},
		"expires":     {durable: true, args: amqp.Table{"x-expires": 600000}, want: [][]string{{"(x-expires)"}}},
		"transient":   {durable: false, want: [][]string{{`durable is "false" there`, "gone when the broker restarts"}}},
		"auto-delete": {durable: true, auto: true, err: "is an auto-delete queue"},
		"stream":      {durable: true, args: amqp.Table{"x-queue-type": "stream"}, err: "is a stream"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, length := range []int{120, 160, 200, 255} {
				long := fmt.Sprintf("%s-%d-", name, length)
				long += strings.Repeat("n", length-len(long))
				if _, err := v.Channel().QueueDeclare(long, c.durable, c.auto, false, false, c.args); err != nil {
					t.Fatal(err)
				}
				q := quorum(long)
				q.Read = true
				if name != "stream" { // it says its type before anything else that we could ask for
					q.DeadLetterExchange, q.DeadLetterRoutingKey = "dlx", "dead"
				}
				err := d.Queue(q)
				if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || c.err == "" && err != nil {
					t.Errorf("%d: %v, want %q", length, err, c.err)
				}
				if len(d.Warnings) > 0 && name == "expires" {
					d.Warnings = d.Warnings[len(d.Warnings)-1:]
				}
				wantWarnings(t, d, c.want...)
			}
		})
	}
}
