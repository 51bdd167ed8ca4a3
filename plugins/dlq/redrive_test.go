package dlq

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

var silent = slog.New(slog.DiscardHandler)

// Each message must go back to its own queue, once, in its order.
func TestRedriveSendsBack(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.fill(1, 600, "a", "b")
		if r := w.must(Redrive{Log: silent}); r.Sent != 600 || r.Seen != 600 || r.Failed() != 0 {
			t.Errorf("%+v", r)
		}
		w.has("a", numbers(1, 599, 2)...)
		w.has("b", numbers(2, 600, 2)...)
		w.has("dead")
	})
}

// The message must be what its producer sent: what a dead letter says of a failure would be taken for true of the next one, the broker's own
// marks would make it drop the message as one that circles, and a property that acts would delete or misroute it.
func TestRedriveFreesTheMessage(t *testing.T) {
	w := newWorld(t, nil)
	at := time.Unix(1700000000, 0)
	sent := letter("1", "a", amqp.Table{
		"tenant": "t", "n": int32(5), "x-logpipe-exchange": "x", "x-logpipe-routing-key": "k", "x-logpipe-original-expiration": "5", "x-logpipe-redriven": int64(2),
		"x-death": []any{amqp.Table{"queue": "a", "reason": "expired"}}, "x-first-death-queue": "a", "x-last-death-reason": "expired", "x-delivery-count": int64(3),
	})
	sent.ContentType, sent.ContentEncoding, sent.Priority, sent.CorrelationId, sent.ReplyTo = "text/plain", "gzip", 3, "c", "r"
	sent.Timestamp, sent.Type, sent.AppId, sent.Body, sent.DeliveryMode = at, "t", "app", []byte("\x00\xff\n"), amqp.Transient
	w.Send("", "dead", sent)
	w.must(Redrive{Log: silent})
	got := w.has("a", "\x00\xff\n")
	if len(got) != 1 {
		t.Fatal("the message is not there")
	}
	delete(got[0].Headers, "x-delivery-count") // the queue's own
	d := rabbitmq.NewDelivery(got[0])
	want := amqp.Publishing{
		Headers: amqp.Table{
			"tenant": "t", "n": int32(5), "x-logpipe-original-expiration": "5", "x-logpipe-redriven": int64(3), "x-logpipe-first-failed-at": "2026-01-02T03:04:05Z",
		},
		ContentType: "text/plain", ContentEncoding: "gzip", Priority: 3, CorrelationId: "c", ReplyTo: "r", MessageId: "id-1", Timestamp: at, Type: "t", AppId: "app",
		DeliveryMode: amqp.Persistent,
	}
	if diff := cmp.Diff(want, d.Publishing()); diff != "" {
		t.Error(diff)
	}
}

// What the broker itself has dead-lettered goes back, too; and the name of the queue is all that it needs.
func TestRedriveOfBrokersOwn(t *testing.T) {
	w := newWorld(t, nil)
	w.Declare("c", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
	w.Publish("c", []byte("1"))
	d, _, err := w.Channel().Get("c", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Nack(false, false); err != nil {
		t.Fatal(err)
	}
	w.WaitReady("dead", 1)
	w.must(Redrive{Log: silent})
	if got := w.has("c", "1"); len(got) == 1 && got[0].Headers["x-death"] != nil {
		t.Errorf("headers %v", got[0].Headers)
	}
}

// What is not chosen stays, all of it, in its order.
func TestRedriveMatch(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.fill(1, 600, "a", "b")
		m, err := ParseMatch([]string{"queue=b", "body~0$"})
		if err != nil {
			t.Fatal(err)
		}
		if r := w.must(Redrive{Match: m, Log: silent}); r.Sent != 60 || r.Unmatched != 540 || r.Failed() != 0 {
			t.Errorf("%+v", r)
		}
		w.has("b", numbers(10, 600, 10)...)
		var stay []string
		for _, n := range numbers(1, 600, 1) {
			if !strings.HasSuffix(n, "0") {
				stay = append(stay, n)
			}
		}
		w.has("dead", stay...)
	})
}

// A trial must be a trial: no more than it says, and nothing at all in a dry run.
func TestRedriveMaxAndDryRun(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.fill(1, 100, "a")
		if r := w.must(Redrive{DryRun: true, Log: silent}); r.Sent != 100 || len(r.Groups) != 1 {
			t.Errorf("%+v", r)
		}
		w.WaitReady("dead", 100)
		if r := w.must(Redrive{Max: 30, Log: silent}); r.Sent != 30 || r.Seen != 30 {
			t.Errorf("%+v", r)
		}
		w.has("a", numbers(1, 30, 1)...)
		w.has("dead", numbers(31, 100, 1)...)
	})
}

// What no queue takes must stay in the dead-letter queue: an unroutable message is confirmed by the broker all the same, and would be gone.
func TestRedriveKeepsWhatCannotBeSent(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.Declare("full", amqp.Table{"x-max-length": int64(2), "x-overflow": "reject-publish"})
		w.Send("", "dead", letter("1", "a", nil), letter("2", "gone", nil), letter("3", "", nil), letter("4", "dead", nil), letter("5", strings.Repeat("q", 300), nil),
			letter("6", "full", nil), letter("7", "full", nil), letter("8", "full", nil), letter("9", "a", nil))
		w.WaitReady("dead", 9)
		r := w.must(Redrive{Log: silent})
		if r.Sent != 4 || r.Failed() != 5 {
			t.Errorf("%+v", r)
		}
		says := fmt.Sprint(r.Kept)
		for _, text := range []string{`no queue "gone" any more`, "does not say which queue", "dead-letter queue itself", "has 300 bytes", "the queue is full"} {
			if !strings.Contains(says, text) {
				t.Errorf("nothing says %q: %s", text, says)
			}
		}
		w.has("a", "1", "9")
		w.has("full", "6", "7")
		w.has("dead", "2", "3", "4", "5", "8")
	})
}

// By way of an exchange a message reaches what is bound there; what nothing is bound for stays.
func TestRedriveToExchange(t *testing.T) {
	w := newWorld(t, nil)
	ch := w.Channel()
	if err := ch.ExchangeDeclare("x", "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"k", "fixed"} {
		if err := ch.QueueBind("b", key, "x", false, nil); err != nil {
			t.Fatal(err)
		}
	}
	fill := func() {
		w.Send("", "dead", letter("1", "a", amqp.Table{"x-logpipe-exchange": "y", "x-logpipe-routing-key": "k"}),
			letter("2", "a", amqp.Table{"x-logpipe-exchange": "y", "x-logpipe-routing-key": "unbound"}), letter("3", "a", nil))
		w.WaitReady("dead", 3)
	}
	fill()
	if r := w.must(Redrive{Target: Target{Exchange: "x"}, Log: silent}); r.Sent != 1 || r.Failed() != 2 {
		t.Errorf("%+v", r)
	}
	w.has("b", "1")
	w.has("dead", "2", "3")
	fill()
	if r := w.must(Redrive{Target: Target{Exchange: "x", Key: "fixed"}, Log: silent}); r.Sent != 3 {
		t.Errorf("%+v", r)
	}
	w.has("b", "1", "2", "3")
}

// A target that is not there is told before anything is touched.
func TestRedriveToNowhere(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(1, 3, "a")
	for says, target := range map[string]Target{
		`no queue "nosuch"`: {Queue: "nosuch"}, "is the dead-letter queue itself": {Queue: "dead"}, `no exchange "nosuch"`: {Exchange: "nosuch", Key: "k"},
	} {
		if _, err := w.run(within(t), Redrive{Target: target, Log: silent}); err == nil && !strings.Contains(says, "exchange") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %s", err, says)
		}
		w.WaitReady("dead", 3)
	}
	w.has("dead", "1", "2", "3")
}

// When nothing gets through any more it must end, not try each of a million messages.
func TestRedriveStopsWhenNothingGetsThrough(t *testing.T) {
	w := newWorld(t, nil)
	w.Declare("full", amqp.Table{"x-max-length": int64(1), "x-overflow": "reject-publish"})
	w.fill(1, 2000, "full")
	r, err := w.run(within(t), Redrive{Log: silent})
	if err == nil || !strings.Contains(err.Error(), "no message gets through") || r.Sent != 1 || r.Seen > 1000 {
		t.Errorf("%d of %d sent: %v", r.Sent, r.Seen, err)
	}
	w.has("full", "1")
	w.has("dead", numbers(2, 2000, 1)...)
}

// A message that fails again at once comes back while the others are still being sent. Sent again and again, it would never end.
func TestRedriveDoesNotCircle(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.Declare("failing", amqp.Table{"x-message-ttl": int64(0), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
		w.fill(1, 500, "failing")
		if r := w.must(Redrive{Log: silent}); r.Sent != 500 || r.Seen != 500 {
			t.Errorf("%+v", r)
		}
		w.WaitReady("dead", 500)
		for _, d := range w.Take("dead") {
			if d.Headers["x-logpipe-redriven"] != int64(1) {
				t.Fatalf("message %s was sent back %v times", d.Body, d.Headers["x-logpipe-redriven"])
			}
		}
	})
}

// Whoever interrupts must find each message in exactly one of the queues.
func TestRedriveInterrupted(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.fill(1, 2000, "a")
		ctx, stop := context.WithCancel(within(t))
		r, err := w.run(ctx, Redrive{Log: silent, Progress: func(r Result) {
			if r.Sent > 200 {
				stop()
			}
		}})
		if err != nil || r.Sent <= 200 || r.Sent == 2000 {
			t.Fatalf("%d sent (%v)", r.Sent, err)
		}
		w.has("a", numbers(1, r.Sent, 1)...)
		w.has("dead", numbers(r.Sent+1, 2000, 1)...)
	})
}

// A connection that is cut may repeat what was on its way; it may not lose it.
func TestRedriveCutOff(t *testing.T) {
	onEach(t, func(t *testing.T, w world) {
		w.fill(1, 2000, "a")
		gate := rabbittest.NewGate(t, w.Address())
		b, err := At(strings.Replace(w.URL, w.Address(), gate.Address, 1), "", "v0")
		if err != nil {
			t.Fatal(err)
		}
		reader, err := Open(within(t), b, "dead")
		if err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		_, err = (&Redrive{Log: silent, Progress: func(r Result) {
			if r.Sent > 200 {
				once.Do(gate.Shut)
			}
		}}).Run(within(t), reader)
		if err == nil {
			t.Error("it says that all went well")
		}
		_ = reader.Close(context.Background()) // the connection is gone
		gate.Open()
		seen, twice := map[string]bool{}, 0
		// The broker finds out by itself that the connections are gone, and gives back then. A slow machine is done when nothing comes any more.
		for last := time.Now(); len(seen) < 2000 && time.Since(last) < rabbittest.Patience; {
			had := len(seen)
			w.must(Redrive{Log: silent})
			for _, d := range w.Take("a") {
				if seen[string(d.Body)] {
					twice++
				}
				seen[string(d.Body)] = true
			}
			if len(seen) > had {
				last = time.Now()
			}
		}
		if len(seen) != 2000 || twice > sentRound+1 {
			t.Errorf("%d of 2000 messages arrived, %d twice", len(seen), twice)
		}
	})
}

// A rate protects what comes behind the queue from a flood.
func TestRedriveRate(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(1, 40, "a")
	began := time.Now()
	if r := w.must(Redrive{Rate: 50, Log: silent}); r.Sent != 40 {
		t.Errorf("%+v", r)
	}
	// Pieces of 5: the last one may go 0.7 s after the first.
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("40 messages at 50/s took %v", took)
	}
	w.has("a", numbers(1, 40, 1)...)
}

// A message that stays is returned, and a queue with a delivery limit deletes what is returned too often.
func TestRedriveStopsBeforeTheDeliveryLimit(t *testing.T) {
	w := newWorld(t, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(20)})
	w.fill(1, 3, "nosuch")
	for range worn {
		w.must(Redrive{Log: silent})
		w.WaitReady("dead", 3)
	}
	if _, err := w.run(within(t), Redrive{Log: silent}); err == nil || !strings.Contains(err.Error(), "--anyway") {
		t.Errorf("error %v", err)
	}
	w.WaitReady("dead", 3)
}
