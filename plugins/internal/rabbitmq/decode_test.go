package rabbitmq

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// entry is a name and a value as they stand in a table; value begins with its letter.
func entry(name, value string) string { return string(rune(len(name))) + name + value }

func long(content string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(content)))) + content
}

// received is what comes of a message whose headers are this table, with an id, a time and an application behind it.
func received(table string) amqp.Delivery {
	raw := appendShort(appendShort(nil, "exchange"), "key")
	raw = append(raw, make([]byte, framing.Overhead+contentHead)...)
	raw = append(raw, 0x20, 0xC8) // headers, message id, timestamp, application
	raw = append(raw, long(table)...)
	raw = appendShort(raw, "id")
	raw = binary.BigEndian.AppendUint64(raw, 1_700_000_000)
	return decode(appendShort(raw, "app"))
}

// A header that cannot be read took the message's id and all headers after it away: in dead letters, the fallback, add_fields.
func TestEachTypeOfHeader(t *testing.T) {
	nested := "I\x00\x00\x00\x01"
	for range deepest + 8 {
		nested = "A" + long(nested)
	}
	const after = "\x05afterI\x00\x00\x00\x07"
	many := "A" + long(strings.Repeat("V", mostEntries+1))
	for name, c := range map[string]struct {
		value string
		want  any
	}{
		"L: 64 bits (py-amqp)":    {"L\x00\x00\x01\x00\x00\x00\x00\x00", int64(1 << 40)},
		"L, negative":             {"L\xff\xff\xff\xff\xff\xff\xff\xfe", int64(-2)},
		"l":                       {"l\xff\xff\xff\xff\xff\xff\xff\xfe", int64(-2)},
		"U: 16 bits":              {"U\xff\xfe", int32(-2)},
		"s":                       {"s\xff\xfe", int16(-2)},
		"u":                       {"u\xff\xfe", uint16(65534)},
		"b":                       {"b\xfe", int8(-2)},
		"B":                       {"B\xfe", byte(254)},
		"I":                       {"I\xff\xff\xff\xfe", int32(-2)},
		"i":                       {"i\xff\xff\xff\xfe", uint32(math.MaxUint32 - 1)},
		"t":                       {"t\x02", true},
		"f":                       {"f\x3f\xc0\x00\x00", float32(1.5)},
		"d":                       {"d\x7f\xf0\x00\x00\x00\x00\x00\x00", math.Inf(1)},
		"D":                       {"D\xff\x00\x00\x01\x3a", amqp.Decimal{Scale: 255, Value: 314}},
		"T beyond all calendars":  {"T\x7f\xff\xff\xff\xff\xff\xff\xff", time.Unix(math.MaxInt64, 0)},
		"S, no UTF-8":             {"S" + long("\xff\xfe"), "\xff\xfe"},
		"x":                       {"x" + long("\x00"), []byte{0}},
		"V":                       {"V", nil},
		"F":                       {"F" + long(entry("a", "t\x01")), amqp.Table{"a": true}},
		"a list of more than 32":  {nested, []byte(nested)},
		"a list of too many":      {many, []byte(many)},
		"unknown in a list":       {"A" + long("t\x01Z123t\x01"), []any{true, []byte("Z123t\x01")}},
		"unknown in a table":      {"F" + long(entry("a", "Z12")), amqp.Table{"a": []byte("Z12")}},
		"a list longer than told": {"A" + long("S\x00\x00\x00\x09short"), []any{[]byte("S\x00\x00\x00\x09short")}},
	} {
		d := received(entry("before", "t\x01") + entry("odd", c.value) + after)
		got := d.Headers["odd"]
		if name == "a list of more than 32" { // kept at the depth where reading ends
			for list, ok := got.([]any); ok; list, ok = got.([]any) {
				got = list[0]
			}
			if b, ok := got.([]byte); !ok || !strings.HasSuffix(c.value, string(b)) || len(b) < 8*5 {
				t.Errorf("%s: %v", name, got)
			}
		} else if !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v", name, cmp.Diff(got, c.want))
		}
		if d.Headers["before"] != true || d.Headers["after"] != int32(7) || len(d.Headers) != 3 {
			t.Errorf("%s takes other headers along: %v", name, d.Headers)
		}
		if d.MessageId != "id" || d.AppId != "app" || d.Timestamp.Unix() != 1_700_000_000 || d.RoutingKey != "key" {
			t.Errorf("%s takes other properties along: %+v", name, d)
		}
	}
}

// What comes after a type that nobody knows cannot be told apart any more. It stays as bytes, and ends with its table.
func TestUnknownTypeKeepsTheRest(t *testing.T) {
	rest := "Zwhatever" + entry("after", "t\x01")
	d := received(entry("before", "t\x01") + entry("odd", rest))
	if want := (amqp.Table{"before": true, "odd": []byte(rest)}); !cmp.Equal(d.Headers, want) || d.MessageId != "id" || d.AppId != "app" {
		t.Errorf("%v, id %q", cmp.Diff(want, d.Headers), d.MessageId)
	}
	d = received(entry("before", "t\x01") + "\x7fcut")
	if want := (amqp.Table{"before": true, headerUndecoded: []byte("\x7fcut")}); !cmp.Equal(d.Headers, want) || d.MessageId != "id" {
		t.Errorf("%v, id %q", cmp.Diff(want, d.Headers), d.MessageId)
	}
	var many strings.Builder
	for i := range mostHeaders + 1 {
		many.WriteString(entry(string(binary.BigEndian.AppendUint32(nil, uint32(i))), "V"))
	}
	d = received(many.String())
	if b, _ := d.Headers[headerUndecoded].([]byte); string(b) != long(many.String()) || d.MessageId != "id" {
		t.Errorf("%d headers, id %q", len(d.Headers), d.MessageId)
	}
}

// The standard lets flags go on in further words (4.2.6.1). No message has properties for these, so what follows the words is read as always.
func TestFlagsThatGoOn(t *testing.T) {
	raw := appendShort(appendShort(nil, ""), "key")
	raw = append(raw, make([]byte, framing.Overhead+contentHead)...)
	raw = append(raw, 0x00, 0x81, 0x00, 0x01, 0x00, 0x00) // a message id, and two more words
	if d := decode(appendShort(raw, "id")); d.MessageId != "id" {
		t.Errorf("id %q", d.MessageId)
	}
}

// The broker sends a content header larger than the frames that were agreed upon: one that was as large as could be published, and got x-death or
// x-delivery-count since. At the first one the connection ended, each time with a delivery of all that was in its window, until the broker deleted them.
func TestTapTakesAContentHeaderOfAnyLength(t *testing.T) {
	for _, size := range []int{maxFrame - framing.Overhead - 100, maxFrame - framing.Overhead + 1, 3 * maxFrame, 5 << 20} {
		for _, body := range []int{0, 5, 300_000} {
			s := stream{frame: maxFrame - framing.Overhead}
			s.deliver(1, "", "k", []byte{0, 0}, []byte("before"), nil)
			text := strings.Repeat("x", size)
			p := []byte(long(entry("long", "S"+long(text))))
			s.deliver(2, "", "k", append([]byte{0x20, 0x80}, append(p, "\x02id"...)...), bytes.Repeat([]byte("b"), body), nil)
			s.deliver(3, "", "k", []byte{0, 0}, []byte("after"), nil)
			got, _, err := tapped(bytes.NewReader(s.Bytes()))
			if err != nil || len(got) != 3 {
				t.Fatalf("header of %d bytes: %d deliveries, error %v", size, len(got), err)
			}
			if d := got[1]; d.Delivery.Headers["long"] != text || d.Delivery.MessageId != "id" || len(d.Body) != body {
				t.Errorf("header of %d bytes: id %q, body of %d bytes", size, d.Delivery.MessageId, len(d.Body))
			}
		}
	}
}

// How long a frame will be is only a number: memory is made ready for what came, and as much again.
func TestTapDoesNotBelieveLengths(t *testing.T) {
	s := stream{frame: maxFrame - framing.Overhead}
	s.deliver(1, "", "k", []byte{0, 0}, nil, nil)
	b := s.Bytes()[:s.Len()-3]
	copy(b[framing.At(b).Total()+3:], "\xff\xff\xff\x00")
	tap := newTap(bytes.NewReader(b))
	tap.take("q", &collector{})
	buf := make([]byte, 100)
	for range 3 {
		if _, err := tap.Read(buf); err != nil {
			break
		}
	}
	if len(tap.block) > 2*mostAhead {
		t.Errorf("%d bytes are made ready for %d that came", len(tap.block), len(b))
	}
}

// A consumer that only asks what kind of queue this is brings deliveries that nobody may take for the reader's: their tags are another channel's.
func TestTapKeepsToOneChannel(t *testing.T) {
	s := stream{frame: 10}
	s.deliver(1, "", "k", []byte{0, 0}, []byte("ours"), nil)
	one := s.Len()
	s.deliver(1, "", "k", []byte{0, 0}, []byte("of another channel, in pieces"), nil)
	for at := one; at < s.Len(); at += framing.At(s.Bytes()[at:]).Total() {
		s.Bytes()[at+2] = 2 // the channel
	}
	s.deliver(2, "", "k", []byte{0, 0}, []byte("ours"), nil)
	got, passed, err := tapped(bytes.NewReader(s.Bytes()))
	if err != nil || len(got) != 2 || got[1].Tag != 2 || len(passed) > 0 {
		t.Errorf("%v, %d bytes passed on, error %v", got, len(passed), err)
	}
}

// A body may be announced to have any length up to 2^63, and memory is made ready for a part of what came only; but a large one that does come
// must not leave several times its length as garbage, which is memory that max_in_flight_bytes does not count.
func TestTapGrowsWithTheBody(t *testing.T) {
	for _, c := range []struct{ announced, comes, most int64 }{
		{16 << 20, 16 << 20, 18 << 20},
		{40 << 20, 40 << 20, 74 << 20},
		{1<<63 - 1, 0, 1 << 20},
		{1<<63 - 1, 1 << 10, 2 << 20},
		{1<<63 - 1, 2 << 20, 36 << 20},
		{1 << 40, 2 << 20, 36 << 20},
	} {
		s := stream{frame: maxFrame - framing.Overhead}
		s.deliver(1, "", "k", []byte{0, 0}, make([]byte, c.comes), nil)
		b := s.Bytes()
		header := framing.At(b).Total() + framing.Head
		binary.BigEndian.PutUint64(b[header+4:], uint64(c.announced))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tap := newTap(bytes.NewReader(b))
		var got counter
		tap.take("q", &got)
		if _, err := io.Copy(io.Discard, tap); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if n := int64(after.TotalAlloc - before.TotalAlloc); n > c.most {
			t.Errorf("%d bytes were announced and %d came: %d were allocated, want at most %d", c.announced, c.comes, n, c.most)
		}
		if got > 0 != (c.announced == c.comes) {
			t.Errorf("%d of %d bytes: %d messages", c.comes, c.announced, got)
		}
	}
}
