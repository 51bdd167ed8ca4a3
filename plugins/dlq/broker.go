// Package dlq looks into a dead-letter queue of RabbitMQ and sends what is in it back.
//
// Nothing is ever removed from the queue but by an ack, and an ack follows the broker's confirm that the message is somewhere else. What is
// looked at and not sent is given back by closing the connection. Measured with RabbitMQ 3.10: a classic queue then has it where it was; a quorum queue
// has it before what was never delivered, behind what was given back earlier, and counts a delivery. A nack with requeue instead puts it to the end of
// a quorum queue that has no delivery limit.
package dlq

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/outputs/amqp"
)

// Broker is where a queue is.
type Broker struct {
	server  rabbitmq.Server
	version string // of logpipe
}

// At is the broker of a URL or, where that is empty, the one on a host; both empty is this machine. The error does not quote the URL: it may
// have a password.
func At(url, host, version string) (Broker, error) {
	s := rabbitmq.DefaultServer()
	s.URL = engine.NewSecret(url)
	s.Host = cmp.Or(host, s.Host)
	if err := s.Validate(); err != nil {
		var attr *engine.AttrError
		if errors.As(err, &attr) {
			err = attr.Err
		}
		return Broker{}, err
	}
	return Broker{s, version}, nil
}

// Of is the broker and the queue of a dead_letter block, from its plugin's configuration. The queue may be empty: the block can name only
// an exchange. It is false where the block is not of the amqp output.
func Of(config any, version string) (b Broker, queue string, ok bool) {
	c, ok := config.(*amqp.Config)
	if !ok {
		return Broker{}, "", false
	}
	return Broker{c.Server, version}, c.Queue, true
}

// CheckName is an error where AMQP cannot carry the name of a queue or exchange, or a routing key.
func CheckName(name string) error {
	if len(name) > rabbitmq.MaxKey {
		return fmt.Errorf("it has %d bytes; AMQP can carry %d", len(name), rabbitmq.MaxKey)
	}
	return nil
}

func (b Broker) dialer() (*rabbitmq.Dialer, error) {
	return rabbitmq.NewDialer(b.server, "logpipe dlq", b.version)
}

func named(queue string) string { return fmt.Sprintf("queue %q", queue) }
