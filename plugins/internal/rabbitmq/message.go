package rabbitmq

import (
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Delivery is the engine.Meta of a message that came from a broker. Nothing is decoded before somebody asks, and then each time anew: most
// messages are never asked.
type Delivery struct {
	raw   []byte         // as it came: see decode
	known *amqp.Delivery // or as the library decoded it
	queue string
}

// NewDelivery keeps what d says of the message beside its body.
func NewDelivery(d amqp.Delivery) Delivery {
	d.Body, d.Acknowledger = nil, nil // the body is the message's own; a channel must not be kept alive by old messages
	return Delivery{known: &d}
}

// From is the delivery with the name of the queue that it was read from.
func (d Delivery) From(queue string) Delivery {
	d.queue = queue
	return d
}

func (d *Delivery) decoded() *amqp.Delivery {
	if d.known != nil {
		return d.known
	}
	p := decode(d.raw)
	return &p
}

// Decoded is the delivery as the library would give it, without its body and its tag. The caller must not change the headers.
func (d *Delivery) Decoded() amqp.Delivery { return *d.decoded() }

// ID is the message id that the publisher gave.
func (d *Delivery) ID() string { return d.decoded().MessageId }

// RoutingKey is the key that the message was published with.
func (d *Delivery) RoutingKey() string {
	if d.known != nil {
		return d.known.RoutingKey
	}
	raw := decoder{rest: d.raw}
	raw.short()
	return raw.short()
}

// Headers are the publisher's headers in the types that engine.Meta documents. Each call converts them anew.
func (d *Delivery) Headers() map[string]any {
	headers := d.decoded().Headers
	if len(headers) == 0 {
		return nil
	}
	return fromTable(headers)
}

// Publishing has the message's original properties and headers, and no body. The caller must not change the headers.
func (d *Delivery) Publishing() amqp.Publishing {
	p := d.decoded()
	return amqp.Publishing{
		Headers: p.Headers, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, DeliveryMode: p.DeliveryMode,
		Priority: p.Priority, CorrelationId: p.CorrelationId, ReplyTo: p.ReplyTo, Expiration: p.Expiration,
		MessageId: p.MessageId, Timestamp: p.Timestamp, Type: p.Type, UserId: p.UserId, AppId: p.AppId,
	}
}

// PlainTable are the values of a table in the types that engine.Meta documents.
func PlainTable(t amqp.Table) map[string]any { return fromTable(t) }

func fromTable(t amqp.Table) map[string]any {
	m := make(map[string]any, len(t))
	for name, v := range t {
		m[name] = fromField(v)
	}
	return m
}

// fromField converts a value that the library read from a table.
func fromField(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case int:
		return int64(v)
	case uint8:
		return uint64(v)
	case uint16:
		return uint64(v)
	case uint32:
		return uint64(v)
	case float32:
		return float64(v)
	case amqp.Decimal:
		return float64(v.Value) / math.Pow10(int(v.Scale))
	case time.Time:
		return v.UTC().Truncate(time.Second) // which is what AMQP carries
	case amqp.Table:
		return fromTable(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = fromField(v[i])
		}
		return list
	}
	return v // nil, bool, int64, float64, string, []byte
}
