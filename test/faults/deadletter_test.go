package faults

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/world"
)

// tenth makes every tenth message one that is not JSON.
func tenth(seq int) string {
	if seq%10 == 0 {
		return fmt.Sprintf(`{"seq":%d`, seq)
	}
	return fmt.Sprintf(`{"seq":%d,"source":"app1"}`, seq)
}

// goodAreStored waits until what is JSON of the messages 1 to n of tenth is stored.
func goodAreStored(w *world.World, n int) {
	w.TB.Helper()
	w.Until("the good messages are stored", func() bool { return len(w.Stored().Count) == n-n/10 })
}

// Somebody deletes the dead-letter exchange while logpipe runs. Nacked, the messages would be deleted by the broker without a word; logpipe
// makes the exchange again and publishes them.
func TestDeadLetterExchangeDeleted(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n = 1_000
	p := w.Start(w.Env(), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Send("", "log_queue", 1, n, tenth)
	w.Until("the first dead letters have arrived", func() bool { return w.Depth("log_dlq") == n/10 })
	if err := w.Channel().ExchangeDelete("dlx", false, false); err != nil {
		t.Fatal(err)
	}
	w.Send("", "log_queue", n+1, 2*n, tenth)
	w.Says(p, "dead_letter fails")
	w.Until("all dead letters have arrived", func() bool { return w.Depth("log_dlq") == 2*n/10 })
	goodAreStored(w, 2*n)
	w.Stops(p, 0)
	within(w, 2*n, 0, "log_queue", "log_dlq")
}

// otherDeadLetter is a pipeline with another dead letter than the shipped one.
func otherDeadLetter(block string) string {
	ours := deadLetterApart[:strings.Index(deadLetterApart, "  dead_letter")]
	return ours + "  dead_letter \"amqp\" {\n    url = env(\"RABBITMQ_URL\")\n" + block + "  }\n}\n"
}

// The dead-letter exchange is missing and logpipe may not make it: dead letters are held, good messages flow. When an operator has made it,
// they arrive.
func TestDeadLetterExchangeMissing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n = 500 // fewer than the window: each chunk has a message that is held
	p := w.Start(w.Env(), w.Config(otherDeadLetter("exchange = \"graves\"\n queue = \"graves\"\n declare = \"never\"\n")))
	w.Says(p, "input is open")
	w.Send("", "log_queue", 1, n, tenth)
	if line := w.Says(p, "dead_letter fails"); !strings.Contains(line.Text("error"), `there is no exchange "graves"`) {
		t.Errorf("the error is %q", line.Text("error"))
	}
	goodAreStored(w, n)
	ch := w.Channel()
	grave(w, ch, "graves")
	w.Until("the dead letters have arrived", func() bool { return w.Depth("graves") == n/10 })
	w.Says(p, "dead_letter is well again")
	w.Stops(p, 0)
	within(w, n, 0, "log_queue", "graves")
}

// grave makes exchange and queue graves, bound with this key.
func grave(w *world.World, ch *amqp.Channel, key string) {
	w.TB.Helper()
	err := ch.ExchangeDeclare("graves", "direct", true, false, false, false, nil)
	if err == nil {
		_, err = ch.QueueDeclare("graves", true, false, false, false, nil)
	}
	if err == nil {
		err = ch.QueueBind("graves", key, "graves", false, nil)
	}
	if err != nil {
		w.TB.Fatal(err)
	}
}

// The dead-letter queue is full and refuses more. What it does not take is held; good messages flow; when there is room, all of it arrives.
func TestDeadLetterQueueFull(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		const n, room = 2_000, 10
		if _, err := w.Channel().QueueDeclare("log_dlq", true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
			t.Fatal(err)
		}
		w.Policy("full", map[string]any{
			"pattern": "^log_dlq$", "definition": map[string]any{"max-length": room, "overflow": "reject-publish"}, "apply-to": "queues",
		})
		p := w.Start(w.Env(), "pipeline.hcl")
		w.Says(p, "input is open")
		w.Send("", "log_queue", 1, n, tenth)
		if line := w.Says(p, "dead_letter fails"); !strings.Contains(line.Text("error"), "the queue is full") {
			t.Errorf("the error is %q", line.Text("error"))
		}
		goodAreStored(w, n)
		w.Send("", "log_queue", n+1, 2*n, tenth)
		goodAreStored(w, 2*n)
		if depth := w.Depth("log_dlq"); depth == 2*n/10 {
			t.Errorf("%d dead letters are in a queue for %d, so the test is not about a full queue", depth, room)
		}
		w.NoPolicy("full")
		w.Until("all dead letters have arrived", func() bool { return w.Depth("log_dlq") == 2*n/10 })
		w.Stops(p, 0)
		within(w, 2*n, 0, "log_queue", "log_dlq")
	})
}

// stuck is a pipeline whose dead letters go where their own routing key says.
var stuck = strings.Replace(otherDeadLetter("exchange = \"graves\"\n keep_routing_key = true\n"), `queue = "log_queue"`, `queue = "log_queue"
    binding {
      exchange     = "events"
      routing_keys = ["#"]
    }`, 1)

// One dead letter can go nowhere for long. All others flow, more than several windows of them, and their acks do not wait for it: only its
// own chunk stays unacked, so a crash would repeat no more than that.
func TestOneDeadLetterIsStuck(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n, chunk = 20_000, 256
	ch := w.Channel()
	grave(w, ch, "app")
	p := w.Start(w.Env(), w.Config(stuck))
	w.Says(p, "input is open")
	window := w.Says(p, "prefetch").Int("messages")
	if window > n/2 {
		t.Fatalf("the window has %d messages, so %d prove nothing", window, n)
	}
	w.Send("events", "app", 1, 999, tenth)
	w.Send("events", "nowhere", 1_000, 1_000, tenth)
	w.Send("events", "app", 1_001, n, tenth)
	if line := w.Says(p, "a dead letter is stuck"); !strings.Contains(line.Text("error"), `with key "nowhere"`) {
		t.Errorf("the error is %q", line.Text("error"))
	}
	goodAreStored(w, n)
	w.Until("the other dead letters have arrived", func() bool { return w.Depth("graves") == n/10-1 })
	w.Until("all but one chunk is acked", func() bool { unacked := w.Unacked("log_queue"); return unacked >= 1 && unacked <= chunk })
	if err := ch.QueueBind("graves", "nowhere", "graves", false, nil); err != nil {
		t.Fatal(err)
	}
	w.Until("the last one has arrived", func() bool { return w.Depth("graves") == n/10 })
	w.Stops(p, 0)
	within(w, n, 0, "log_queue", "graves")
}
