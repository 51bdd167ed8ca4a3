package dlq

import (
	"strconv"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Origin says how a message came into the dead-letter queue, as far as its headers say.
type Origin struct {
	Reason     string `json:"reason,omitempty"`      // a word: logpipe's, or else the broker's own, such as expired or delivery_limit
	Pipeline   string `json:"pipeline,omitempty"`    // that gave it up; empty where the broker did, or where nothing says
	Queue      string `json:"queue,omitempty"`       // that it was in before
	Exchange   string `json:"exchange,omitempty"`    // that it had been published to
	RoutingKey string `json:"routing_key,omitempty"` // with this key
}

// Letter is a message of a dead-letter queue.
type Letter struct {
	Origin
	Error    string    // what was wrong, in words
	Since    time.Time // when it failed first, or else when it was published; zero where nothing says
	Redriven int64     // how often it was sent back
	Returned int64     // how often it was delivered from this queue and returned; a classic queue does not count that
	ID       string
	Body     []byte

	delivery amqp091.Delivery
}

// newLetter reads what the headers say. What logpipe wrote comes before what the broker wrote.
func newLetter(queue string, d amqp091.Delivery) *Letter {
	l := &Letter{ID: d.MessageId, Body: d.Body, delivery: d}
	l.Error = text(d.Headers[rabbitmq.HeaderError])
	l.Redriven = number(d.Headers[rabbitmq.HeaderRedriven])
	l.Returned = number(d.Headers["x-delivery-count"])
	l.Pipeline = text(d.Headers[rabbitmq.HeaderPipeline])
	l.Reason = text(d.Headers[rabbitmq.HeaderReason])
	l.Queue = text(d.Headers[rabbitmq.HeaderQueue])
	l.Exchange, l.RoutingKey = text(d.Headers[rabbitmq.HeaderExchange]), text(d.Headers[rabbitmq.HeaderRoutingKey])
	l.Since, _ = time.Parse(time.RFC3339, text(d.Headers[rabbitmq.HeaderFirstFailed]))
	died := lastDeath(queue, d.Headers)
	if l.Reason == "" && l.Pipeline == "" && l.Queue == "" {
		l.Reason, l.Queue, l.Exchange, l.RoutingKey = died.Reason, died.Queue, died.Exchange, died.RoutingKey
	}
	for _, at := range []time.Time{died.at, d.Timestamp} {
		if l.Since.IsZero() && ofCalendar(at) {
			l.Since = at
		}
	}
	l.Since = l.Since.UTC()
	return l
}

// ofCalendar reports whether a time has a year of four digits. Others are no times: what a producer took for seconds are milliseconds, or less. RFC 3339,
// and so JSON, has no word for them, and one would keep a whole listing from being written.
func ofCalendar(t time.Time) bool {
	year := t.UTC().Year()
	return year > 0 && year <= 9999
}

// death is an entry of x-death, which the broker writes when it dead-letters a message itself.
type death struct {
	Origin
	at time.Time
}

// lastDeath is the last time that the broker dead-lettered the message in another queue than this one. RabbitMQ keeps the list with the last
// death first. Since 3.13 it also names the last one in headers of its own, which count where the list has another order.
// https://www.rabbitmq.com/docs/dlx#effects (read for 4.x, not tried)
func lastDeath(queue string, headers amqp091.Table) (last death) {
	list, _ := headers["x-death"].([]any)
	known := text(headers["x-last-death-queue"])
	for _, entry := range list {
		table, ok := entry.(amqp091.Table)
		if !ok || text(table["queue"]) == queue {
			continue
		}
		d := death{Origin: Origin{Reason: text(table["reason"]), Queue: text(table["queue"]), Exchange: text(table["exchange"])}}
		if keys, _ := table["routing-keys"].([]any); len(keys) > 0 {
			d.RoutingKey = text(keys[0])
		}
		d.at, _ = table["time"].(time.Time)
		if last.Queue == "" || d.Queue == known {
			last = d
		}
		if known == "" || d.Queue == known {
			break
		}
	}
	return last
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	case int16:
		return int64(n)
	}
	return 0
}

// Headers are all headers, in the types that engine.Meta documents.
func (l *Letter) Headers() map[string]any {
	d := rabbitmq.NewDelivery(l.delivery)
	return d.Headers()
}

// JSONHeaders are all headers as an object of JSON, with values as in the format envelope: a time is RFC 3339, a number that JSON lacks is a text, bytes
// and text that is no UTF-8 are {"base64": "…"}.
func (l *Letter) JSONHeaders() []byte { return encode.AppendTable(nil, l.Headers()) }

// Property is a property of a message that is set.
type Property struct{ Name, Value string }

// Properties are those that are set, but for the headers.
func (l *Letter) Properties() []Property {
	d := &l.delivery
	all := []Property{
		{"message_id", d.MessageId}, {"content_type", d.ContentType}, {"content_encoding", d.ContentEncoding}, {"type", d.Type}, {"app_id", d.AppId},
		{"correlation_id", d.CorrelationId}, {"reply_to", d.ReplyTo}, {"expiration", d.Expiration}, {"user_id", d.UserId},
	}
	if !d.Timestamp.IsZero() {
		all = append(all, Property{"timestamp", d.Timestamp.UTC().Format(time.RFC3339)})
	}
	if d.Priority != 0 {
		all = append(all, Property{"priority", strconv.Itoa(int(d.Priority))})
	}
	all = append(all, Property{"delivery_mode", mode(d.DeliveryMode)})
	var set []Property
	for _, p := range all {
		if p.Value != "" {
			set = append(set, p)
		}
	}
	return set
}

// mode is a delivery mode in words where the protocol has one; brokers take any number.
func mode(n uint8) string {
	switch n {
	case 0:
		return "" // not set
	case amqp091.Transient:
		return "transient"
	case amqp091.Persistent:
		return "persistent"
	}
	return strconv.Itoa(int(n))
}
