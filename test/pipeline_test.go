package test

import (
	"strings"
	"syscall"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/servers"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The main job. If it fails, logs that are sent do not arrive, or arrive twice although nothing went wrong.
func TestQueueToBucket(t *testing.T) {
	w := newWorld(t)
	const n = 20_000
	p := w.start(w.env("BATCH_SIZE=500"), "pipeline.hcl")
	w.says(p, "prefetch")
	w.produce(n, "INVALID_EVERY=1000")
	w.taken("log_queue")
	w.stops(p, 0)
	stored, dead := w.stored(), w.queue("log_dlq")
	w.complete(n, stored, dead)
	if twice := stored.Twice() + dead.Twice(); twice != 0 {
		t.Errorf("%d messages are there twice", twice)
	}
	if dead.Total() != n/1000 {
		t.Errorf("%d dead letters, want %d", dead.Total(), n/1000)
	}
	if left := w.depth("log_queue"); left != 0 {
		t.Errorf("%d messages are back in the queue after a clean drain", left)
	}
}

// Each of the variables of the program that logpipe replaces does what it did there.
func TestTheOriginalsVariables(t *testing.T) {
	t.Run("queues, batch size, bucket, retries, workers, fallback", func(t *testing.T) {
		w := newWorld(t)
		env := w.env("RABBITMQ_QUEUE=my_logs", "RABBITMQ_DLQ=my_dead", "BATCH_SIZE=7", "MAX_WORKERS=2", "RETRY_LIMIT=2", "AWS_REGION=us-east-1")
		p := w.start(env, "pipeline.hcl")
		w.says(p, "input is open")
		w.exits(w.start(append(env, "MESSAGES=210", "INVALID_EVERY=30"), "examples/producer.hcl"), 0)
		w.taken("my_logs")
		w.until("all is stored", func() bool { return len(w.stored().Count) == 203 })
		w.stops(p, 0)
		if dead := w.queue("my_dead"); dead.Total() != 7 {
			t.Errorf("%d dead letters in my_dead, want 7", dead.Total())
		}
		for _, key := range w.keys() {
			if !strings.HasPrefix(key, "logs/20") || !strings.Contains(key, "/app") || !strings.HasSuffix(key, ".ndjson.gz") {
				t.Errorf("key %s is not of the form logs/<date>/<source>/<id>.ndjson.gz", key)
			}
		}
		if objects := w.stored().Places; objects < 203/7 {
			t.Errorf("%d objects for 203 messages in batches of at most 7", objects)
		}
	})
	t.Run("no bucket falls back to the file", func(t *testing.T) {
		w := newWorld(t)
		env := append(w.env("RETRY_LIMIT=1"), "S3_BUCKET=not-made-yet")
		p := w.start(env, "pipeline.hcl")
		w.says(p, "input is open")
		w.produce(200)
		w.taken("log_queue")
		w.until("all is in the fallback", func() bool { return len(w.inFallback().Count) == 200 })
		w.stops(p, 0)
		if left := w.depth("log_queue"); left != 0 {
			t.Errorf("%d messages are unacked although they are in the fallback", left)
		}
	})
	t.Run("host", func(t *testing.T) {
		w := newWorld(t)
		env := append(w.env(), "RABBITMQ_URL=", "RABBITMQ_HOST=broker.invalid")
		p := w.start(env, "pipeline.hcl")
		if line := w.says(p, "input is lost"); !strings.Contains(line.Text("error"), "broker.invalid") {
			t.Errorf("the error %q does not name the host", line.Text("error"))
		}
		w.stops(p, 0)
	})
	t.Run("region", func(t *testing.T) {
		w := newWorld(t)
		p := w.start(w.env("AWS_REGION=eu-west-1", "RETRY_LIMIT=1"), "pipeline.hcl")
		w.says(p, "input is open")
		w.produce(10)
		// The server's region is another: what the signature says of the region is refused.
		w.says(p, "output fails")
		w.stops(p, 0)
	})
}

func (w *world) keys() (keys []string) {
	w.t.Helper()
	page, err := w.s3.Client().ListObjectsV2(w.t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(w.bucket)})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range page.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	return keys
}

// A crash may repeat what was unacked, at most one window; it may not lose anything.
func TestKillInTheMiddle(t *testing.T) {
	w := newWorld(t)
	const n = 60_000
	w.produce(n)
	twiceMost := 0
	for range 3 {
		p := w.start(w.env("BATCH_SIZE=200"), "pipeline.hcl")
		w.says(p, "input is open")
		twiceMost += w.says(p, "prefetch").Int("messages")
		from := len(w.keys())
		w.until("it stores something", func() bool { return len(w.keys()) > from })
		p.Kill()
	}
	p := w.start(w.env("BATCH_SIZE=200"), "pipeline.hcl")
	w.says(p, "input is open")
	w.taken("log_queue")
	w.stops(p, 0)
	stored := w.stored()
	w.complete(n, stored)
	t.Logf("%d of %d messages are there twice after three kills; the bound is %d", stored.Twice(), n, twiceMost)
	if stored.Twice() > twiceMost {
		t.Errorf("%d messages are there twice; three windows are %d", stored.Twice(), twiceMost)
	}
}

// What S3 does not take goes to the file, is acked, and comes home when S3 is back: under the same ids, so none is doubled.
func TestOutageAndWayBack(t *testing.T) {
	w := newWorld(t)
	w.s3 = servers.OwnS3(t)
	w.bucket = "logs"
	if err := w.s3.MakeBucket(t.Context(), w.bucket); err != nil {
		t.Fatal(err)
	}
	const n = 5_000
	p := w.start(w.env("RETRY_LIMIT=1", "BATCH_SIZE=100"), "pipeline.hcl")
	w.says(p, "input is open")
	w.produce(n)
	w.until("something is stored", func() bool { return len(w.keys()) > 0 })
	if err := w.s3.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exits(w.start(w.env("MESSAGES=5000"), "examples/producer.hcl"), 0) // the same numbers again: that is counted below
	w.says(p, "output fails")
	w.taken("log_queue")
	if err := w.s3.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.says(p, "output is well again")
	w.until("the fallback is empty", func() bool { return w.inFallback().Places == 0 })
	w.stops(p, 0)
	stored := w.stored()
	w.complete(n, stored)
	for seq, times := range stored.Count {
		if times != 2 {
			t.Fatalf("number %d was sent twice and is stored %d times", seq, times)
		}
	}
}

// The dead letter is the message as it was, with its properties, and why it could not be stored.
func TestDeadLetterKeepsTheOriginal(t *testing.T) {
	w := newWorld(t)
	p := w.start(w.env(), "pipeline.hcl")
	w.says(p, "input is open")
	conn, err := amqp.Dial(w.url)
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
	w.until("the dead letter is there", func() bool { return w.depth("log_dlq") == 1 })
	w.stops(p, 0)
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
	w := newWorld(t)
	env := []string{"RABBITMQ_URL=amqp://guest:hushhush@127.0.0.1:1/", "S3_BUCKET=b", "S3_ENDPOINT=http://127.0.0.1:1", "FALLBACK_PATH=" + w.fallback()}
	p := w.start(env, "pipeline.hcl")
	w.says(p, "input is lost")
	w.stops(p, 0)
	if strings.Contains(p.Tail(1000), "hushhush") {
		t.Error("the log has the password")
	}
}

// A second signal ends the process at once; the queue has everything again.
func TestSecondSignal(t *testing.T) {
	w := newWorld(t)
	own := servers.OwnS3(t)
	if err := own.MakeBucket(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	w.s3, w.bucket = own, "logs"
	const n = 500
	p := w.start(w.env(), "pipeline.hcl")
	w.says(p, "input is open")
	if err := own.Pause(); err != nil { // connections stay open and nothing answers
		t.Fatal(err)
	}
	w.produce(n)
	w.taken("log_queue") // all of it is held by logpipe
	for range 2 {
		if err := p.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		w.says(p, "drain")
	}
	w.exits(p, 4)
	w.until("the queue has it again", func() bool { return w.depth("log_queue") == n })
}
