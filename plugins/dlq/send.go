package dlq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/outputs/amqp"
)

// sender publishes by the amqp output, which knows when a message is stored: persistent, mandatory, confirmed and not returned. It has a
// connection of its own: a broker that takes no more messages reads no more from a connection that publishes, also no acks.
type sender struct{ out engine.Output }

func newSender(b Broker, exchange string, log *slog.Logger) (*sender, error) {
	cfg := amqp.Defaults()
	cfg.Server, cfg.Exchange, cfg.KeepRoutingKey = b.server, exchange, true
	out, err := amqp.New(cfg, engine.Env{Log: log, Pipeline: "dlq", Role: engine.RoleOutput, Version: b.version, NewID: engine.NewID})
	if err != nil {
		return nil, err
	}
	return &sender{out}, nil
}

// send publishes each message with its key. It returns for each why it is not known to be stored, nil for those that are.
func (s *sender) send(ctx context.Context, letters []*Letter, keys []string) []error {
	b := engine.Batch{ID: engine.NewID()}
	for i, l := range letters {
		d := rabbitmq.NewDelivery(freed(l.delivery, l.Redriven, keys[i]))
		b.Messages = append(b.Messages, engine.Message{Body: l.Body, Meta: &d})
	}
	errs := make([]error, len(letters))
	err := s.out.Write(ctx, &b)
	var part *engine.WriteError
	switch {
	case errors.As(err, &part):
		for _, f := range part.Failed {
			errs[f.Index] = f.Err
		}
	case err != nil:
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

func (s *sender) close(ctx context.Context) error { return s.out.Close(ctx) }

// freed is the message as it was before it became a dead letter.
//
// What the broker wrote when it dead-lettered the message goes as well: up to 3.13 it would take the message for one that goes in circles
// when it expires again where it expired before, and drop it. https://www.rabbitmq.com/docs/3.13/dlx#routing
func freed(d amqp091.Delivery, redriven int64, key string) amqp091.Delivery {
	headers := amqp091.Table{}
	for name, v := range d.Headers {
		if !brokers(name) && (!strings.HasPrefix(name, rabbitmq.HeaderPrefix) || rabbitmq.KeptInRedrive(name)) {
			headers[name] = v
		}
	}
	headers[rabbitmq.HeaderRedriven] = redriven + 1
	d.Headers, d.RoutingKey = headers, key
	return d
}

// brokers reports whether a header is one that the broker writes.
func brokers(name string) bool {
	switch name {
	case "x-death", "x-delivery-count", "x-acquired-count":
		return true
	}
	return strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-")
}

// Target says where messages are sent: to a queue, to an exchange, or, if both are empty, each back to the queue that it came from.
type Target struct {
	Queue    string
	Exchange string
	Key      string // with Exchange; empty is the key that each message had been published with
}

// key is the routing key for a message, or why it cannot be sent.
func (t Target) key(r *Reader, l *Letter) (string, error) {
	queue := t.Queue
	switch {
	case t.Exchange != "" && t.Key != "":
		return t.Key, nil
	case t.Exchange != "" && l.RoutingKey == "":
		return "", errors.New("it does not say its routing key: name one with --routing-key")
	case t.Exchange != "":
		return l.RoutingKey, nil
	case queue == "":
		queue = l.Queue
	}
	switch {
	case queue == "":
		return "", errors.New("it does not say which queue it came from: name one with --to")
	case len(queue) > rabbitmq.MaxKey: // a header may say anything, and the library ends the connection on such a name
		return "", fmt.Errorf("the name of the queue that it came from has %d bytes; AMQP can carry %d", len(queue), rabbitmq.MaxKey)
	case queue == r.queue:
		return "", errors.New("it came from the dead-letter queue itself: name another queue with --to")
	case r.gone(queue):
		return "", fmt.Errorf("there is no %s any more: make it again, or name another with --to", named(queue))
	}
	return queue, nil
}
