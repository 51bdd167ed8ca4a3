//go:build interop

package interop

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/tally"
)

const poisoned = `
pipeline "logs" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "logs"
  }
  processor "batch" {
    count = 100
    age   = "1s"
  }
  output "s3" {
    bucket      = env("S3_BUCKET")
    region      = "us-east-1"
    endpoint    = env("S3_ENDPOINT")
    key         = "${batch.id}.ndjson"
    compression = "zstd"
  }
}
`

// A broker takes messages by AMQP 1.0 that it cannot deliver by AMQP 0-9-1: it ends the connection of whoever reads them. If this fails, one such
// message makes the broker delete good ones that were delivered with it, or has what is before it stored again and again, and nobody is told.
func TestAMessageThatNobodyCanBeGiven(t *testing.T) {
	s := newStage(t)
	for i, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			b := &bitten{stage: s, kind: kind, from: 1 + 1000*i}
			b.World.TB = t
			b.fill(t)
			if kind == "quorum" {
				b.goesOn(t)
			} else {
				b.waitsForHelp(t)
			}
		})
	}
}

// bitten is a queue with 150 messages, one that cannot be delivered, and 150 more.
type bitten struct {
	*stage
	kind string
	from int // the number of the first message
}

const before, all = 150, 300

func (b *bitten) fill(t *testing.T) {
	ch := b.Channel()
	_, err := ch.QueueDelete("logs", false, false, false)
	check(t, err)
	args := amqp.Table{"x-queue-type": b.kind}
	if b.kind == "quorum" {
		b.queue(ch, "grave")
		args["x-delivery-limit"], args["x-dead-letter-exchange"], args["x-dead-letter-routing-key"] = 8, "", "grave"
	}
	_, err = ch.QueueDeclare("logs", true, false, false, false, args)
	check(t, err)
	check(t, ch.QueueBind("logs", "proton.#", published, false, nil))
	b.Send("", "logs", b.from, b.from+before-1, record)
	b.poison(t)
	b.Send("", "logs", b.from+before, b.from+all-1, record)
}

func record(seq int) string { return fmt.Sprintf(`{"seq":%d}`, seq) }

func (b *bitten) poison(t *testing.T) {
	job := b.task()
	job.Poison = "id-number"
	if b.broker >= 4 {
		job.Poison = "property-uuid"
	}
	for _, c := range clients {
		if c.name == "proton" {
			var answer struct{ Sent, Cannot []string }
			c.call(t, "write", job, &answer)
			if len(answer.Sent) != 1 {
				t.Fatalf("it wrote %v and could not write %v", answer.Sent, answer.Cannot)
			}
		}
	}
}

// goesOn is for a queue with a delivery limit: the broker takes that message out at last, and no other.
func (b *bitten) goesOn(t *testing.T) {
	p := b.Start(b.Env(), b.Config(poisoned))
	b.Until("all are stored", func() bool { return len(b.stored(t)) == all })
	b.Taken("logs")
	b.Stops(p, 0)
	if n := b.Depth("grave"); n > 1 {
		t.Errorf("the broker has given up %d messages, and only one of them is bad", n)
	}
	b.check(t)
}

// waitsForHelp is for a queue without a limit: the message stays at its front until somebody takes it out.
func (b *bitten) waitsForHelp(t *testing.T) {
	p := b.Start(b.Env(), b.Config(poisoned))
	if cause := b.Says(p, "input is lost").Text("error"); !strings.Contains(cause, "AMQP 1.0") {
		t.Errorf("the likely cause is not said: %s", cause)
	}
	b.Says(p, `the message at the front of queue "logs" cannot be delivered`)
	b.Until("what is before it is stored", func() bool { return len(b.stored(t)) == before })
	b.Stops(p, 0)
	helped(t, b.URL)
	p = b.Start(b.Env(), b.Config(poisoned))
	b.Until("all are stored", func() bool { return len(b.stored(t)) == all })
	b.Taken("logs")
	b.Stops(p, 0)
	b.check(t)
}

// helped does what the text advises: a get with automatic ack, which ends the connection and takes the message with it.
func helped(t *testing.T, url string) {
	conn, err := amqp.Dial(url)
	check(t, err)
	defer conn.Close()
	ch, err := conn.Channel()
	check(t, err)
	if d, ok, err := ch.Get("logs", true); err == nil {
		t.Errorf("the message can be read (%v): %s", ok, d.Body)
	}
}

func (b *bitten) stored(t *testing.T) map[int]int {
	found := map[int]int{}
	s := tally.New()
	check(t, s.Bucket(t.Context(), b.S3.Client(), b.Bucket))
	for seq, n := range s.Count {
		if seq >= b.from {
			found[seq] = n
		}
	}
	return found
}

// check wants each message stored, and few of them twice: those that had been delivered with the bad one.
func (b *bitten) check(t *testing.T) {
	twice, stored := 0, b.stored(t)
	for seq := b.from; seq < b.from+all; seq++ {
		switch n := stored[seq]; {
		case n == 0:
			t.Errorf("message %d is lost", seq)
		case n > 1:
			twice += n - 1
		}
	}
	t.Logf("%d messages were stored again", twice)
	if twice > 2*all {
		t.Errorf("%d messages were stored again", twice)
	}
}
