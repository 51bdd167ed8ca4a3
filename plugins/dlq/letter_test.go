package dlq

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A producer that writes milliseconds for seconds makes a time that RFC 3339 has no word for: one such message must not keep a listing, or itself,
// from being shown.
func TestTimesOfNoCalendar(t *testing.T) {
	good := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		stamp, died, want time.Time
	}{
		"none":                    {},
		"seconds":                 {stamp: good, want: good},
		"the beginning":           {stamp: time.Unix(0, 0), want: time.Unix(0, 0)},
		"the last year":           {stamp: time.Unix(253402300799, 0), want: time.Unix(253402300799, 0)},
		"milliseconds":            {stamp: time.Unix(good.UnixMilli(), 0)},
		"the largest":             {stamp: time.Unix(math.MaxInt64, 0)},
		"all bits":                {stamp: time.Unix(-1<<63, 0)},
		"below nought":            {stamp: time.Unix(-1, 0), want: time.Unix(-1, 0)},
		"died at no time":         {stamp: good, died: time.Unix(1<<50, 0), want: good},
		"died, and stamped wrong": {stamp: time.Unix(1<<50, 0), died: good, want: good},
	} {
		d := amqp.Delivery{Timestamp: tt.stamp}
		if !tt.died.IsZero() {
			d.Headers = amqp.Table{"x-death": []any{amqp.Table{"queue": "q", "time": tt.died}}}
		}
		l := newLetter("dead", d)
		if !l.Since.Equal(tt.want) {
			t.Errorf("%s: since %v, want %v", name, l.Since, tt.want)
		}
		groups := Groups{}
		groups.Add(l)
		if _, err := json.Marshal(groups.Sorted()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What JSON lacks would keep a whole message from being shown, and bytes that look like a text would be taken for one.
func TestJSONHeaders(t *testing.T) {
	l := newLetter("dead", amqp.Delivery{Headers: amqp.Table{
		"nan": math.NaN(), "far": time.Unix(1<<40, 0), "bytes": []byte("ab"), "broken": "\xff", "void": nil, "list": []any{math.Inf(-1), amqp.Table{"b": []byte{0}}},
		"wide": int64(math.MaxInt64), "text": "<5>",
	}})
	var all map[string]json.RawMessage
	if err := json.Unmarshal(l.JSONHeaders(), &all); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"nan": `"NaN"`, "far": `"36812-02-20T00:36:16Z"`, "bytes": `{"base64":"YWI="}`, "broken": `{"base64":"/w=="}`, "void": "null", "list": `["-Inf",{"b":{"base64":"AA=="}}]`,
		"wide": "9223372036854775807", "text": `"<5>"`,
	} {
		if got := string(all[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// Brokers take any number for a delivery mode.
func TestDeliveryModes(t *testing.T) {
	var got []string
	for _, mode := range []uint8{0, 1, 2, 3, 255} {
		for _, p := range newLetter("dead", amqp.Delivery{DeliveryMode: mode}).Properties() {
			got = append(got, p.Name+"="+p.Value)
		}
	}
	want := "delivery_mode=transient delivery_mode=persistent delivery_mode=3 delivery_mode=255"
	if all := strings.Join(got, " "); all != want {
		t.Errorf("%s, want %s", all, want)
	}
}
