package rabbitmq_test

import (
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

func declarer(t *testing.T, url string) *rabbitmq.Declarer {
	t.Helper()
	c, err := dial(t, at(url))
	if err != nil {
		t.Fatal(err)
	}
	d := c.NewDeclarer()
	t.Cleanup(d.Close)
	return d
}

func quorum(name string) rabbitmq.Queue { return rabbitmq.Queue{Name: name, Type: rabbitmq.Quorum} }

// wantWarnings checks that there are just these warnings, in this order, each by words that are in
// it.
func wantWarnings(t *testing.T, d *rabbitmq.Declarer, want ...[]string) {
	t.Helper()
	defer func() { d.Warnings = nil }()
	if len(d.Warnings) != len(want) {
		t.Errorf("%d warnings, want %d:\n%s", len(d.Warnings), len(want), strings.Join(d.Warnings, "\n"))
		return
	}
	for i, words := range want {
		for _, word := range words {
			if !strings.Contains(d.Warnings[i], word) {
				t.Errorf("the warning does not say %q: %s", word, d.Warnings[i])
			}
		}
	}
}

func wantWarning(t *testing.T, d *rabbitmq.Declarer, words ...string) {
	t.Helper()
	if len(words) == 0 {
		wantWarnings(t, d)
		return
	}
	wantWarnings(t, d, words)
}

func TestDeclareCreates(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	q := rabbitmq.Queue{Name: "logs", Type: rabbitmq.Quorum, DeadLetterExchange: "dlx", DeadLetterRoutingKey: "dead"}
	for range 2 { // the second time everything is there, and as it should be
		for _, err := range []error{d.Exchange("dlx", "direct", nil), d.Queue(quorum("dead")), d.Bind("dlx", "dead", "dead", nil), d.Queue(q)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		wantWarning(t, d)
	}
	// What the broker is told to dead-letter must arrive.
	v.Publish("logs", []byte("bad"))
	m, ok, err := v.Channel().Get("logs", false)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := m.Nack(false, false); err != nil {
		t.Fatal(err)
	}
	v.WaitReady("dead", 1)
}

// Users switch over on their running broker: what is there must go on working, and they must hear what is different.
func TestDeclareUsesWhatIsThere(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	want := rabbitmq.Queue{Name: "q", Type: rabbitmq.Quorum, DeadLetterExchange: "dlx", DeadLetterRoutingKey: "dead"}
	for name, c := range map[string]struct {
		durable bool
		args    amqp.Table
		want    [][]string
	}{
		"plain": {true, nil, [][]string{{
			`"plain" exists and is used as it is`, `x-queue-type is "classic" there and "quorum" in the configuration`,
			`x-dead-letter-exchange is not set there and "dlx" in the configuration`, `x-dead-letter-routing-key is not set there and "dead"`, "policy"}}},
		"limited": {true, amqp.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": "other", "x-dead-letter-routing-key": "dead",
			"x-delivery-limit": 5, "x-max-length": 1000, "x-overflow": "reject-publish", "x-message-ttl": 60000}, [][]string{
			{`x-dead-letter-exchange is "other" there and "dlx" in`, `x-overflow is "reject-publish" there`},
			{"takes logs away by itself (x-message-ttl)", `for 1m0s is dead-lettered to exchange "other"`},
			{"(x-delivery-limit is 5)", "delivered that often", "a policy can only lower"}}},
		"transient": {false, nil, [][]string{{`durable is "false" there and "true" in`, "gone when the broker restarts"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := v.Channel().QueueDeclare(name, c.durable, false, false, false, c.args); err != nil {
				t.Fatal(err)
			}
			q := want
			q.Name = name
			if err := d.Queue(q); err != nil {
				t.Fatal(err)
			}
			wantWarnings(t, d, c.want...)
		})
	}
	if err := v.Channel().ExchangeDeclare("dlx", "fanout", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Exchange("dlx", "direct", nil); err != nil {
		t.Fatal(err)
	}
	wantWarning(t, d, `exchange "dlx" exists and is used as it is: type is "fanout" there and "direct" in the configuration`)
	if err := v.Channel().ExchangeDeclare("old", "direct", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Exchange("old", "direct", nil); err != nil {
		t.Fatal(err)
	}
	wantWarning(t, d, `exchange "old" exists`, `durable is "false" there`)
}

// An ack to a stream keeps nothing: after a restart what was not stored would never come again.
func TestStream(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("s", amqp.Table{"x-queue-type": "stream"})
	d := declarer(t, v.URL)
	q := quorum("s")
	if err := d.Queue(q); err != nil {
		t.Errorf("to publish to a stream: %v", err)
	}
	q.Read = true
	if err := d.Queue(q); err == nil || !strings.Contains(err.Error(), "is a stream") {
		t.Errorf("to read a stream: %v", err)
	}
}

// A user that may only read or write must be able to use what an operator has declared.
func TestDeclareWithoutPermission(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("q", nil)
	if err := v.Channel().ExchangeDeclare("x", "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	user := "reader-" + v.Name
	d := declarer(t, v.User(user, "geheim", "^$", "^$", "^q$"))
	if err := d.Exchange("x", "topic", nil); err != nil {
		t.Error(err)
	}
	if err := d.Queue(quorum("q")); err != nil {
		t.Error(err)
	}
	wantWarning(t, d)
	if err := d.Bind("x", "k", "q", nil); err != nil {
		t.Error(err)
	}
	wantWarning(t, d, "no permission to bind")
	err := d.Queue(quorum("missing"))
	if err == nil || !strings.Contains(err.Error(), `declare queue "missing": user "`+user+`" may not do this with queue "missing" in virtual host "`+v.Name+`"`) {
		t.Errorf("a queue that cannot be made: %v", err)
	}
}

func TestDeclareNever(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	d.Check = true
	for _, c := range []struct {
		err  error
		want string
	}{
		{d.Queue(quorum("q")), `look for queue "q": there is no queue "q" in virtual host "` + v.Name + `"`},
		{d.Exchange("x", "direct", nil), `look for exchange "x": there is no exchange "x" in virtual host "` + v.Name + `"`},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("error %q, want %q", c.err, c.want)
		}
	}
	v.Declare("q", nil)
	if err := d.Queue(quorum("q")); err != nil {
		t.Error(err)
	}
}

func TestDeclareErrors(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	if _, err := v.Channel().QueueDeclare("mine", false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{d.Bind("x", "k", "q", nil), `bind queue "q" to exchange "x": there is no exchange "x"`},
		{d.Queue(quorum("mine")), "belongs to another connection alone"},
		{d.Queue(quorum("amq.q")), "reserved prefix"},
		{d.Exchange("x", "x-unknown", nil), "does not have this type of exchange"}, // ends the connection, up to 3.x
	} {
		t.Log(c.err)
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("the error does not say %q", c.want)
		}
	}
}
