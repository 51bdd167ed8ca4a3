package rabbitmq

import (
	"bytes"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/linefile"
)

func TestDeliveryHeaders(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	d := NewDelivery(amqp.Delivery{MessageId: "m", RoutingKey: "k", Headers: amqp.Table{
		"nil": nil, "bool": true, "i8": int8(-1), "i16": int16(-2), "i32": int32(-3), "i64": int64(-4), "int": 5, "u8": byte(1), "u16": uint16(2),
		"u32": uint32(3), "f32": float32(1.5), "f64": 2.5, "text": "x", "bytes": []byte{1}, "decimal": amqp.Decimal{Scale: 2, Value: 314},
		"time": at, "list": []any{int8(1), amqp.Table{"a": byte(1)}}, "table": amqp.Table{"b": int16(2)},
	}})
	want := map[string]any{
		"nil": nil, "bool": true, "i8": int64(-1), "i16": int64(-2), "i32": int64(-3), "i64": int64(-4), "int": int64(5), "u8": uint64(1), "u16": uint64(2),
		"u32": uint64(3), "f32": 1.5, "f64": 2.5, "text": "x", "bytes": []byte{1}, "decimal": 3.14,
		"time": at.UTC(), "list": []any{int64(1), map[string]any{"a": uint64(1)}}, "table": map[string]any{"b": int64(2)},
	}
	if diff := cmp.Diff(want, d.Headers()); diff != "" {
		t.Error(diff)
	}
	if d.ID() != "m" || d.RoutingKey() != "k" {
		t.Errorf("id %q, routing key %q", d.ID(), d.RoutingKey())
	}
	if none := NewDelivery(amqp.Delivery{}); none.Headers() != nil {
		t.Error("headers of a message without any are not nil")
	}
}

// A dead letter is read by people and programs that know the message's own properties. What would make the broker drop or refuse it must go.
func TestPublishingKeepsAndDisarms(t *testing.T) {
	at := time.Unix(1700000000, 0)
	headers := amqp.Table{"a": int32(1), "CC": []any{"elsewhere"}, "BCC": []any{"hidden"}}
	d := NewDelivery(amqp.Delivery{
		Headers: headers, ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: 1, Priority: 3, CorrelationId: "c",
		ReplyTo: directReply, Expiration: "1000", MessageId: "m", Timestamp: at, Type: "t", UserId: "them", AppId: "app", Body: []byte("old"),
	})
	got := NewPublishing(&engine.Message{Body: []byte("new"), Time: time.Now(), Meta: &d})
	want := amqp.Publishing{
		Headers:     amqp.Table{"a": int32(1), headerCC: []any{"elsewhere"}, headerBCC: []any{"hidden"}, headerExpiration: "1000", headerUser: "them", headerReplyTo: directReply},
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: 1, Priority: 3, CorrelationId: "c",
		MessageId: "m", Timestamp: at, Type: "t", AppId: "app", Body: []byte("new"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(headers) != 3 || headers["CC"] == nil {
		t.Error("the original's headers were changed")
	}
}

// A message that waited in the fallback file must leave it as it came: with another content type or correlation id it may be nobody's any more.
func TestPropertiesComeThroughTheFallbackFile(t *testing.T) {
	full := NewDelivery(amqp.Delivery{
		Headers: amqp.Table{"a": int32(1), "b": int64(1 << 40)}, ContentType: "application/json", ContentEncoding: "gzip", Priority: 3, CorrelationId: "c", ReplyTo: "r",
		Expiration: "1000", MessageId: "m", Timestamp: time.Unix(1700000000, 0).UTC(), Type: "t", UserId: "them", AppId: "app",
	})
	empty := NewDelivery(amqp.Delivery{})
	at := time.Unix(1800000000, 0).UTC()
	b := &engine.Batch{ID: "b", Time: at, Messages: []engine.Message{
		{Body: []byte("1"), Time: at, Meta: &full}, {Body: []byte("2"), Time: at, Meta: &empty},
	}}
	file := linefile.AppendHeader(nil, "", b)
	file = append(file, "1\n2\n"...)
	back := &engine.Batch{}
	if _, err := linefile.NewUnsealer(bytes.NewReader(file), 0, int64(len(file)), at).Next(back); err != nil {
		t.Fatal(err)
	}
	for i := range b.Messages {
		if d := cmp.Diff(NewPublishing(&b.Messages[i]), NewPublishing(&back.Messages[i]), cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	}
}

type meta struct {
	id      string
	headers map[string]any
}

func (m meta) ID() string              { return m.id }
func (m meta) RoutingKey() string      { return "" }
func (m meta) Headers() map[string]any { return m.headers }

func TestPublishingOfOtherSources(t *testing.T) {
	now := time.Now()
	got := NewPublishing(&engine.Message{Body: []byte("x"), Time: now})
	if diff := cmp.Diff(amqp.Publishing{Body: []byte("x"), Timestamp: now}, got); diff != "" {
		t.Error(diff)
	}
	long := strings.Repeat("n", 256)
	got = NewPublishing(&engine.Message{Time: now, Meta: meta{strings.Repeat("i", 256), map[string]any{
		"u": uint64(1), "big": uint64(1 << 63), "m": map[string]any{"x": []any{uint64(2), now}}, long: 1, "odd": struct{}{}, "nil": nil,
	}}})
	want := amqp.Table{"u": int32(1), "big": "9223372036854775808", "m": amqp.Table{"x": []any{int32(2), now}}, "odd": "{}", "nil": nil, headerLeftOut: []any{long}}
	if diff := cmp.Diff(want, got.Headers); diff != "" {
		t.Error(diff)
	}
	if err := got.Headers.Validate(); err != nil {
		t.Error(err)
	}
	if got.MessageId != "" {
		t.Error("an id that AMQP cannot carry would close the connection")
	}
}

// A dead letter that lost a header is not what was sent: what does not fit into a frame goes behind the body, and comes back from there.
func TestFit(t *testing.T) {
	original := func() amqp.Publishing {
		return amqp.Publishing{MessageId: "m", Body: []byte("body"), Headers: amqp.Table{
			"small": "x", "keep": strings.Repeat("k", 500), "big": strings.Repeat("b", 400), "table": amqp.Table{"t": []any{strings.Repeat("t", 300)}},
		}}
	}
	p := original()
	Fit(&p, 2000, "keep")
	if len(p.Headers) != 4 {
		t.Error("a header was moved although all fit")
	}
	Fit(&p, 700, "keep")
	want := amqp.Table{"small": "x", "keep": strings.Repeat("k", 500), headerLeftOut: []any{"big", "table"}, HeaderBodyBytes: int64(4)}
	if diff := cmp.Diff(want, p.Headers); diff != "" || PropertiesSize(&p) > 700 || !bytes.HasPrefix(p.Body, []byte("body")) {
		t.Error(PropertiesSize(&p), diff)
	}
	d := amqp.Delivery{Headers: maps.Clone(p.Headers), Body: p.Body}
	if Unfit(&d); !cmp.Equal(d.Headers, original().Headers) || string(d.Body) != "body" {
		t.Errorf("%q, headers %v", d.Body, cmp.Diff(d.Headers, original().Headers))
	}
	if Fit(&p, 700, "keep"); !cmp.Equal(p.Headers, want) { // a dead letter that becomes one again
		t.Error(cmp.Diff(want, p.Headers))
	}
	Fit(&p, 10, "keep") // cannot be done, and ends
	many := amqp.Publishing{Headers: amqp.Table{}, Body: []byte("body")}
	for i := range mostEntries + 1000 {
		many.Headers[strconv.Itoa(i)] = int64(i)
	}
	all := maps.Clone(many.Headers)
	if Fit(&many, 1<<20); len(many.Headers) > mostEntries || PropertiesSize(&many) > 1<<20 {
		t.Errorf("%d headers, which no Go client could read", len(many.Headers))
	}
	d = amqp.Delivery{Headers: many.Headers, Body: many.Body}
	if Unfit(&d); !maps.Equal(d.Headers, all) || string(d.Body) != "body" {
		t.Error("many headers do not come back")
	}
}

// Anybody can write the header that says where the body ends: it must not cost a byte of it.
func TestUnfitBelievesOnlyWhatItCanRead(t *testing.T) {
	for _, said := range []any{"4", int64(-1), int64(5), int64(2), int64(4)} {
		d := amqp.Delivery{Body: []byte("body"), Headers: amqp.Table{HeaderBodyBytes: said}}
		if Unfit(&d); string(d.Body) != "body" || len(d.Headers) > 0 {
			t.Errorf("%v: %q, headers %v", said, d.Body, d.Headers)
		}
	}
}
