package rabbitmq

import (
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Seen is what a Declarer has seen of the queue that is read. The zero value is for one that may only be used: nothing is known of it.
type Seen struct {
	Name         string
	Known        bool // every argument was compared, and the queue is no auto-delete queue
	Type         string
	SingleActive bool // only one consumer at a time gets messages
}

// look says what is known of the queue that is read, by the arguments that were found and how they differ from the configuration. One that cannot be taken over may
// hide others, and so one more question tells whether these are all.
func (d *Declarer) look(queue string, diffs []Difference, args amqp.Table) Seen {
	if len(diffs) > 0 && d.ask(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(queue, true, false, false, false, args)
		return err
	}) != nil {
		return Seen{Name: queue}
	}
	kind, ok := args[argType].(string)
	if !ok {
		kind = Classic
	}
	return Seen{Name: queue, Known: true, Type: kind, SingleActive: args[argSingleActive] == true}
}

// From reports whether this is RabbitMQ of this version or a later one.
func (b Broker) From(major, minor int) bool {
	first, rest, _ := strings.Cut(b.Version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(first)
	if err != nil || b.Product != "RabbitMQ" {
		return false
	}
	c, err := strconv.Atoi(second)
	return a > major || a == major && err == nil && c >= minor
}
