package rabbitmq

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Types of queues that are created here.
const (
	Quorum  = "quorum"
	Classic = "classic"
)

// Stream is a type of queues that are not created here.
const Stream = "stream"

const (
	argType           = "x-queue-type"
	argDeliveryLimit  = "x-delivery-limit"
	argDeadExchange   = "x-dead-letter-exchange"
	argDeadRoutingKey = "x-dead-letter-routing-key"
	argExpires        = "x-expires"
	argTTL            = "x-message-ttl"
	argMaxLength      = "x-max-length"
	argMaxBytes       = "x-max-length-bytes"
	argOverflow       = "x-overflow"
	argSingleActive   = "x-single-active-consumer"
	argStreamOffset   = "x-stream-offset"
	argDurable        = "durable" // as the broker calls it in a refusal
	argAutoDelete     = "auto_delete"
)

// Queue is a durable queue.
type Queue struct {
	Name string
	Type string // Quorum or Classic
	// What the broker dead-letters goes to this exchange, under this key; both or neither.
	DeadLetterExchange   string
	DeadLetterRoutingKey string
	Arguments            amqp.Table // further ones
	// Read says that it will be consumed from. A stream and an auto-delete queue are errors then.
	Read bool
}

// arguments are what a queue of this kind is created with.
//
// Since 4.0 a quorum queue deletes or dead-letters a message that was delivered 20 times, and every lost connection
// counts as a delivery: some hours of outage would take good messages away. So queues that are created there get no
// limit. A 3.x broker knows no -1: it takes it for a limit, and deletes at the first redelivery.
// https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
func (q Queue) arguments(b Broker) amqp.Table {
	args := amqp.Table{argType: q.Type}
	if q.DeadLetterExchange != "" {
		args[argDeadExchange] = q.DeadLetterExchange
		args[argDeadRoutingKey] = q.DeadLetterRoutingKey
	}
	if q.Type == Quorum && b.AtLeast(4) {
		args[argDeliveryLimit] = int64(-1)
	}
	maps.Copy(args, q.Arguments)
	return args
}

// Declarer makes sure that exchanges, queues and bindings exist. What exists already is used as it is: what differs
// from the configuration is a warning.
//
// Every refusal of the broker ends the channel that the question was asked on, so it has channels of its own.
type Declarer struct {
	conn *Connection
	ch   *Channel
	// Check says to create nothing: what is missing is an error.
	Check bool
	// Warnings say what differs from the configuration, and Notes what could not be compared.
	Warnings, Notes []string
	// Seen is what there is to know of the queue that is read.
	Seen Seen
}

// NewDeclarer returns a Declarer. Close ends it.
func (c *Connection) NewDeclarer() *Declarer { return &Declarer{conn: c} }

// Close ends the declarer's channel.
func (d *Declarer) Close() {
	if d.ch != nil {
		d.ch.Close() // that it is closed already is the only thing that could go wrong and matter
	}
}

// ask calls f with a channel that works.
func (d *Declarer) ask(f func(*amqp.Channel) error) error {
	if d.ch == nil || d.ch.IsClosed() {
		ch, err := d.conn.Open()
		if err != nil {
			return err
		}
		d.ch = ch
	}
	return f(d.ch.Channel)
}

func (d *Declarer) warn(format string, args ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, args...))
}

func (d *Declarer) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// Exchange makes sure that the exchange exists, durable, of this type and with these arguments. The default exchange "" always does.
func (d *Declarer) Exchange(name, kind string, args amqp.Table) error {
	if name == "" {
		return nil
	}
	passive := func(ch *amqp.Channel) error {
		return ch.ExchangeDeclarePassive(name, kind, true, false, false, false, nil)
	}
	active := func(ch *amqp.Channel) error { return ch.ExchangeDeclare(name, kind, true, false, false, false, args) }
	err := error(nil)
	if !d.Check {
		err = d.ask(active)
	}
	if d.Check || isCode(err, amqp.AccessRefused) {
		looked := d.ask(passive)
		if isCode(looked, amqp.AccessRefused) { // since RabbitMQ 4.3 to look needs a permission, too: any of the three
			d.note("no permission to look for exchange %q: it is taken to be there", name)
			return nil
		}
		if d.Check || looked == nil {
			return d.explain("exchange", name, looked)
		}
	}
	if diff, ok := differs(err); ok {
		d.warn("exchange %q exists and is used as it is: %s", name, diff)
		return nil
	}
	return d.explain("exchange", name, err)
}

// DeadLettered makes sure that the queue exists, and before it where the broker puts what the queue gives up: the direct exchange, and
// a queue that has the routing key as its name and is bound with it. What is dead-lettered into an exchange that is missing is lost.
func (d *Declarer) DeadLettered(q Queue) error {
	if q.DeadLetterExchange != "" {
		dead := Queue{Name: q.DeadLetterRoutingKey, Type: q.Type}
		if err := d.Exchange(q.DeadLetterExchange, "direct", nil); err != nil {
			return err
		}
		if err := d.Queue(dead); err != nil {
			return err
		}
		if err := d.Bind(q.DeadLetterExchange, q.DeadLetterRoutingKey, dead.Name, nil); err != nil {
			return err
		}
	}
	return d.Queue(q)
}

// Queue makes sure that the queue exists.
func (d *Declarer) Queue(q Queue) error {
	passive := func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(q.Name, true, false, false, false, nil)
		return err
	}
	if d.Check {
		err := d.ask(passive)
		d.unseen(q, err)
		return d.explain("queue", q.Name, err)
	}
	diffs, args, err := d.compare(q)
	if isCode(err, amqp.AccessRefused) && d.ask(passive) == nil {
		d.unseen(q, nil)
		return nil // we may only use it
	}
	if isCode(err, amqp.PreconditionFailed) && d.ask(passive) == nil { // it differs, and the broker says it in words that are not known
		d.warn("queue %q exists and is used as it is; it differs from the configuration: %v", q.Name, d.conn.Explain(err))
		d.unseen(q, nil)
		return nil
	}
	if err != nil {
		return d.explain("queue", q.Name, err)
	}
	if args[argType] == Stream && q.Read {
		return StreamError(q.Name)
	}
	auto := slices.ContainsFunc(diffs, func(d Difference) bool { return d.Name == argAutoDelete })
	if auto && q.Read {
		return fmt.Errorf("queue %q is an auto-delete queue: the broker deletes it, with the messages in it, whenever its last consumer leaves, "+
			"and each restart of logpipe is that; declare it without auto_delete", q.Name)
	}
	if q.Read {
		d.Seen = d.look(q.Name, diffs, args)
	}
	d.tell(q, diffs, args)
	return nil
}

// tell warns of what differs from the configuration, and, each in a warning of its own, of what
// takes messages away, unless the configuration asks for it and is not heard.
func (d *Declarer) tell(q Queue, diffs []Difference, args amqp.Table) {
	diffs = slices.DeleteFunc(diffs, func(d Difference) bool { return slices.Contains(takesAway, d.Name) && q.Arguments[d.Name] == nil })
	if len(diffs) > 0 {
		d.warn("queue %q exists and is used as it is: %s", q.Name, describe(diffs))
	}
	for _, text := range Losses(q.Name, args, d.conn.Broker) {
		d.warn("%s", text)
	}
}

// unseen notes what matters to a reader of the queue and shows only when the queue is declared.
func (d *Declarer) unseen(q Queue, err error) {
	if err == nil && q.Read {
		d.note("queue %q is used without a look at its arguments: whether it takes messages away (x-expires, x-message-ttl, x-max-length, a delivery limit), or is an "+
			"auto-delete queue, shows only to who may declare it", q.Name)
	}
}

// Bind makes sure that the exchange routes the key to the queue, with these arguments, which a headers exchange routes by. The default
// exchange needs no binding.
func (d *Declarer) Bind(exchange, key, queue string, args amqp.Table) error {
	if d.Check || exchange == "" {
		return nil // a binding cannot be looked up, only made
	}
	err := d.ask(func(ch *amqp.Channel) error { return ch.QueueBind(queue, key, exchange, false, args) })
	if isCode(err, amqp.AccessRefused) {
		d.warn("no permission to bind queue %q to exchange %q with key %q: it is taken to be bound", queue, exchange, key)
		return nil
	}
	if err != nil {
		return fmt.Errorf("bind queue %q to exchange %q: %w", queue, exchange, d.conn.Explain(err))
	}
	return nil
}

func (d *Declarer) explain(what, name string, err error) error {
	if err == nil {
		return nil
	}
	verb := "declare"
	if d.Check {
		verb = "look for"
	}
	return fmt.Errorf("%s %s %q: %w", verb, what, name, d.conn.Explain(err))
}

func isCode(err error, code int) bool {
	var refused *amqp.Error
	return errors.As(err, &refused) && refused.Server && refused.Code == code
}

// StreamError is why a stream is not read.
func StreamError(queue string) error {
	return fmt.Errorf("queue %q is a stream: an ack there is only a credit and keeps no place, so what is not stored would not come again", queue)
}

// FromStream reports whether the broker gives a delivery the place in a stream. A message that was published again can bring this header along:
// IsStream is sure.
func (d *Delivery) FromStream() bool { return d.decoded().Headers[argStreamOffset] != nil }

// IsStream reports whether a queue that is consumed from is a stream, also where we may not declare it: of all queues only a stream refuses a
// consumer without a prefetch. A classic queue refuses this one because it wants the queue alone; what a quorum queue delivers goes back.
func (c *Connection) IsStream(queue string) bool {
	d := c.NewDeclarer()
	defer d.Close()
	return isCode(d.ask(func(ch *amqp.Channel) error {
		_, err := ch.Consume(queue, "", false, true, false, false, nil)
		return err
	}), amqp.PreconditionFailed)
}

// IsMissing reports whether err says that something is not there.
func IsMissing(err error) bool { return isCode(err, amqp.NotFound) }

// Missing reports whether the broker says that there is no such queue.
func (c *Connection) Missing(queue string) bool {
	d := c.NewDeclarer()
	defer d.Close()
	return IsMissing(d.ask(func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		return err
	}))
}
