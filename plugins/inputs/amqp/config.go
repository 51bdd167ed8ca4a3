package amqp

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// Config is the configuration of the input.
type Config struct {
	rabbitmq.Server

	Queue     string         `hcl:"queue,optional" example:"log_queue" doc:"The queue to read. Only a temporary one may be left to the broker to name."`
	Temporary bool           `hcl:"temporary,optional" doc:"Reads a queue of its own, which is there only as long as the connection: to look at what goes through exchanges, see binding, without leaving anything behind. What is in it when the connection ends, or logpipe, is lost, and so is what is published meanwhile."`
	QueueType string         `hcl:"queue_type,optional" values:"quorum,classic" doc:"The type of the queues that are created: quorum queues are kept on several nodes of a cluster and on disk, classic queues on one."`
	Declare   string         `hcl:"declare,optional" values:"auto,never" doc:"auto creates the queues, exchanges and bindings that are missing; what exists is used as it is, and what differs is a warning. never creates nothing: what is missing is an error."`
	Arguments map[string]any `hcl:"arguments,optional" doc:"What the queue is created with beside that, such as { \"x-max-priority\" = 5 }: texts, whole numbers and booleans. A queue that exists is used as it is."`
	Bindings  []Binding      `hcl:"binding,block" doc:"An exchange whose messages go to the queue. The block may be repeated."`

	DeadLetterExchange   string `hcl:"dead_letter_exchange,optional" doc:"Where the broker itself puts messages that the queue gives up: a net for crash loops. The direct exchange, the dead-letter queue and its binding are declared before anything is read."`
	DeadLetterRoutingKey string `hcl:"dead_letter_routing_key,optional" doc:"The name of the dead-letter queue, and the key that it is bound with. It goes with dead_letter_exchange."`

	Unpack           bool         `hcl:"unpack,optional" doc:"Unpacks bodies that came packed, by the property content-encoding or by kombu's header compression: gzip, deflate, zstd and bzip2. What cannot be unpacked goes to the dead_letter as it came, or on as it is where there is none. false takes all bodies as they come."`
	MaxUnpackedBytes engine.Bytes `hcl:"max_unpacked_bytes,optional" doc:"How large a body may be when it is unpacked; a larger one is not unpacked."`

	Prefetch        int           `hcl:"prefetch,optional" doc:"How many messages a connection may have unacked; 0 follows from what the pipeline can hold. A number that is smaller than that keeps batches from filling up."`
	Connections     int           `hcl:"connections,optional" doc:"How many connections read the queue at once. One is enough unless the queue, not the pipeline, is the limit."`
	ConsumerTag     string        `hcl:"consumer_tag,optional" doc:"The consumer's name in the broker's listings, with a number behind it; empty is logpipe and the pipeline's name."`
	ConsumerTimeout time.Duration `hcl:"consumer_timeout,optional" doc:"How long the broker waits for an ack before it takes the messages back (its setting of the same name); 0 is for ever. It is used to check the pipeline's times. RabbitMQ from 4.3 on is asked for it, where it shows that the queue is a quorum queue; an older one is not, so write down what it is set to."`
}

// Binding is one binding of the queue.
type Binding struct {
	Exchange          string         `hcl:"exchange" doc:"The exchange, durable."`
	Type              string         `hcl:"type,optional" doc:"The exchange's type: direct, fanout, topic (the default), headers, or one of a plugin's, which begin with x-."`
	RoutingKeys       []string       `hcl:"routing_keys,optional" doc:"The keys, for topic exchanges with * and #; without any, all messages of a fanout or topic exchange. For x-consistent-hash one number, the weight of the queue."`
	Arguments         map[string]any `hcl:"arguments,optional" doc:"What the binding is made with. A headers exchange routes by it: { x-match = \"all\", team = \"shop\" } takes what has these headers, and without arguments all messages."`
	ExchangeArguments map[string]any `hcl:"exchange_arguments,optional" doc:"What the exchange is created with, such as { \"alternate-exchange\" = \"unrouted\" }. One that exists is used as it is."`
}

// Defaults is the configuration before a file is read.
func Defaults() Config {
	return Config{
		Server:    rabbitmq.DefaultServer(),
		QueueType: rabbitmq.Quorum, Declare: rabbitmq.DeclareAuto,
		Connections: 1, ConsumerTimeout: 30 * time.Minute,
		Unpack: true, MaxUnpackedBytes: 16 << 20, // the largest message that RabbitMQ takes from 4.0 on
	}
}

// Validate returns all mistakes.
func (c *Config) Validate() error {
	errs := []error{c.Server.Validate()}
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if c.Queue == "" && !c.Temporary {
		bad("queue", "the name of the queue is empty: name one, or set temporary = true for a queue that is made and bound for this reader alone")
	}
	if c.Temporary {
		errs = append(errs, c.checkTemporary())
	}
	errs = append(errs, rabbitmq.CheckNames("queue", c.Queue), rabbitmq.CheckNames("dead_letter_exchange", c.DeadLetterExchange, c.DeadLetterRoutingKey))
	errs = append(errs, rabbitmq.CheckOption("queue_type", c.QueueType, rabbitmq.Quorum, rabbitmq.Classic),
		rabbitmq.CheckOption("declare", c.Declare, rabbitmq.DeclareAuto, rabbitmq.DeclareNever))
	errs = append(errs, rabbitmq.CheckDeadLetter(c.Queue, c.DeadLetterExchange, c.DeadLetterRoutingKey))
	errs = append(errs, rabbitmq.CheckQueueArguments("arguments", c.Arguments))
	if c.Prefetch < 0 || c.Prefetch > maxPrefetch {
		bad("prefetch", "%d is out of range: use a number from 1 to %d, or 0 for what the pipeline can hold", c.Prefetch, maxPrefetch)
	}
	if c.Connections < 1 || c.Connections > maxConnections {
		bad("connections", "%d is out of range: use a number from 1 to %d", c.Connections, maxConnections)
	}
	if len(c.ConsumerTag) > maxConsumerTag {
		bad("consumer_tag", "it is longer than %d bytes", maxConsumerTag)
	}
	if c.ConsumerTimeout < 0 {
		bad("consumer_timeout", "%v is negative: use 0 for no timeout", c.ConsumerTimeout)
	}
	if c.MaxUnpackedBytes < 1 || c.MaxUnpackedBytes > 1<<30 {
		bad("max_unpacked_bytes", "%v is out of range: use a size from 1 byte to 1GiB", c.MaxUnpackedBytes)
	}
	for i := range c.Bindings {
		errs = append(errs, c.Bindings[i].validate())
	}
	return errors.Join(errs...)
}

// checkTemporary finds what does not go with a temporary queue.
func (c *Config) checkTemporary() error {
	var errs []error
	bad := func(attr, format string, args ...any) { errs = append(errs, engine.AttrErrorf(attr, format, args...)) }
	if c.Queue == "" && len(c.Bindings) == 0 {
		bad("temporary", "nothing would ever come into the queue: bind it to an exchange by a binding block")
	}
	if c.Declare == rabbitmq.DeclareNever {
		bad("declare", "a temporary queue is always made anew: leave declare out, or name a queue that exists and leave temporary out")
	}
	if c.Connections > 1 {
		bad("connections", "a temporary queue belongs to one connection alone: leave connections out")
	}
	if c.DeadLetterExchange != "" {
		bad("dead_letter_exchange", "a temporary queue goes with what is in it, and gives nothing to a dead-letter exchange then: leave it out")
	}
	return errors.Join(errs...)
}

func (b *Binding) validate() error {
	var errs []error
	if b.Exchange == "" {
		errs = append(errs, engine.AttrErrorf("binding.exchange", "the name of the exchange is empty; the default exchange needs no binding"))
	}
	errs = append(errs, rabbitmq.CheckExchangeType("binding.type", b.kind()), rabbitmq.CheckNames("binding.exchange", b.Exchange),
		rabbitmq.CheckNames("binding.routing_keys", b.RoutingKeys...), rabbitmq.CheckArguments("binding.arguments", b.Arguments),
		rabbitmq.CheckArguments("binding.exchange_arguments", b.ExchangeArguments))
	if len(b.RoutingKeys) == 0 && b.kind() == "direct" {
		errs = append(errs, engine.AttrErrorf("binding.routing_keys", "a direct exchange routes by key: name at least one"))
	}
	if b.kind() == "x-consistent-hash" && !b.weighs() {
		errs = append(errs, engine.AttrErrorf("binding.routing_keys", "a consistent-hash exchange is bound with the queue's weight: "+
			"use one whole number in quotes, such as [\"1\"], the same for all its queues"))
	}
	return errors.Join(errs...)
}

// weighs reports whether the only key is a whole number above 0. The broker refuses everything else, and would only be asked at each start.
func (b *Binding) weighs() bool {
	if len(b.RoutingKeys) != 1 {
		return false
	}
	n, err := strconv.Atoi(b.RoutingKeys[0])
	return err == nil && n > 0
}

func (b *Binding) kind() string { return cmp.Or(b.Type, "topic") }

// keys are what the queue is bound with. Without a key in the file it gets everything.
func (b *Binding) keys() []string {
	switch {
	case len(b.RoutingKeys) > 0:
		return b.RoutingKeys
	case b.kind() == "topic":
		return []string{"#"}
	}
	return []string{""}
}

// Traffic says which queue is read, and which bindings are made for it.
func (c *Config) Traffic() rabbitmq.Traffic {
	queue := c.Queue
	if queue == "" { // which the broker names: nothing but its configuration tells it from another one
		queue = fmt.Sprintf("amq.gen-%p", c)
	}
	t := rabbitmq.Traffic{Server: &c.Server, Reads: queue, Unnamed: c.Queue == "", Bindings: rabbitmq.DeadBinding(c.DeadLetterExchange, c.DeadLetterRoutingKey)}
	for _, b := range c.Bindings {
		for _, key := range b.keys() {
			t.Bindings = append(t.Bindings, rabbitmq.Bound{Exchange: b.Exchange, Kind: b.kind(), Key: key, Queue: queue,
				Parted: b.kind() == "headers" && len(b.Arguments) > 0})
		}
	}
	return t
}

// Traits is what the checks across blocks need to know.
func (c *Config) Traits() engine.Traits {
	return engine.Traits{AnyBody: true, Prefetch: c.Prefetch * c.Connections, AckWithin: c.ConsumerTimeout, Files: c.Server.Files()}
}

// The limits of prefetch, which travels in 16 bits, of connections, whose number is part of a chunk's tag, and of the consumer tag,
// which AMQP allows 255 bytes, numbers included.
const (
	maxPrefetch    = 65535
	maxConnections = 64
	maxConsumerTag = 200
)
