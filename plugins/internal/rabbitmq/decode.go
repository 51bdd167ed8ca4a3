package rabbitmq

import (
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// decoder reads what a content header has, as AMQP 0-9-1 and RabbitMQ's table of field types lay it out
// (https://www.rabbitmq.com/amqp-0-9-1-errata). What a publisher sends is not checked by the broker: at the first byte that
// makes no sense it stops, and bad is set.
type decoder struct {
	rest []byte
	bad  bool
}

// What the library reads: it ends its connection on a message with more, and that may be the one with which somebody looks at a dead letter.
// A table or list beyond this is left out.
const (
	deepest     = 32
	mostEntries = 8192
)

func (d *decoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint(bytes int) (n uint64) {
	for _, b := range d.take(bytes) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (d *decoder) short() string   { return string(d.take(int(d.uint(1)))) }
func (d *decoder) long() []byte    { return d.take(int(int32(d.uint(4)))) }
func (d *decoder) time() time.Time { return time.Unix(int64(d.uint(8)), 0) }

// table reads a table. What could be read before the bad place is returned.
func (d *decoder) table(depth int) amqp.Table {
	in := decoder{rest: d.long()}
	t := amqp.Table{}
	for len(in.rest) > 0 && len(t) <= mostEntries {
		name := in.short()
		if v := in.field(depth); !in.bad {
			t[name] = v
		}
	}
	d.bad = d.bad || in.bad
	if len(t) > mostEntries {
		return nil
	}
	return t
}

func (d *decoder) list(depth int) []any {
	in := decoder{rest: d.long()}
	list := []any{}
	for len(in.rest) > 0 && len(list) <= mostEntries {
		if v := in.field(depth); !in.bad {
			list = append(list, v)
		}
	}
	d.bad = d.bad || in.bad
	if len(list) > mostEntries {
		return nil
	}
	return list
}

// field reads a value with its type before it, in the Go types that the library has for it: the same message may go out through the library again.
func (d *decoder) field(depth int) any {
	kind := d.take(1)
	if d.bad {
		return nil
	}
	switch kind[0] {
	case 'V':
		return nil
	case 't':
		return d.uint(1) != 0
	case 'b':
		return int8(d.uint(1))
	case 'B':
		return byte(d.uint(1))
	case 's':
		return int16(d.uint(2))
	case 'u':
		return uint16(d.uint(2))
	case 'I':
		return int32(d.uint(4))
	case 'i':
		return uint32(d.uint(4))
	case 'l':
		return int64(d.uint(8))
	case 'f':
		return math.Float32frombits(uint32(d.uint(4)))
	case 'd':
		return math.Float64frombits(d.uint(8))
	case 'D':
		return amqp.Decimal{Scale: uint8(d.uint(1)), Value: int32(d.uint(4))}
	case 'T':
		return d.time()
	case 'S':
		return string(d.long())
	case 'x':
		return append([]byte{}, d.long()...)
	case 'A', 'F':
		return d.container(kind[0], depth+1)
	}
	d.bad = true
	return nil
}

// container reads a list or a table. Nil stands in the place of one that is left out.
func (d *decoder) container(kind byte, depth int) any {
	if depth > deepest {
		d.long()
		return nil
	}
	if kind == 'A' {
		if list := d.list(depth); list != nil {
			return list
		}
		return nil
	}
	if t := d.table(depth); t != nil {
		return t
	}
	return nil
}

// The properties in the order of their flags, the highest bit first.
const (
	hasContentType = 1 << (15 - iota)
	hasContentEncoding
	hasHeaders
	hasDeliveryMode
	hasPriority
	hasCorrelationID
	hasReplyTo
	hasExpiration
	hasMessageID
	hasTimestamp
	hasType
	hasUserID
	hasAppID
	_
	_
	hasMoreFlags
)

// properties reads the properties of a content header into p.
func (d *decoder) properties(p *amqp.Delivery) {
	flags := d.uint(2)
	for more := flags; more&hasMoreFlags != 0 && !d.bad; { // of properties that messages do not have
		more = d.uint(2)
	}
	text := func(flag uint64, to *string) {
		if flags&flag != 0 {
			*to = d.short()
		}
	}
	text(hasContentType, &p.ContentType)
	text(hasContentEncoding, &p.ContentEncoding)
	if flags&hasHeaders != 0 {
		p.Headers = d.table(0)
	}
	if flags&hasDeliveryMode != 0 {
		p.DeliveryMode = uint8(d.uint(1))
	}
	if flags&hasPriority != 0 {
		p.Priority = uint8(d.uint(1))
	}
	text(hasCorrelationID, &p.CorrelationId)
	text(hasReplyTo, &p.ReplyTo)
	text(hasExpiration, &p.Expiration)
	text(hasMessageID, &p.MessageId)
	if flags&hasTimestamp != 0 {
		p.Timestamp = d.time()
	}
	text(hasType, &p.Type)
	text(hasUserID, &p.UserId)
	text(hasAppID, &p.AppId)
}

// decode reads a delivery that came through a tap: exchange and routing key, then the gap between two frames, then the content header.
func decode(raw []byte) amqp.Delivery {
	d := decoder{rest: raw}
	var p amqp.Delivery
	p.Exchange, p.RoutingKey = d.short(), d.short()
	d.take(framing.Overhead + contentHead)
	d.properties(&p)
	return p
}
