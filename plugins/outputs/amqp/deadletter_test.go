package amqp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

func deadLetter(t *testing.T, v *rabbittest.VHost) engine.Output {
	t.Helper()
	cfg := config(v)
	cfg.Exchange, cfg.Queue = "dlx", "dead"
	return newOutput(t, cfg, env(t, engine.RoleDeadLetter))
}

// roundTrip writes messages as dead letters and gets them from the queue.
func roundTrip(t *testing.T, v *rabbittest.VHost, b *engine.Batch) []amqp091.Delivery {
	t.Helper()
	if err := write(t, deadLetter(t, v), b); err != nil {
		t.Fatal(err)
	}
	return v.Take("dead")
}

type classed struct{ error }

func (classed) Reason() string { return "not_json" }

// indexOf is the place of a body in a batch.
func indexOf(b *engine.Batch, body []byte) int {
	return slices.IndexFunc(b.Messages, func(m engine.Message) bool { return bytes.Equal(m.Body, body) })
}

func TestDeadLetter(t *testing.T) {
	v := rabbittest.New(t)
	at := time.Unix(1700000000, 0)
	d := rabbitmq.NewDelivery(amqp091.Delivery{
		Headers: amqp091.Table{"tenant": "a", "n": int32(7), "CC": []any{"elsewhere"}}, ContentType: "application/json", ContentEncoding: "gzip",
		DeliveryMode: 1, Priority: 3, CorrelationId: "c", ReplyTo: "r", Expiration: "1", MessageId: "m", Timestamp: at, Type: "t", UserId: "them", AppId: "app",
		RoutingKey: "original", Exchange: "x",
	})
	b := batch()
	b.Messages = []engine.Message{{Body: []byte("as it stood"), Time: time.Now(), Meta: &d}, {Body: []byte("no meta")}, {Body: []byte("never")}}
	b.Reasons = []error{errors.New("not JSON at byte 3"), classed{errors.New("short")}, engine.Permanent(errors.New("too large"))}
	got := roundTrip(t, v, b)
	if len(got) != 3 {
		t.Fatalf("%d dead letters", len(got))
	}
	// RabbitMQ 4.3 gives the others first: a message without a priority has 4 there, and the first
	// has 3.
	slices.SortFunc(got, func(x, y amqp091.Delivery) int { return cmp.Compare(indexOf(b, x.Body), indexOf(b, y.Body)) })
	since := got[0].Headers[headerFirstFailed]
	if at, err := time.Parse(time.RFC3339, fmt.Sprint(since)); err != nil || time.Since(at) > time.Minute {
		t.Errorf("first failed at %v", since)
	}
	host := got[0].Headers[headerHost]
	if host == "" || host == nil {
		t.Errorf("the host is %v", host)
	}
	want := amqp091.Publishing{
		Headers: amqp091.Table{
			"tenant": "a", "n": int32(7), "x-logpipe-original-cc": []any{"elsewhere"}, "x-logpipe-original-expiration": "1", "x-logpipe-original-user-id": "them",
			headerReason: "rejected", headerError: "not JSON at byte 3", headerPipeline: "test", headerVersion: "v0", headerHost: host, headerFirstFailed: since,
		},
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 3, CorrelationId: "c", ReplyTo: "r",
		MessageId: "m", Timestamp: at, Type: "t", AppId: "app",
	}
	delete(got[0].Headers, "x-delivery-count") // the queue's own
	republished := rabbitmq.NewDelivery(got[0])
	if diff := gocmp.Diff(want, republished.Publishing()); diff != "" {
		t.Error(diff)
	}
	if string(got[0].Body) != "as it stood" || got[0].RoutingKey != "dead" {
		t.Errorf("body %q under key %q", got[0].Body, got[0].RoutingKey)
	}
	if got[1].Headers[headerReason] != "not_json" || got[1].MessageId == "" || got[2].Headers[headerReason] != "unwritable" {
		t.Errorf("reasons %v and %v, id %q", got[1].Headers[headerReason], got[2].Headers[headerReason], got[1].MessageId)
	}
}

// A dead letter can wait long until it is taken. Its header is the time of the failure, by which people look for the cause.
func TestDeadLetterSaysWhenItWasRejected(t *testing.T) {
	var dead *engine.Batch
	var rejected time.Time
	synctest.Test(t, func(t *testing.T) { // in another year
		rejected = time.Now()
		ledger := enginetest.NewLedger()
		store := enginetest.NewStore(ledger, "dead_letter")
		store.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n == 0 {
				return enginetest.Step{Slow: time.Hour, Err: errors.New("down")}
			}
			dead = &engine.Batch{Messages: slices.Clone(b.Messages), Reasons: slices.Clone(b.Reasons)}
			return enginetest.Step{}
		}
		pipeline := &flow.Pipeline{
			Inputs:     []engine.InputStep{{Name: "input", Input: enginetest.NewSource(ledger, "1")}},
			Processors: []engine.ProcessorStep{{Name: "reject", Processor: rejecter{}}},
			Output:     engine.OutputStep{Name: "output", Output: enginetest.NewStore(ledger, "output")},
			DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: store},
			Workers:    1, DrainTimeout: time.Minute,
		}
		if err := pipeline.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	o, err := New(Defaults(), env(t, engine.RoleDeadLetter))
	if err != nil {
		t.Fatal(err)
	}
	var p amqp091.Publishing
	_, err = o.(*output).message(&p, dead, 0, "", "", time.Now(), 128<<10)
	if want := rejected.UTC().Format(time.RFC3339); err != nil || p.Headers[headerFirstFailed] != want {
		t.Errorf("first failed at %v, want %v; error %v", p.Headers[headerFirstFailed], want, err)
	}
}

type rejecter struct{}

func (rejecter) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		b.Reject(i, errors.New("no"))
	}
	return nil
}

// A dead letter that was sent back and failed again must still say since when.
func TestDeadLetterAgain(t *testing.T) {
	v := rabbittest.New(t)
	d := rabbitmq.NewDelivery(amqp091.Delivery{Headers: amqp091.Table{headerFirstFailed: "2026-01-01T00:00:00Z", headerError: "old", headerReason: "old"}})
	b := batch()
	b.Messages = []engine.Message{{Body: []byte("x"), Meta: &d}}
	b.Reasons = []error{errors.New("new")}
	h := roundTrip(t, v, b)[0].Headers
	if h[headerFirstFailed] != "2026-01-01T00:00:00Z" || h[headerError] != "new" || h[headerReason] != "rejected" {
		t.Errorf("headers %v", h)
	}
}

// Without the queue that it came from, nobody could send a dead letter back without knowing the pipeline; with that of an earlier time it
// would go to the wrong one.
func TestDeadLetterSaysWhereFrom(t *testing.T) {
	v := rabbittest.New(t)
	old := amqp091.Table{"x-logpipe-queue": "old", "x-logpipe-exchange": "old", "x-logpipe-routing-key": "old"}
	direct := rabbitmq.NewDelivery(amqp091.Delivery{Headers: old, RoutingKey: "q1"}).From("q1")
	routed := rabbitmq.NewDelivery(amqp091.Delivery{Exchange: "x", RoutingKey: "k"}).From("q2")
	b := batch()
	b.Messages = []engine.Message{{Body: []byte("1"), Meta: &direct}, {Body: []byte("2"), Meta: &routed}}
	got := roundTrip(t, v, b)
	if h := got[0].Headers; h["x-logpipe-queue"] != "q1" || h["x-logpipe-exchange"] != nil || h["x-logpipe-routing-key"] != nil {
		t.Errorf("headers %v", h)
	}
	if h := got[1].Headers; h["x-logpipe-queue"] != "q2" || h["x-logpipe-exchange"] != "x" || h["x-logpipe-routing-key"] != "k" {
		t.Errorf("headers %v", h)
	}
}

// A dead letter has no other place to go: an error text or headers that are too long must not keep it out, nor cut the connection.
func TestDeadLetterWithTooMuchToSay(t *testing.T) {
	v := rabbittest.New(t)
	d := rabbitmq.NewDelivery(amqp091.Delivery{Headers: amqp091.Table{"big": strings.Repeat("b", 100<<10), "half": strings.Repeat("h", 40<<10), "small": "s"}})
	b := batch()
	b.Messages = []engine.Message{{Body: []byte("x"), Meta: &d}}
	b.Reasons = []error{errors.New(strings.Repeat("ä", 5000))}
	got := roundTrip(t, v, b)
	if len(got) != 1 {
		t.Fatalf("%d dead letters", len(got))
	}
	h := got[0].Headers
	text, _ := h[headerError].(string)
	if len(text) > errorBytes || len(text) < errorBytes-8 || !strings.HasSuffix(text, "ä…") {
		t.Errorf("the error has %d bytes and ends in %q", len(text), text[max(0, len(text)-8):])
	}
	if h["small"] != "s" || h["big"] != nil || h["half"] == nil || !gocmp.Equal(h["x-logpipe-left-out"], []any{"big"}) {
		t.Errorf("left out: %v", h["x-logpipe-left-out"])
	}
}

// As an output such a message goes to the dead letter instead.
func TestHeadersTooLarge(t *testing.T) {
	v := rabbittest.New(t)
	d := rabbitmq.NewDelivery(amqp091.Delivery{Headers: amqp091.Table{"big": strings.Repeat("b", 200<<10)}})
	b := batch("1", "2", "3")
	b.Messages[1].Meta = &d
	o := newOutput(t, config(v), env(t, engine.RoleOutput))
	err := write(t, o, b)
	var partial *engine.WriteError
	if !errors.As(err, &partial) || len(partial.Failed) != 1 || partial.Failed[0].Index != 1 || !engine.IsPermanent(partial.Failed[0].Err) {
		t.Errorf("error %v", err)
	}
	if got := fmt.Sprint(bodies(v, "stored")); got != "[1 3]" {
		t.Errorf("stored are %s", got)
	}
}

func TestCut(t *testing.T) {
	for text, want := range map[string]string{"": "", "abc": "abc", "abcdefgh": "abcdefgh", "abcdefghi": "abcde…", "abcdääää": "abcd…", "a\xffb": "a\uFFFDb"} {
		if got := cut(text, 8); got != want {
			t.Errorf("%q is cut to %q, want %q", text, got, want)
		}
	}
}
