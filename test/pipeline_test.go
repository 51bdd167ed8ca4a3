package test

import (
	"strings"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/world"
)

// The main job. If it fails, logs that are sent do not arrive, or arrive twice although nothing went wrong.
func TestQueueToBucket(t *testing.T) {
	w := world.New(t)
	const n = 20_000
	p := w.Start(w.Env("BATCH_SIZE=500"), "pipeline.hcl")
	w.Says(p, "prefetch")
	w.Produce(n, "INVALID_EVERY=1000")
	w.Taken("log_queue")
	w.Stops(p, 0)
	stored, dead := w.Stored(), w.Queue("log_dlq")
	w.Complete(n, stored, dead)
	if twice := stored.Twice() + dead.Twice(); twice != 0 {
		t.Errorf("%d messages are there twice", twice)
	}
	if dead.Total() != n/1000 {
		t.Errorf("%d dead letters, want %d", dead.Total(), n/1000)
	}
	if left := w.Depth("log_queue"); left != 0 {
		t.Errorf("%d messages are back in the queue after a clean drain", left)
	}
}

// Each of the variables of the program that logpipe replaces does what it did there.
func TestTheOriginalsVariables(t *testing.T) {
	t.Run("queues, batch size, bucket, retries, workers, fallback", func(t *testing.T) {
		w := world.New(t)
		env := w.Env("RABBITMQ_QUEUE=my_logs", "RABBITMQ_DLQ=my_dead", "BATCH_SIZE=7", "MAX_WORKERS=2", "RETRY_LIMIT=2", "AWS_REGION=us-east-1")
		p := w.Start(env, "pipeline.hcl")
		w.Says(p, "input is open")
		w.Exits(w.Start(append(env, "MESSAGES=210", "INVALID_EVERY=30"), "examples/producer.hcl"), 0)
		w.Taken("my_logs")
		w.Until("all is stored", func() bool { return len(w.Stored().Count) == 203 })
		w.Stops(p, 0)
		if dead := w.Queue("my_dead"); dead.Total() != 7 {
			t.Errorf("%d dead letters in my_dead, want 7", dead.Total())
		}
		for _, key := range w.Keys() {
			if !strings.HasPrefix(key, "logs/20") || !strings.Contains(key, "/app") || !strings.HasSuffix(key, ".ndjson.gz") {
				t.Errorf("key %s is not of the form logs/<date>/<source>/<id>.ndjson.gz", key)
			}
		}
		if objects := w.Stored().Places; objects < 203/7 {
			t.Errorf("%d objects for 203 messages in batches of at most 7", objects)
		}
	})
	t.Run("no bucket falls back to the file", func(t *testing.T) {
		w := world.New(t)
		env := append(w.Env("RETRY_LIMIT=1"), "S3_BUCKET=not-made-yet")
		p := w.Start(env, "pipeline.hcl")
		w.Says(p, "input is open")
		w.Produce(200)
		w.Taken("log_queue")
		w.Until("all is in the fallback", func() bool { return len(w.InFallback().Count) == 200 })
		w.Stops(p, 0)
		if left := w.Depth("log_queue"); left != 0 {
			t.Errorf("%d messages are unacked although they are in the fallback", left)
		}
	})
	t.Run("host", func(t *testing.T) {
		w := world.New(t)
		env := append(w.Env(), "RABBITMQ_URL=", "RABBITMQ_HOST=broker.invalid")
		p := w.Start(env, "pipeline.hcl")
		if line := w.Says(p, "input is lost"); !strings.Contains(line.Text("error"), "broker.invalid") {
			t.Errorf("the error %q does not name the host", line.Text("error"))
		}
		w.Stops(p, 0)
	})
	t.Run("region", func(t *testing.T) {
		w := world.New(t)
		p := w.Start(w.Env("AWS_REGION=eu-west-1", "RETRY_LIMIT=1"), "pipeline.hcl")
		w.Says(p, "input is open")
		w.Produce(10)
		// The server's region is another: what the signature says of the region is refused.
		w.Says(p, "output fails")
		w.Stops(p, 0)
	})
}

// A crash may repeat what was unacked, at most one window; it may not lose anything.
func TestKillInTheMiddle(t *testing.T) {
	w := world.New(t)
	const n = 60_000
	w.Produce(n)
	twiceMost := 0
	for range 3 {
		p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
		w.Says(p, "input is open")
		twiceMost += w.Says(p, "prefetch").Int("messages")
		from := len(w.Keys())
		w.Until("it stores something", func() bool { return len(w.Keys()) > from })
		p.Kill()
	}
	p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Arrive(n)
	w.Stops(p, 0)
	stored := w.Stored()
	t.Logf("%d of %d messages are there twice after three kills; the bound is %d", stored.Twice(), n, twiceMost)
	if stored.Twice() > twiceMost {
		t.Errorf("%d messages are there twice; three windows are %d", stored.Twice(), twiceMost)
	}
}

// What S3 does not take goes to the file, is acked, and comes home when S3 is back: under the same ids, so none is doubled.
func TestOutageAndWayBack(t *testing.T) {
	w := world.New(t)
	w.OwnS3()
	const n = 5_000
	p := w.Start(w.Env("RETRY_LIMIT=1", "BATCH_SIZE=100"), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Produce(n)
	w.Until("something is stored", func() bool { return len(w.Keys()) > 0 })
	if err := w.S3.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Exits(w.Start(w.Env("MESSAGES=5000"), "examples/producer.hcl"), 0) // the same numbers again: that is counted below
	w.Says(p, "output fails")
	w.Taken("log_queue")
	if err := w.S3.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Says(p, "output is well again")
	w.Until("the fallback is empty", func() bool { return w.InFallback().Places == 0 })
	w.Stops(p, 0)
	stored := w.Stored()
	w.Complete(n, stored)
	for seq, times := range stored.Count {
		if times != 2 {
			t.Fatalf("number %d was sent twice and is stored %d times", seq, times)
		}
	}
}

// The dead letter is the message as it was, with its properties, and why it could not be stored.
func TestDeadLetterKeepsTheOriginal(t *testing.T) {
	w := world.New(t)
	p := w.Start(w.Env(), "pipeline.hcl")
	w.Says(p, "input is open")
	conn, err := amqp.Dial(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	sent := amqp.Publishing{
		Body: []byte("not json\n\x00\xff"), MessageId: "id-1", CorrelationId: "c-1", ContentType: "text/plain", Type: "login",
		Headers: amqp.Table{"tenant": "a", "n": int64(5)}, DeliveryMode: amqp.Persistent,
	}
	if err := ch.PublishWithContext(t.Context(), "", "log_queue", true, false, sent); err != nil {
		t.Fatal(err)
	}
	w.Until("the dead letter is there", func() bool { return w.Depth("log_dlq") == 1 })
	w.Stops(p, 0)
	got, ok, err := ch.Get("log_dlq", true)
	if err != nil || !ok {
		t.Fatalf("get: %v %v", ok, err)
	}
	if string(got.Body) != string(sent.Body) || got.MessageId != "id-1" || got.CorrelationId != "c-1" || got.ContentType != "text/plain" || got.Type != "login" {
		t.Errorf("the dead letter is %q with %q %q %q %q", got.Body, got.MessageId, got.CorrelationId, got.ContentType, got.Type)
	}
	for _, header := range []string{"x-logpipe-reason", "x-logpipe-error", "x-logpipe-pipeline", "x-logpipe-host", "x-logpipe-version", "x-logpipe-first-failed-at"} {
		if got.Headers[header] == nil {
			t.Errorf("header %s is missing", header)
		}
	}
	if got.Headers["tenant"] != "a" || got.Headers["n"] != int64(5) {
		t.Errorf("the producer's headers became %v", got.Headers)
	}
}

// Servers that are down at start are waited for; a stop meanwhile is not.
func TestNobodyIsThere(t *testing.T) {
	w := world.New(t)
	env := []string{"RABBITMQ_URL=amqp://guest:hushhush@127.0.0.1:1/", "S3_BUCKET=b", "S3_ENDPOINT=http://127.0.0.1:1", "FALLBACK_PATH=" + w.Fallback()}
	p := w.Start(env, "pipeline.hcl")
	w.Says(p, "input is lost")
	w.Stops(p, 0)
	if strings.Contains(p.Tail(1000), "hushhush") {
		t.Error("the log has the password")
	}
}

// A second signal ends the process at once; the queue has everything again.
func TestSecondSignal(t *testing.T) {
	w := world.New(t)
	own := w.OwnS3()
	const n = 500
	p := w.Start(w.Env(), "pipeline.hcl")
	w.Says(p, "input is open")
	if err := own.Pause(); err != nil { // connections stay open and nothing answers
		t.Fatal(err)
	}
	w.Produce(n)
	w.Taken("log_queue") // all of it is held by logpipe
	for range 2 {
		if err := p.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		w.Says(p, "drain")
	}
	w.Exits(p, 4)
	w.Until("the queue has it again", func() bool { return w.Depth("log_queue") == n })
}
