package faults

import (
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// The broker is not there at start: logpipe waits for it, however the two are started.
func TestBrokerIsNotThereAtStart(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	_, listen := w.ThroughRefusing()
	const n = 2_000
	p := w.Start(w.Env("BATCH_SIZE=100"), "pipeline.hcl")
	if line := w.Says(p, "input is lost"); !strings.Contains(line.Text("error"), "connection refused") {
		t.Errorf("the error is %q", line.Text("error"))
	}
	listen()
	w.Says(p, "input is back")
	w.Produce(n)
	settles(w, p, n, 0)
}

// An operator closes the connection under load, again and again. What was not acked comes again; nothing is lost.
func TestConnectionClosedByAnOperator(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		const n, times = 30_000, 3
		p := w.Start(w.Env("BATCH_SIZE=100"), w.Config(reading(t, kind)))
		window := w.Says(p, "prefetch").Int("messages")
		w.Says(p, "input is open")
		producer := w.Producer(n, "RATE=5000")
		for i := range times {
			from := len(w.Keys())
			w.Until("it stores something", func() bool { return len(w.Keys()) > from })
			w.CloseConnections("logs input.amqp")
			if line := w.SaysTimes(p, "input is lost", i+1); !strings.Contains(line.Text("error"), "operator") {
				t.Errorf("the error is %q", line.Text("error"))
			}
			w.SaysTimes(p, "input is back", i+1)
		}
		w.Exits(producer, 0)
		settles(w, p, n, times*window)
	})
}

// An operator closes the connection of the dead letter under load: what it had not confirmed is published again, and then acked.
func TestDeadLetterConnectionClosedByAnOperator(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n, bad, times = 20_000, 10_000, 2
	const atOnce = 1000 // dead letters in one write
	p := w.Start(w.Env("BATCH_SIZE=100"), "pipeline.hcl")
	w.Says(p, "input is open")
	producer := w.Producer(n, "RATE=5000", "INVALID_EVERY=2")
	for range times {
		from := 0
		if w.HasQueue("log_dlq") {
			from = w.Depth("log_dlq")
		}
		w.Until("dead letters arrive", func() bool { return w.HasQueue("log_dlq") && w.Depth("log_dlq") > from })
		w.CloseConnections("dead_letter.amqp")
	}
	w.Exits(producer, 0)
	w.Taken("log_queue")
	w.Until("the dead letters have arrived", func() bool { return w.Depth("log_dlq") >= bad })
	w.Stops(p, 0)
	within(w, n, times*atOnce, "log_queue", "log_dlq")
}

// A queue is deleted under load. Publishers need it, so it comes back at once; what logpipe holds of it is nowhere else and must be stored.
func TestQueueDeleted(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		const n = 1_000
		p := w.Start(w.Env("BATCH_SIZE=100"), w.Config(reading(t, kind)))
		w.Says(p, "input is open")
		window := w.Says(p, "prefetch").Int("messages")
		w.Publish("", "log_queue", 1, n)
		w.Taken("log_queue")
		deleteQueue(w)
		w.Publish("", "log_queue", n+1, 2*n)
		settles(w, p, 2*n, window)
	})
}

// The same while S3 is down and there is no fallback: the only copy of the messages is in logpipe's memory, and stays there.
func TestQueueDeletedWhileS3IsDown(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		store := w.ThroughStore()
		store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
		const n = 200
		p := w.Start(w.Env(), w.Config(strings.Replace(held, `"log_queue"`, "\"log_queue\"\n    queue_type = \""+kind+"\"", 1)))
		w.Says(p, "input is open")
		w.Publish("", "log_queue", 1, n)
		w.Taken("log_queue")
		deleteQueue(w)
		w.Publish("", "log_queue", n+1, 2*n)
		w.Says(p, "batch can be written nowhere")
		store.Heal()
		settles(w, p, 2*n, 0)
	})
}

// deleteQueue deletes the queue and waits until somebody has made it again.
func deleteQueue(w *world.World) {
	w.TB.Helper()
	if _, err := w.Channel().QueueDelete("log_queue", false, false, false); err != nil {
		w.TB.Fatal(err)
	}
	w.Until("the queue is there again", func() bool { return w.HasQueue("log_queue") })
}
