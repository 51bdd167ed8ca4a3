package rabbitmq

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Properties is an engine.Meta that knows more of a message than its id, routing key and headers. A message that waited in a fallback file has
// its AMQP properties so. The names are AMQP's; values are of the kinds that engine.Meta names, and the caller must not change the map.
type Properties interface {
	Properties() map[string]any
}

// texts are the properties that are texts.
func texts(p *amqp.Publishing) map[string]*string {
	return map[string]*string{
		"content-type": &p.ContentType, "content-encoding": &p.ContentEncoding, "correlation-id": &p.CorrelationId, "reply-to": &p.ReplyTo,
		"expiration": &p.Expiration, "type": &p.Type, "user-id": &p.UserId, "app-id": &p.AppId,
	}
}

// Properties are those of the publisher beside id, routing key and headers, nil when there are none; and the headers' types, see typedHeaders.
func (d *Delivery) Properties() map[string]any {
	p := d.Publishing()
	all := map[string]any{}
	for name, text := range texts(&p) {
		if *text != "" {
			all[name] = *text
		}
	}
	if p.Priority != 0 {
		all["priority"] = int64(p.Priority)
	}
	if !p.Timestamp.IsZero() {
		all["timestamp"] = p.Timestamp.UTC()
	}
	if raw := d.rawHeaders(); raw != nil {
		all[typedHeaders] = raw
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// setProperties undoes Properties. What AMQP cannot carry is left out.
func setProperties(p *amqp.Publishing, all map[string]any) {
	for name, field := range texts(p) {
		if text, ok := all[name].(string); ok && len(text) <= MaxKey {
			*field = text
		}
	}
	if n, ok := all["priority"].(int64); ok && n >= 0 && n <= 255 {
		p.Priority = uint8(n)
	}
	if at, ok := all["timestamp"].(time.Time); ok {
		p.Timestamp = at
	}
	if raw, ok := all[typedHeaders].([]byte); ok {
		setHeaders(p, raw)
	}
	if all[unpackedProperty] == true {
		unpacked(p)
	}
}
