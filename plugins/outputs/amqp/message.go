package amqp

import (
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Rehearse names the exchange and the routing key of a batch, as in "dlx/log_dlq"; without an exchange that is the queue.
func (o *output) Rehearse(b *engine.Batch) (string, error) {
	key, err := o.cfg.key(b)
	if err != nil {
		return "", fmt.Errorf("routing key: %w", err)
	}
	if o.cfg.Exchange != "" {
		key = o.cfg.Exchange + "/" + key
	}
	return key, nil
}

// message makes message i of a batch ready in p, and returns its routing key. id is its message id
// where that is known, and began the time of the write. The error says that it can never be published.
func (o *output) message(p *amqp091.Publishing, b *engine.Batch, i int, key, id string, began time.Time, limit int) (string, error) {
	m := &b.Messages[i]
	if o.env.Role == engine.RoleDeadLetter {
		*p = rabbitmq.NewDeadLetter(m)
	} else {
		*p = rabbitmq.NewPublishing(m)
	}
	p.DeliveryMode = amqp091.Transient
	if o.cfg.Persistent {
		p.DeliveryMode = amqp091.Persistent
	}
	switch {
	case id != "":
		p.MessageId = id
	case p.MessageId == "":
		p.MessageId = o.ids.take(m)
	}
	if o.cfg.KeepRoutingKey && m.Meta != nil && m.Meta.RoutingKey() != "" {
		key = m.Meta.RoutingKey()
	}
	if o.env.Role == engine.RoleDeadLetter {
		o.explain(p, b, i, began, limit)
	}
	if len(key) > rabbitmq.MaxKey {
		return key, engine.Permanent(fmt.Errorf("the routing key has %d bytes; AMQP can carry %d", len(key), rabbitmq.MaxKey))
	}
	if err := rabbitmq.CheckHeaders(p); err != nil {
		return key, engine.Permanent(err)
	}
	if n := rabbitmq.PropertiesSize(p); n > limit {
		return key, engine.Permanent(fmt.Errorf("properties and headers take %d bytes; the broker takes %d", n, limit))
	}
	return key, nil
}
