package rabbitmq

import (
	"fmt"
	"maps"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Temporary makes a queue that belongs to the connection alone and is gone with it, to be read. Without a name the broker
// gives it one, see Seen.
//
// It is exclusive and not auto-delete: the broker would delete it between two subscriptions then, and there is nothing to be
// had for that, as an exclusive queue leaves nothing behind either. RabbitMQ from 4.3 on takes no other queue that is not
// durable. It is a classic queue whatever the virtual host has for a default: no other kind can be exclusive.
func (d *Declarer) Temporary(name string, args amqp.Table) error {
	all := amqp.Table{argType: Classic}
	maps.Copy(all, args)
	var q amqp.Queue
	err := d.ask(func(ch *amqp.Channel) (err error) {
		q, err = ch.QueueDeclare(name, false, false, true, false, all)
		return err
	})
	switch {
	case isCode(err, amqp.AccessRefused) && name == "":
		return fmt.Errorf("declare a temporary queue: %w (the broker names such queues amq.gen-…: a permission to configure, read and write "+
			"must match that)", d.conn.Explain(err))
	case isCode(err, amqp.ResourceLocked):
		return fmt.Errorf("declare temporary queue %q: there is a queue of this name: one that is not temporary, or that of another connection, which may "+
			"be one of logpipe that broke a moment ago; without a name the broker finds a free one: %w", name, d.conn.Explain(err))
	case err != nil:
		return fmt.Errorf("declare temporary queue %q: %w", name, d.conn.Explain(err))
	}
	d.warn("the queue is temporary: what is in it when the connection or logpipe ends is lost, and so is what is published until it is read " +
		"again; where that must not be, name a queue and leave temporary out")
	d.Seen = Seen{Name: q.Name, Known: true, Type: Classic, SingleActive: all[argSingleActive] == true}
	return nil
}
