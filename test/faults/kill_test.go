package faults

import (
	"net/http"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// killed is how many messages each of the tests that kill logpipe has.
const killed = 20_000

// A crash at any moment may repeat what was unacked, one window, and lose nothing.
func TestKill(t *testing.T) {
	const n = killed
	for name, at := range map[string]func(t *testing.T, w *world.World, store *proxy.Store) (twiceMost int){
		"while reading":          killReading,
		"while batches are open": killOpen,
		"during an upload":       killUploading,
		"between upload and ack": killStored,
		"during fallback writes": killFallingBack,
		"during recovery":        killRecovering,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			store := w.ThroughStore()
			w.Produce(n, "RABBITMQ_QUEUE=log_queue")
			twiceMost := at(t, w, store)
			store.Heal()
			p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
			w.Says(p, "input is open")
			w.Arrive(n)
			w.ComesHome(p)
			all := w.Account(n, "log_queue", "log_dlq")
			t.Logf("%d messages are there twice; the bound is %d", all.Twice(), twiceMost)
			if all.Twice() > twiceMost {
				t.Errorf("%d messages are there twice, the bound is %d", all.Twice(), twiceMost)
			}
		})
	}
}

func killReading(t *testing.T, w *world.World, _ *proxy.Store) int {
	p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
	window := w.Says(p, "prefetch").Int("messages")
	w.Until("it stores something", func() bool { return len(w.Keys()) > 0 })
	p.Kill()
	return window
}

// killOpen crashes while nothing is written: all that it has read waits in open batches.
func killOpen(t *testing.T, w *world.World, _ *proxy.Store) int {
	p := w.Start(w.Env("BATCH_SIZE=20000"), w.Config(edited(t, `age          = "5s"`, `age = "5m"`)))
	w.Says(p, "input is open")
	w.Taken("log_queue")
	if len(w.Keys()) > 0 {
		t.Error("something is stored already, so the test is not about open batches")
	}
	p.Kill()
	return 0
}

func killUploading(t *testing.T, w *world.World, store *proxy.Store) int {
	store.Break(proxy.Hang)
	p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
	w.Until("all workers upload", func() bool { return store.Met() == 5 })
	p.Kill()
	return 0
}

// killStored crashes when S3 has the objects and logpipe does not know: the only moment that stores twice.
func killStored(t *testing.T, w *world.World, store *proxy.Store) int {
	store.Break(func(ctx proxy.Context, rw http.ResponseWriter, r *http.Request, pass http.Handler) error {
		err := proxy.LoseAnswer(ctx, rw, r, pass)
		<-ctx.Done()
		return err
	})
	p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
	w.Until("all workers have uploaded", func() bool { return len(w.Keys()) == 5 })
	p.Kill()
	return 5 * 200
}

// killFallingBack crashes three times while batches go into the file. What is whole there comes home; what was cut off was not acked.
func killFallingBack(t *testing.T, w *world.World, store *proxy.Store) (twiceMost int) {
	store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	for i := range 3 {
		before := len(w.InFallback().Count)
		p := w.Start(w.Env("BATCH_SIZE=50", "RETRY_LIMIT=1"), "pipeline.hcl")
		twiceMost += w.Says(p, "prefetch").Int("messages")
		w.Until("it writes to the file", func() bool {
			now := len(w.InFallback().Count)
			return now > before+i*100 || now == killed
		})
		p.Kill()
	}
	return twiceMost
}

// killRecovering crashes three times while what fell back comes home: the same batches have the same keys.
func killRecovering(t *testing.T, w *world.World, store *proxy.Store) int {
	store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	p := w.Start(w.Env("BATCH_SIZE=200", "RETRY_LIMIT=1"), "pipeline.hcl")
	w.Taken("log_queue")
	w.Until("all is safe in the file", func() bool { return len(w.InFallback().Count) == killed })
	w.Stops(p, 0)
	store.Break(proxy.Slow(20 << 10))
	for range 3 {
		before := len(w.Keys())
		p = w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
		w.Until("something comes home", func() bool { return len(w.Keys()) > before })
		p.Kill()
	}
	return 0
}

// deadLetterApart is a pipeline whose dead letter has a way of its own to the broker.
const deadLetterApart = `
pipeline "logs" {
  input "amqp" {
    url   = env("RABBITMQ_URL")
    queue = "log_queue"
  }
  processor "json" {}
  processor "batch" {
    count = 100
    age   = "1s"
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    endpoint = env("S3_ENDPOINT")
    key      = "${batch.date}/${batch.id}.ndjson"
  }
  dead_letter "amqp" {
    url   = env("DEAD_LETTER_URL")
    queue = "log_dlq"
  }
}
`

// A crash between the publish of a dead letter and its ack repeats the dead letter; it does not lose it.
func TestKillDuringADeadLetter(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	way := w.ThroughProxy()
	const n, bad = 5_000, 500
	w.Produce(n, "INVALID_EVERY=10")
	env := append(w.Env(), "RABBITMQ_URL="+w.URL, "DEAD_LETTER_URL="+w.ThroughURL())
	file := w.Config(deadLetterApart)
	way.Vanish()
	p := w.Start(env, file)
	window := w.Says(p, "prefetch").Int("messages")
	w.Until("the dead letter is dialled", func() bool { return way.Connections() > 0 })
	way.Heal()
	w.Until("a dead letter has arrived", func() bool { return w.HasQueue("log_dlq") && w.Depth("log_dlq") > 0 })
	way.Vanish() // confirms do not come
	p.Kill()
	way.Cut()
	way.Heal()
	p = w.Start(env, file)
	w.Says(p, "input is open")
	w.Arrive(n - bad)
	w.Until("the dead letters have arrived", func() bool { return w.Depth("log_dlq") >= bad })
	w.Stops(p, 0)
	dead := w.Queue("log_dlq")
	if len(dead.Count) != bad {
		t.Errorf("%d of %d dead letters arrived", len(dead.Count), bad)
	}
	w.Complete(n, w.Stored(), dead)
	if twice := w.Stored().Twice() + dead.Twice(); twice > window {
		t.Errorf("%d messages are there twice, a window is %d", twice, window)
	}
}
