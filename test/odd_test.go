package test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/world"
)

// oddity is a message that somebody can put into a queue, and that is not read like others.
type oddity struct {
	name       string
	properties func() string // the flags and what follows them; with the message id "odd"
	must       bool          // each broker takes it; others may be refused
	pad        int           // bytes more of the body
}

// withHeaders are properties that have this table and a message id.
func withHeaders(table string) func() string {
	return func() string { return "\x20\x80" + rawLong(table) + rawShort("odd") }
}

func header(name, value string) string { return rawShort(name) + value }

func oddities() []oddity {
	// The longest that can be published: a content header of a whole frame, in which the payload is 8 bytes less.
	longest := rawFrame - 8 - (2 + 2 + 8) - 2 - 4 - len(rawShort("odd")) - len(header("h", "S"+rawLong("")))
	nested, deep := "I\x00\x00\x00\x01", "I\x00\x00\x00\x01"
	for range 40 {
		nested = "A" + rawLong(nested)
	}
	for range 5_000 {
		deep = "F" + rawLong(header("t", deep))
	}
	var many strings.Builder
	for i := range 10_000 {
		many.WriteString(header(fmt.Sprint("h", i), "t\x01"))
	}
	u64 := func(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
	return []oddity{
		{name: "header of a whole frame", must: true, properties: withHeaders(header("h", "S"+rawLong(strings.Repeat("x", longest))))},
		{name: "header almost of a frame", must: true, properties: withHeaders(header("h", "S"+rawLong(strings.Repeat("x", longest-400))))},
		{name: "integer of type L", must: true, properties: withHeaders(header("h", "L"+u64(1<<40)) + header("after", "t\x01"))},
		{name: "integer of type U", properties: withHeaders(header("h", "U\x00\x01") + header("after", "t\x01"))},
		{name: "unknown type", properties: withHeaders(header("h", "Zwhat") + header("after", "t\x01"))},
		{name: "table cut short", properties: withHeaders(header("h", "S\x00\x00\xff\xffshort"))},
		{name: "40 lists deep", must: true, properties: withHeaders(header("h", nested))},
		{name: "5000 tables deep", properties: withHeaders(header("h", deep))},
		{name: "10000 headers", must: true, properties: withHeaders(many.String())},
		{name: "a list of 10000", properties: withHeaders(header("h", "A"+rawLong(strings.Repeat("V", 10_000))))},
		{name: "the same name twice", properties: withHeaders(header("h", "t\x01") + header("h", "t\x00"))},
		{name: "names of nothing and of no text", properties: withHeaders(header("", "t\x01") + header("\xff\xfe", "S"+rawLong("\xff")))},
		{name: "numbers that are none", properties: withHeaders(header("h", "d"+u64(math.Float64bits(math.NaN()))) + header("i", "d"+u64(math.Float64bits(math.Inf(-1)))) + header("D", "D\xff\x80\x00\x00\x00"))},
		{name: "times beyond calendars", properties: func() string {
			return "\x20\xc0" + rawLong(header("h", "T"+u64(math.MaxUint64>>1))+header("t", "T"+u64(1_700_000_000_000))) + rawShort("odd") + u64(1_700_000_000_000)
		}},
		{name: "texts that are none", properties: func() string {
			return "\xc4\xa8" + rawShort("\xff\xfe") + rawShort("\x00") + rawShort(strings.Repeat("\xff", 255)) + rawShort("odd") + rawShort("\r\n")
		}},
		{name: "flags that go on", properties: func() string { return "\x00\x81\x00\x00" + rawShort("odd") }},
		{name: "header of a stream", must: true, properties: withHeaders(header("x-stream-offset", "l"+u64(7)))},
		{name: "headers of ours", must: true, properties: withHeaders(header("x-logpipe-body-bytes", "l"+u64(1)) + header("x-logpipe-left-out", "V") + header("x-logpipe-queue", "t\x01"))},
		{name: "headers of the broker", properties: withHeaders(header("x-death", "S"+rawLong("none")) + header("x-first-death-queue", "t\x01"))},
		{name: "priority out of range", properties: func() string { return "\x18\x80\x02\xff" + rawShort("odd") }},
		{name: "body of 12 MiB", must: true, properties: withHeaders(header("h", "t\x01")), pad: 12 << 20},
	}
}

// oddPipelines reads a queue for each oddity. What is not JSON is a dead letter.
func oddPipelines(all []oddity) string {
	var b strings.Builder
	for i := range all {
		fmt.Fprintf(&b, `
pipeline "odd-%[1]d" {
  input "amqp" {
    url     = env("RABBITMQ_URL")
    queue   = "odd-%[1]d"
    declare = "never"
  }
  processor "json" {}
  processor "add_fields" {
    from = { id = "id", h = "header.h", empty = "header.i" }
  }
  processor "batch" {
    count = 1000
    age   = "1s"
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    region   = "us-east-1"
    endpoint = env("S3_ENDPOINT")
    key      = "odd-%[1]d/${batch.id}.ndjson"
  }
  dead_letter "amqp" {
    url   = env("RABBITMQ_URL")
    queue = "dead-%[1]d"
  }
}
`, i)
	}
	return b.String()
}

// One message that ends the connection takes its window with it: nothing beside it is acked, each time counts a delivery, and a quorum queue deletes what was
// delivered too often, good messages and all, after seconds with a limit of 4.
func TestNoMessageTakesItsWindowWithIt(t *testing.T) {
	w := world.New(t)
	all := oddities()
	raw := newRawWriter(t, w.URL)
	const good, room = 10, 100
	taken := make([]bool, len(all))
	for i, odd := range all {
		queue := fmt.Sprint("odd-", i)
		_, err := w.Channel().QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 4})
		check(w, err)
		body := func(n int) string { return fmt.Sprintf(`{"seq":%d,"pad":"`, i*room+n) }
		send := func(n int) {
			check(w, w.Channel().PublishWithContext(t.Context(), "", queue, false, false, amqp.Publishing{DeliveryMode: 2, Body: []byte(body(n) + `"}`)}))
		}
		for n := range good {
			send(1 + n)
		}
		err = raw.publish(queue, odd.properties(), body(2*good+1)+strings.Repeat("x", odd.pad)+`"}`)
		if err == nil {
			err = raw.publish(queue, odd.properties(), body(2*good+2)+strings.Repeat("x", odd.pad))
		}
		switch {
		case err == nil:
			taken[i] = true
		case odd.must:
			t.Fatalf("%s: %v", odd.name, err)
		default:
			t.Logf("%s: the broker does not take it: %v", odd.name, err)
			if raw.conn.IsClosed() {
				raw = newRawWriter(t, w.URL)
			}
		}
		for n := range good {
			send(good + 1 + n)
		}
		redeliver(w, queue)
	}
	p := w.Start(w.Env(), w.Config(oddPipelines(all)))
	defer w.Stops(p, 0)
	for i, odd := range all {
		dead := fmt.Sprint("dead-", i)
		from, to := i*room+1, i*room+2*good
		if taken[i] {
			to++
		}
		w.Until(odd.name+" and its neighbours are stored", func() bool {
			stored := w.Stored()
			for seq := from; seq <= to; seq++ {
				if stored.Count[seq] == 0 {
					return false
				}
			}
			return true
		})
		if !taken[i] {
			continue
		}
		w.Until(odd.name+" is a dead letter", func() bool { return w.HasQueue(dead) && w.Depth(dead) == 1 })
		shown := succeeds(w, "dlq", "show", dead)
		if !strings.Contains(shown, fmt.Sprintf(`"seq":%d`, i*room+2*good+2)) || !strings.Contains(shown, "odd") {
			t.Errorf("%s: dlq shows %.500s", odd.name, shown)
		}
		succeeds(w, "dlq", "list", dead)
		if strings.Contains(odd.name, "of a frame") || strings.Contains(odd.name, "whole frame") {
			if !strings.Contains(shown, strings.Repeat("x", 1000)) {
				t.Errorf("%s: it lost its header: %.500s", odd.name, shown)
			}
		}
		_, err := w.Channel().QueueDeclare(fmt.Sprint("back-", i), true, false, false, false, nil)
		check(w, err)
		if got := command(w, "", "dlq", "redrive", dead, "--to", fmt.Sprint("back-", i), "--yes"); got.code != 0 && !strings.Contains(got.out+got.err, "properties and headers take") && !strings.Contains(got.out+got.err, "logpipe can publish") {
			t.Errorf("%s: redrive ends with %d: %.500s%.500s", odd.name, got.code, got.out, got.err)
		}
	}
}

// redeliver takes what is in a queue, and gives it back by ending the connection, as a consumer that crashes does. The broker counts that.
func redeliver(w *world.World, queue string) {
	w.TB.Helper()
	conn, err := amqp.Dial(w.URL)
	check(w, err)
	defer conn.Close()
	ch, err := conn.Channel()
	check(w, err)
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	check(w, err)
	for range 5 {
		select {
		case <-deliveries:
		case <-time.After(10 * time.Second):
			w.TB.Fatalf("%s delivers nothing", queue)
		}
	}
}
