package amqp

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
	"github.com/logpipe/logpipe/test/servers"
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

// A user's limit of channels is for those that read and publish. The broker closes the connection at one too many, and so the question for a length, which
// is only to be shown, once took the place of a dead letter's channel, or the input's connection with all that it held, each quarter of a minute.
func TestDepthYieldsToWhatIsVital(t *testing.T) {
	v := rabbittest.New(t)
	v.Declare("logs", nil)
	user := "few-" + v.Name
	c := config(v)
	c.URL = engine.NewSecret(v.User(user, "geheim", ".*", ".*", ".*"))
	limit := func(n int) {
		if err := servers.TestBroker(t).Admin(t.Context(), "PUT", "/api/user-limits/"+url.PathEscape(user)+"/max-channels", map[string]int{"value": n}, nil); err != nil {
			t.Fatal(err)
		}
	}
	limit(2)
	in := newInput(t, c, env(t))
	open(t, in)
	if !rabbittest.Wait(func() bool { return in.Gauges() != nil }) {
		t.Fatal("with a channel to spare the length is not known")
	}
	conn, err := amqp091.Dial(c.URL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !rabbittest.Wait(func() bool { // the question's channel is closed a moment later
		_, err = conn.Channel()
		if err != nil {
			conn, _ = amqp091.Dial(c.URL.Reveal())
		}
		return err == nil
	}) {
		t.Errorf("the place of a channel that publishes is taken: %v", err)
	}
	if err := <-in.Lost(); !strings.Contains(err.Error(), "as many channels as it may") { // with the next question; once
		t.Errorf("lost because of %v", err)
	}
	shut(t, in)
	limit(100)
	open(t, in)
	v.Publish("logs", numbered(10)...)
	ack(t, in, readAll(t, in, 10)...)
	if !in.depth.Yields() {
		t.Error("it would be asked again, and the connection end again")
	}
	shut(t, in)
}
