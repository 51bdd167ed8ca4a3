package rabbitmq_test

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// A headers exchange that is bound without its arguments gives the queue everything, and a queue without its bound fills the broker.
func TestArguments(t *testing.T) {
	v := rabbittest.New(t)
	d := declarer(t, v.URL)
	q := rabbitmq.Queue{Name: "shop", Type: rabbitmq.Quorum, Arguments: amqp.Table{"x-max-length": int64(1000), "x-overflow": "reject-publish"}}
	for range 2 { // the second time everything is there, and is the same
		for _, err := range []error{
			d.Exchange("unrouted", "fanout", nil),
			d.Exchange("by-headers", "headers", amqp.Table{"alternate-exchange": "unrouted"}),
			d.Queue(q),
			d.Queue(quorum("rest")),
			d.Bind("by-headers", "", "shop", amqp.Table{"x-match": "all", "team": "shop", "level": int64(3), "urgent": true}),
			d.Bind("unrouted", "", "rest", nil),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	wantWarning(t, d)
	for _, headers := range []amqp.Table{
		{"team": "shop", "level": int32(3), "urgent": true}, {"team": "shop", "level": int32(4), "urgent": true}, {"team": "other"},
	} {
		if err := v.Channel().PublishWithContext(t.Context(), "by-headers", "", false, false, amqp.Publishing{Headers: headers, Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	v.WaitReady("shop", 1)
	v.WaitReady("rest", 2)

	q.Arguments = amqp.Table{"x-max-length": int64(5), "x-overflow": "reject-publish"}
	if err := d.Queue(q); err != nil {
		t.Fatal(err)
	}
	wantWarning(t, d, `queue "shop" exists and is used as it is`, `x-max-length is "1000" there and "5" in the configuration`)
	if err := d.Queue(rabbitmq.Queue{Name: "wrong", Type: rabbitmq.Quorum, Arguments: amqp.Table{"x-max-length": "many"}}); err == nil {
		t.Error("an argument that the broker refuses is no error")
	} else {
		t.Log(err)
	}
}
