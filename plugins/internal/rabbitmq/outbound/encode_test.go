package outbound

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// take returns the bytes of the next message that was published, whose body has size bytes.
func take(s *script, size int) (all []byte) {
	for n := -1; n < size; {
		f := <-s.frames
		all = append(all, f.bytes...)
		switch f.kind {
		case framing.Header:
			n = 0
		case framing.Body:
			n += len(f.bytes) - framing.Head - 1
		}
	}
	return all
}

// same publishes through the library and through c, and wants the same bytes.
func same(t *testing.T, s *script, ch *amqp.Channel, c *Channel, exchange, key string, mandatory bool, m amqp.Publishing) {
	t.Helper()
	theirs := ch.Publish(exchange, key, mandatory, false, m)
	if theirs != nil {
		t.Fatalf("the library cannot: %v", theirs)
	}
	want := take(s, len(m.Body))
	route, err := c.Route(exchange, key, mandatory)
	if err != nil {
		t.Fatal(err)
	}
	c.Begin(1, func() {})
	if err := c.Publish(route, &m); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := take(s, len(m.Body)); !bytes.Equal(got, want) {
		t.Errorf("wrote   %q\nlibrary %q", got, want)
	}
	c.End()
}

// What the library can write is written as the library writes it: a broker that reads anything else out of it stores another message.
func TestSameBytesAsTheLibrary(t *testing.T) {
	s, w, conn := start(t)
	ch, c := open(t, s, w, conn)
	at := time.Unix(1700000000, 5)
	every := []any{
		nil, true, false, byte(1), int8(-1), int16(-2), uint16(3), -4, int32(-5), uint32(6), int64(-7), float32(1.5), 2.5, "text", []byte("bytes"),
		amqp.Decimal{Scale: 2, Value: 314}, at, []any{}, amqp.Table{}, amqp.Table{"k": []any{amqp.Table{"deep": int64(1)}}},
	}
	messages := []amqp.Publishing{
		{}, {Body: []byte("x")}, {Body: make([]byte, 200_000), DeliveryMode: 2}, {Headers: amqp.Table{"all": every}},
		{ContentType: "a", ContentEncoding: "b", DeliveryMode: 1, Priority: 9, CorrelationId: "c", ReplyTo: "d", Expiration: "5",
			MessageId: "e", Timestamp: at, Type: "f", UserId: "g", AppId: strings.Repeat("h", 255), Headers: amqp.Table{"h": "v"}, Body: []byte("y")},
	}
	for _, v := range every {
		messages = append(messages, amqp.Publishing{Headers: amqp.Table{"name": v}})
	}
	for _, size := range []int{1, -1, 0} { // around the longest frame
		messages = append(messages, amqp.Publishing{Body: make([]byte, conn.Config.FrameSize-framing.Head-1+size)})
	}
	for _, m := range messages {
		same(t, s, ch, c, "exchange", "key", true, m)
		same(t, s, ch, c, "", "", false, m)
	}
}

// A message that cannot be written must leave nothing of itself between its neighbours: the broker would end the connection.
func TestWhatCannotBeWrittenLeavesNothing(t *testing.T) {
	s, w, conn := start(t)
	_, c := open(t, s, w, conn)
	route, err := c.Route("", "key", false)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 256)
	c.Begin(3, func() {})
	good := amqp.Publishing{Body: []byte("good")}
	if err := c.Publish(route, &good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []amqp.Publishing{
		{MessageId: long}, {Headers: amqp.Table{long: 1}}, {Headers: amqp.Table{"a": struct{}{}}}, {Headers: amqp.Table{"a": []any{uint64(1)}}},
		{Headers: amqp.Table{"a": struct{}{}}, Type: long},
	} {
		var e *EncodeError
		if err := c.Publish(route, &bad); !errors.As(err, &e) {
			t.Errorf("publish %v: %v", bad, err)
		}
	}
	if err := c.Publish(route, &good); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil || c.Open() != 2 {
		t.Fatalf("%d open, %v", c.Open(), err)
	}
	if one, two := take(s, 4), take(s, 4); !bytes.Equal(one, two) {
		t.Errorf("%q and %q", one, two)
	}
	if _, err := c.Route("", long, false); err == nil {
		t.Error("a key of 256 bytes")
	}
}

// FuzzSameBytes compares any properties, and one header of any name, with the library's.
func FuzzSameBytes(f *testing.F) {
	f.Add("e", "k", true, "type", "id", "name", "value", int64(1), int64(1700000000), byte(2), []byte("body"))
	f.Add("", "", false, "", "", "", "", int64(0), int64(0), byte(0), []byte(nil))
	s, w, conn := start(f)
	ch, c := open(f, s, w, conn)
	f.Fuzz(func(t *testing.T, exchange, key string, mandatory bool, kind, id, name, value string, n, at int64, mode byte, body []byte) {
		for _, short := range []string{exchange, key, kind, id, name} {
			if len(short) > maxShort {
				t.Skip("AMQP cannot carry it")
			}
		}
		if len(value) > 60_000 {
			t.Skip("longer than a frame")
		}
		same(t, s, ch, c, exchange, key, mandatory, amqp.Publishing{
			Type: kind, MessageId: id, AppId: kind, DeliveryMode: mode, Priority: mode >> 4, Timestamp: time.Unix(at, 0), Body: body,
			Headers: amqp.Table{name: []any{value, n, []byte(value), amqp.Table{name: float64(n)}}},
		})
	})
}
