package faults

import (
	"syscall"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// Two replicas read one queue, and one of them crashes under load: the other one gets what that had.
func TestOneOfTwoReplicasIsKilled(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		const n = 30_000
		file := w.Config(reading(t, kind))
		first := w.Start(w.Env("BATCH_SIZE=100"), file)
		window := w.Says(first, "prefetch").Int("messages")
		w.Says(first, "input is open")
		second := w.Start(w.Env("BATCH_SIZE=100", "FALLBACK_PATH="+w.Fallback()+".2"), file)
		w.Says(second, "input is open")
		producer := w.Producer(n, "RATE=8000")
		w.Until("it stores something", func() bool { return len(w.Keys()) > 10 })
		first.Kill()
		w.Exits(producer, 0)
		settles(w, second, n, window)
	})
}

// One of two replicas freezes in the middle of uploads, as a machine that swaps or a container that is throttled. The broker gives what it
// has to the other. When it goes on, its uploads have worked, and its acks belong to nothing any more: they must not meet other messages.
func TestOneOfTwoReplicasFreezes(t *testing.T) {
	queueTypes(t, func(t *testing.T, kind string) {
		w := world.New(t)
		store := w.ThroughStore()
		const n, more = 5_000, 5_000
		file := w.Config(reading(t, kind))
		env := append(w.Env("BATCH_SIZE=100"), "RABBITMQ_URL="+w.URL+"?heartbeat=1")
		frozen := w.Start(env, file)
		window := w.Says(frozen, "prefetch").Int("messages")
		w.Says(frozen, "input is open")
		store.Break(proxy.Slow(256)) // a batch takes some seconds, and there are fifty for five workers: it is not done before it is frozen
		w.Publish("", "log_queue", 1, n)
		w.Until("it uploads", func() bool { return store.Met() >= 5 })
		if err := frozen.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		w.Until("its uploads are stored", func() bool { return len(w.Keys()) >= 5 })
		store.Heal()
		other := w.Start(append(env, "S3_ENDPOINT="+w.S3.Endpoint, "FALLBACK_PATH="+w.Fallback()+".2"), file)
		w.Until("the other has stored everything", func() bool { return len(w.Stored().Count) == n })
		if err := frozen.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		w.Says(frozen, "input is lost")
		w.Says(frozen, "input is back")
		w.Publish("", "log_queue", n+1, n+more)
		w.Until("everything is stored", func() bool { return len(w.Stored().Count) == n+more })
		w.Stops(frozen, 0)
		settles(w, other, n+more, window)
	})
}
