package amqp

import (
	"errors"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Config is the configuration of the output.
type Config struct {
	rabbitmq.Server

	Exchange       string          `hcl:"exchange,optional" doc:"The exchange to publish to; empty is the default exchange, which routes to the queue of the key's name."`
	RoutingKey     engine.Template `hcl:"routing_key,optional" doc:"The key of the messages, such as \"logs.${batch.partition.source}\"; empty is the name of queue."`
	KeepRoutingKey bool            `hcl:"keep_routing_key,optional" doc:"Publishes a message that came from a broker with the key that it came with, and routing_key only for others."`

	Queue                string         `hcl:"queue,optional" example:"logs" doc:"A queue that shall get the messages. It is declared with the exchange and bound to it with routing_key."`
	QueueType            string         `hcl:"queue_type,optional" values:"quorum,classic" doc:"The type of the queue if it is created: a quorum queue is kept on several nodes of a cluster and on disk, a classic queue on one."`
	Arguments            map[string]any `hcl:"arguments,optional" doc:"What the queue is created with beside that, such as { \"x-max-priority\" = 5 }: texts, whole numbers and booleans. A queue that exists is used as it is."`
	DeadLetterExchange   string         `hcl:"dead_letter_exchange,optional" doc:"The dead-letter exchange that the queue is created with, as in the input that reads it: it does not matter then which of the two creates the queue."`
	DeadLetterRoutingKey string         `hcl:"dead_letter_routing_key,optional" doc:"The name of the dead-letter queue, and the key that it is bound with. It goes with dead_letter_exchange."`

	ExchangeType      string         `hcl:"exchange_type,optional" doc:"The type of the exchange if it is created: direct, fanout, topic, headers, or one of a plugin's, which begin with x-."`
	ExchangeArguments map[string]any `hcl:"exchange_arguments,optional" doc:"What the exchange is created with, such as { \"alternate-exchange\" = \"unrouted\" }. One that exists is used as it is."`
	BindingArguments  map[string]any `hcl:"binding_arguments,optional" doc:"What queue is bound to the exchange with. A headers exchange routes by it: { x-match = \"all\", team = \"shop\" } gives the queue what has these headers, and without arguments all messages."`
	Declare           string         `hcl:"declare,optional" values:"auto,never" doc:"auto creates exchange, queue and binding where queue is set and they are missing; what exists is used as it is, and what differs is a warning. never creates nothing: what is missing is an error."`

	Persistent bool          `hcl:"persistent,optional" doc:"Lets the broker keep the messages on disk. Without it they are lost when the broker restarts."`
	Mandatory  bool          `hcl:"mandatory,optional" doc:"Takes a message that no queue gets for a failure. Without it the broker drops such a message and says that all is well."`
	Timeout    time.Duration `hcl:"timeout,optional" doc:"How long the broker may take and confirm nothing before a write counts as failed."`
}

// Defaults is the configuration before a file is read.
func Defaults() Config {
	return Config{
		Server:    rabbitmq.DefaultServer(),
		QueueType: rabbitmq.Quorum, ExchangeType: "direct", Declare: rabbitmq.DeclareAuto,
		Persistent: true, Mandatory: true, Timeout: 30 * time.Second,
	}
}

// Validate returns all mistakes.
func (c *Config) Validate() error {
	errs := []error{c.Server.Validate()}
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	errs = append(errs, rabbitmq.CheckNames("exchange", c.Exchange), rabbitmq.CheckNames("queue", c.Queue),
		rabbitmq.CheckNames("dead_letter_exchange", c.DeadLetterExchange, c.DeadLetterRoutingKey))
	errs = append(errs, rabbitmq.CheckOption("queue_type", c.QueueType, rabbitmq.Quorum, rabbitmq.Classic),
		rabbitmq.CheckOption("declare", c.Declare, rabbitmq.DeclareAuto, rabbitmq.DeclareNever),
		rabbitmq.CheckExchangeType("exchange_type", c.ExchangeType))
	key := c.RoutingKey.String()
	fixed := c.fixedKey()
	switch {
	case c.Exchange == "" && c.Queue == "" && key == "":
		bad("exchange", "nothing says where the messages go: set exchange, queue, or both")
	case c.Exchange == "" && c.KeepRoutingKey:
		bad("keep_routing_key", "the default exchange routes to the queue of the key's name: set exchange as well")
	case c.Exchange == "" && c.Queue != "" && key != "":
		bad("routing_key", "the default exchange routes to the queue of the key's name, which is queue already: leave it out, or set exchange")
	case c.Queue != "" && !fixed && c.ExchangeType != "fanout":
		bad("queue", "it is bound with one routing key, and the messages will have several: leave queue out and bind queues at the broker, or use a fixed routing_key")
	}
	errs = append(errs, rabbitmq.CheckQueueArguments("arguments", c.Arguments))
	errs = append(errs, rabbitmq.CheckArguments("exchange_arguments", c.ExchangeArguments), rabbitmq.CheckArguments("binding_arguments", c.BindingArguments))
	if c.Queue == "" && len(c.Arguments) > 0 {
		bad("arguments", "there is no queue to create with them: set queue, or leave arguments out")
	}
	if c.Queue == "" && len(c.ExchangeArguments) > 0 {
		bad("exchange_arguments", "without queue the exchange is not created, but must be there: set queue, or leave them out")
	}
	if (c.Queue == "" || c.Exchange == "") && len(c.BindingArguments) > 0 {
		bad("binding_arguments", "nothing is bound: set exchange and queue, or leave them out")
	}
	errs = append(errs, rabbitmq.CheckDeadLetter(c.Queue, c.DeadLetterExchange, c.DeadLetterRoutingKey))
	if c.Queue == "" && c.DeadLetterExchange != "" {
		bad("dead_letter_exchange", "it is an argument of queue, which is not set")
	}
	if c.Timeout <= 0 {
		bad("timeout", "%v is no time to wait for: use a positive duration such as 30s", c.Timeout)
	}
	return errors.Join(errs...)
}

// Traits names the files of the tls block, and how errors are counted.
func (c *Config) Traits() engine.Traits {
	return engine.Traits{Files: c.Server.Files(), Classes: classes}
}

// Traffic says where messages are published, and which bindings are made for them.
func (c *Config) Traffic() rabbitmq.Traffic {
	key, err := c.key(&engine.Batch{})
	fixed := err == nil && c.fixedKey()
	t := rabbitmq.Traffic{Server: &c.Server, Writes: &rabbitmq.Route{Exchange: c.Exchange, Key: key, Fixed: fixed},
		Bindings: rabbitmq.DeadBinding(c.DeadLetterExchange, c.DeadLetterRoutingKey)}
	if c.Queue != "" && c.Exchange != "" {
		t.Bindings = append(t.Bindings, rabbitmq.Bound{Exchange: c.Exchange, Kind: c.ExchangeType, Key: key, Queue: c.Queue,
			Parted: c.ExchangeType == "headers" && len(c.BindingArguments) > 0})
	}
	return t
}

// Feeds implements what engine.Feeds asks for.
func (c *Config) Feeds(input any, all []any) (way string, ok bool) {
	return rabbitmq.Feeds(c.Traffic(), input, all)
}

// fixedKey reports whether all messages have one routing key.
func (c *Config) fixedKey() bool { return len(c.RoutingKey.Refs()) == 0 && !c.KeepRoutingKey }

// key is the routing key of a batch.
func (c *Config) key(b *engine.Batch) (string, error) {
	key, err := c.RoutingKey.Render(b)
	if key == "" {
		key = c.Queue
	}
	return key, err
}
