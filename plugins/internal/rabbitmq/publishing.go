package rabbitmq

import (
	"fmt"
	"maps"
	"math"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
)

// Headers that take the place of properties which a message cannot keep when it is published again.
const (
	headerExpiration = "x-logpipe-original-expiration"
	headerUser       = "x-logpipe-original-user-id"
	headerReplyTo    = "x-logpipe-original-reply-to"
	headerCC         = "x-logpipe-original-cc"
	headerBCC        = "x-logpipe-original-bcc"
	headerLeftOut    = "x-logpipe-left-out" // names of headers that there was no room for: see Fit
)

// MaxKey is the longest routing key that AMQP can carry, in bytes.
const MaxKey = 255

// directReply is a pseudo queue; the broker closes the channel of a publisher that names it and does not consume from it.
const directReply = "amq.rabbitmq.reply-to"

// NewPublishing is a message made ready to be published: the properties and headers that it came with, where it came from
// a broker, also by way of a fallback file, and those of its Meta else. The headers may be the original's: clone them before changing them.
//
// Some properties do something when a message is published, and not only say something. They would lose the message
// or close the channel, so they are kept as headers:
//   - expiration: the broker would delete the message after that time;
//   - user-id: the broker closes the channel if it is not the user of this connection;
//   - reply-to, if it is the pseudo queue of direct replies;
//   - the headers CC and BCC, which route the message to further queues. A message that reaches one of these and not its own
//     is not even returned (measured).
func NewPublishing(m *engine.Message) amqp.Publishing {
	if m.Meta == nil {
		return amqp.Publishing{Timestamp: m.Time, Body: m.Body}
	}
	var p amqp.Publishing
	switch meta := m.Meta.(type) {
	case *Delivery:
		p = meta.Publishing()
	case *Unpacked:
		p = meta.Publishing()
		unpacked(&p)
	default:
		p.Headers = toTable(meta.Headers())
		if id := meta.ID(); len(id) <= MaxKey {
			p.MessageId = id
		}
		if more, ok := meta.(Properties); ok {
			setProperties(&p, more.Properties())
		}
	}
	disarm(&p)
	if p.Timestamp.IsZero() {
		p.Timestamp = m.Time
	}
	p.Body = m.Body
	return p
}

// disarm moves what would act into headers that only say it.
func disarm(p *amqp.Publishing) {
	_, cc := p.Headers["CC"]
	_, bcc := p.Headers["BCC"]
	if !cc && !bcc && p.Expiration == "" && p.UserId == "" && p.ReplyTo != directReply {
		return
	}
	headers := maps.Clone(p.Headers)
	if headers == nil {
		headers = amqp.Table{}
	}
	p.Headers = headers
	rename := func(old, name string) {
		if v, ok := headers[old]; ok {
			headers[name] = v
			delete(headers, old)
		}
	}
	rename("CC", headerCC)
	rename("BCC", headerBCC)
	keep := func(field *string, name string) {
		if *field != "" {
			headers[name], *field = *field, ""
		}
	}
	keep(&p.Expiration, headerExpiration)
	keep(&p.UserId, headerUser)
	if p.ReplyTo == directReply {
		keep(&p.ReplyTo, headerReplyTo)
	}
}

// toTable converts the headers of any other Meta. A name that AMQP cannot carry is left out.
func toTable(m map[string]any) amqp.Table {
	t := make(amqp.Table, len(m))
	var left []any
	for name, v := range m {
		if len(name) > MaxKey {
			left = append(left, name)
			continue
		}
		t[name] = toField(v)
	}
	if left != nil {
		t[headerLeftOut] = left
	}
	return t
}

func toField(v any) any {
	switch v := v.(type) {
	case nil, bool, float64, string, []byte:
		return v
	case int64:
		return whole(v)
	case uint64:
		if v > math.MaxInt64 {
			return strconv.FormatUint(v, 10) // AMQP 0-9-1 has no such number
		}
		return whole(int64(v))
	case map[string]any:
		return toTable(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = toField(v[i])
		}
		return list
	}
	if amqp.Table.Validate(amqp.Table{"": v}) == nil { // a time, or a type that the library knows
		return v
	}
	return fmt.Sprint(v)
}

// whole is n in 32 bits where it fits: the letter of an integer of 64 bits stands for one without a sign in some clients (pika, py-amqp).
func whole(n int64) any {
	if int64(int32(n)) == n {
		return int32(n)
	}
	return n
}
