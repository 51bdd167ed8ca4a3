package rabbitmq

import (
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Delivery is the engine.Meta of a message that came from a broker. Nothing is decoded before somebody asks.
type Delivery struct {
	d     amqp.Delivery
	queue string
}

// NewDelivery keeps what d says of the message beside its body.
func NewDelivery(d amqp.Delivery) Delivery {
	d.Body, d.Acknowledger = nil, nil // the body is the message's own; a channel must not be kept alive by old messages
	return Delivery{d: d}
}

// From is the delivery with the name of the queue that it was read from.
func (d Delivery) From(queue string) Delivery {
	d.queue = queue
	return d
}

// ID is the message id that the publisher gave.
func (d *Delivery) ID() string { return d.d.MessageId }

// RoutingKey is the key that the message was published with.
func (d *Delivery) RoutingKey() string { return d.d.RoutingKey }

// Headers are the publisher's headers in the types that engine.Meta documents. Each call converts them anew.
func (d *Delivery) Headers() map[string]any {
	if len(d.d.Headers) == 0 {
		return nil
	}
	return fromTable(d.d.Headers)
}

// Publishing has the message's original properties and headers, and no body. The caller must not change the headers.
func (d *Delivery) Publishing() amqp.Publishing {
	return amqp.Publishing{
		Headers: d.d.Headers, ContentType: d.d.ContentType, ContentEncoding: d.d.ContentEncoding, DeliveryMode: d.d.DeliveryMode,
		Priority: d.d.Priority, CorrelationId: d.d.CorrelationId, ReplyTo: d.d.ReplyTo, Expiration: d.d.Expiration,
		MessageId: d.d.MessageId, Timestamp: d.d.Timestamp, Type: d.d.Type, UserId: d.d.UserId, AppId: d.d.AppId,
	}
}

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
		return v.UTC()
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
