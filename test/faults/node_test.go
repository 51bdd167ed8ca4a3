//go:build faults

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// unconfirmed is what the producer may have sent and must send again when its connection is lost: four workers with a chunk each, and more.
const unconfirmed = 2_000

// The broker restarts under load, in an orderly way and by a crash. What it has confirmed it still has; the rest is sent and delivered again.
func TestBrokerRestarts(t *testing.T) {
	for name, end := range map[string]func(w *world.World) error{
		"in an orderly way": func(w *world.World) error { return w.Broker.Stop(w.TB.Context()) },
		"by a crash": func(w *world.World) error {
			if err := w.Broker.SyncDeclarations(w.TB.Context()); err != nil {
				return err
			}
			return w.Broker.Kill()
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"quorum", "classic"} {
				t.Run(kind, func(t *testing.T) {
					w := world.New(t)
					w.OwnBroker()
					const n = 40_000
					p := w.Start(w.Env("BATCH_SIZE=100"), w.Config(reading(t, kind)))
					window := w.Says(p, "prefetch").Int("messages")
					w.Says(p, "input is open")
					producer := w.Producer(n, "RATE=4000")
					w.Until("it stores something", func() bool { return len(w.Keys()) > 0 })
					if err := end(w); err != nil {
						t.Fatal(err)
					}
					w.Says(p, "input is lost")
					if err := w.Broker.Start(t.Context()); err != nil {
						t.Fatal(err)
					}
					w.Says(p, "input is back")
					w.Exits(producer, 0)
					settles(w, p, n, window+unconfirmed)
				})
			}
		})
	}
}

// ctl runs rabbitmqctl.
func ctl(w *world.World, args ...string) {
	w.TB.Helper()
	if _, err := w.Broker.Ctl(w.TB.Context(), args...); err != nil {
		w.TB.Fatal(err)
	}
}

// A memory or a disk alarm: the broker reads nothing more from who publishes. Reading goes on, and its acks too, because it has a connection of
// its own; dead letters are held until the alarm is over.
func TestAlarm(t *testing.T) {
	for name, alarm := range map[string]struct{ on, off []string }{
		"memory": {[]string{"set_vm_memory_high_watermark", "0.00001"}, []string{"set_vm_memory_high_watermark", "0.8"}},
		"disk":   {[]string{"set_disk_free_limit", "100000GB"}, []string{"set_disk_free_limit", "10MB"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t)
			w.OwnBroker()
			const good, n = 8_000, 9_000 // and a hundred of the last thousand are not JSON
			// The dead letter notices after this time that the broker confirms nothing. It must go on trying after that.
			file := w.Config(edited(t, `exchange = "dlx"`, "timeout = \"2s\"\n    exchange = \"dlx\""))
			p := w.Start(w.Env("BATCH_SIZE=100"), file)
			w.Says(p, "input is open")
			w.Stops(p, 0) // it has declared everything
			w.Publish("", "log_queue", 1, good)
			w.Send("", "log_queue", good+1, n, tenth)
			ctl(w, alarm.on...)
			p = w.Start(w.Env("BATCH_SIZE=100"), file)
			w.Says(p, "the broker takes no more messages for now")
			w.Says(p, "dead_letter fails")
			w.Until("the good messages are stored", func() bool { return len(w.Stored().Count) == n-100 })
			ctl(w, alarm.off...)
			w.Until("the dead letters have arrived", func() bool { return w.Depth("log_dlq") >= 100 })
			w.Stops(p, 0)
			within(w, n, 100, "log_queue", "log_dlq")
		})
	}
}

// impatient gives the broker a consumer_timeout that it looks at often.
func impatient(w *world.World, timeout time.Duration) {
	w.TB.Helper()
	ctl(w, "eval", fmt.Sprintf("application:set_env(rabbit, consumer_timeout, %d).", timeout.Milliseconds()))
	ctl(w, "eval", "application:set_env(rabbit, channel_tick_interval, 200).")
}

// patient is the pipeline held with a consumer_timeout, which RabbitMQ from 4.3 on is asked for: its own setting does not count then.
func patient(timeout time.Duration, kind string) string {
	const queue = "\"log_queue\"\n"
	return strings.Replace(held, queue, fmt.Sprintf("%s    queue_type = %q\n    consumer_timeout = %q\n", queue, kind, timeout), 1)
}

// S3 hangs longer than the broker waits for an ack. It closes the channel, not the connection, and delivers again; from 4.3 on it ends the subscription, and
// waits for ever on a classic queue.
func TestConsumerTimeout(t *testing.T) {
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			w := world.New(t)
			w.OwnBroker()
			if kind == "classic" && w.Broker.From(4, 3) {
				t.Skip("a classic queue has no such time from 4.3 on")
			}
			impatient(w, 3*time.Second)
			store := w.ThroughStore()
			store.Break(proxy.Hang)
			const n = 400
			p := w.Start(w.Env(), w.Config(patient(3*time.Second, kind)))
			w.Says(p, "input is open")
			w.Publish("", "log_queue", 1, n)
			// 4.3 does not say the time where the message came through a subscription that was replaced since.
			why := "a message waited for its ack longer than"
			if line := w.Says(p, "input is lost"); !strings.Contains(line.Text("error"), why) || !strings.Contains(line.Text("error"), "consumer_timeout of") {
				t.Errorf("the error is %q", line.Text("error"))
			}
			store.Heal()
			w.Until("all is stored", func() bool { return len(w.Stored().Count) == n })
			settles(w, p, n, 5*50)
		})
	}
}

// An outage of S3 that is longer than what the broker waits for acks, times how often it delivers a message: each time it takes the messages back
// it counts a delivery, and beyond the limit of the queue it takes them away, good as they are. The fallback takes them before that; without one
// logpipe must not take them again and again.
func TestOutageBeyondTheDeliveryLimit(t *testing.T) {
	for name, fallback := range map[string]bool{"with a fallback": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t)
			w.OwnBroker()
			const n, timeout, limit = 400, 2 * time.Second, 1
			impatient(w, timeout)
			limitedQueue(w, limit)
			store := w.ThroughStore()
			store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
			file := "pipeline.hcl"
			if !fallback {
				file = w.Config(patient(timeout, "quorum"))
			}
			p := w.Start(w.Env("RETRY_LIMIT=1"), file)
			if line := w.Says(p, "x-delivery-limit is"); line.Text("level") != "WARN" {
				t.Errorf("the operator is not warned of the limit but told %v", line)
			}
			w.Says(p, "input is open")
			w.Publish("", "log_queue", 1, n)
			w.Says(p, "output fails")
			if !fallback {
				w.Says(p, "input is lost")
				w.Says(p, "input stays closed until something can be written")
			}
			outage := time.Now()
			w.Until("the outage is much longer than the limit", func() bool { return time.Since(outage) > 5*(limit+1)*timeout })
			store.Heal()
			w.Until("all is stored", func() bool { return len(w.Stored().Count) == n })
			settles(w, p, n, 1) // the message that it has asked with whether S3 is well
			if dead := w.Queue("graves"); dead.Total() != 0 {
				t.Errorf("the broker has taken away %d good messages", dead.Total())
			}
		})
	}
}

// Connections are cut again and again while S3 is down. The first cut costs one delivery; were the input opened in the outage each one more
// would cost another, and the broker would take good messages away when they are beyond the limit of the queue, however high it is. Without a limit of
// the queue's own, 20 is that of RabbitMQ 4.
func TestAnOutageCostsOneDelivery(t *testing.T) {
	for _, limit := range []int{1, 2, 0} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			const n, quiet, cutsMost = 400, 10 * time.Second, 25
			limitedQueue(w, limit)
			store := w.ThroughStore()
			store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
			p := w.Start(w.Env(), w.Config(held))
			w.Says(p, "input is open")
			w.Publish("", "log_queue", 1, n)
			w.Taken("log_queue")
			w.Says(p, "output fails")
			cuts, last := 0, time.Now()
			w.Until("nobody is there whose connection could be cut", func() bool {
				if closed := w.CloseSome("input.amqp"); closed > 0 {
					cuts, last = cuts+1, time.Now()
				}
				return cuts > 0 && (time.Since(last) > quiet || cuts == cutsMost)
			})
			if cuts > 2 { // the list of connections is a second old, so one connection may be found twice
				t.Errorf("the input was opened and cut %d times in one outage", cuts)
			}
			store.Heal()
			w.Until("all is stored", func() bool { return len(w.Stored().Count) == n })
			settles(w, p, n, 1) // the message that it has asked with whether S3 is well
			if dead := w.Queue("graves"); dead.Total() != 0 {
				t.Errorf("the broker has taken away %d good messages", dead.Total())
			}
		})
	}
}

// limitedQueue makes a quorum queue whose messages go to the graves when they were delivered too often; with a limit of 0,
// oftener than the broker's own limit.
func limitedQueue(w *world.World, limit int) {
	w.TB.Helper()
	ch := w.Channel()
	grave(w, ch, "log_queue")
	args := amqp.Table{"x-queue-type": "quorum", "x-dead-letter-exchange": "graves"}
	if limit > 0 {
		args["x-delivery-limit"] = limit
	}
	if _, err := ch.QueueDeclare("log_queue", true, false, false, false, args); err != nil {
		w.TB.Fatal(err)
	}
}

// A queue is deleted while S3 is down for minutes: what came from it is nowhere else, so no patience may end.
func TestQueueDeletedInALongOutage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	const n = 200
	p := w.Start(w.Env(), w.Config(held))
	w.Says(p, "input is open")
	w.Publish("", "log_queue", 1, n)
	w.Taken("log_queue")
	deleteQueue(w)
	deleted := time.Now()
	w.Publish("", "log_queue", n+1, 2*n)
	w.Until("more than a minute is over", func() bool { return time.Since(deleted) > 75*time.Second })
	store.Heal()
	settles(w, p, 2*n, 1)
}
