package rabbitmq

import (
	"bytes"
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// decoder reads what a content header has, as AMQP 0-9-1 and RabbitMQ's table of field types lay it out
// (https://www.rabbitmq.com/amqp-0-9-1-errata). What a publisher sends is not checked by every broker (3.10 passes it on as it came): at the first
// byte that makes no sense it stops, and bad is set.
type decoder struct {
	rest []byte
	bad  bool
}

// What the library reads: it ends its connection on a message with more, and that may be the one with which somebody looks at a dead letter.
// A table or list beyond this is kept as bytes, as AMQP encodes it, with its letter in front.
const (
	deepest     = 32
	mostEntries = 8192

	// mostHeaders is how many headers are told apart: more than a frame of the usual length can have. What is decoded takes many times
	// the memory of what came. Fewer can be published, see Fit.
	mostHeaders = 1 << 16
)

// headerUndecoded has, as bytes, what follows in a table where not even the name of an entry can be read, or a table of too many headers.
const headerUndecoded = HeaderPrefix + "undecoded"

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

// headers reads the table of all headers.
func (d *decoder) headers() amqp.Table {
	all := d.rest
	t := d.table(0, mostHeaders)
	if len(t) > mostHeaders {
		return amqp.Table{headerUndecoded: bytes.Clone(all[:len(all)-len(d.rest)])}
	}
	return t
}

// table reads a table, of one entry too many if there are more than most. Where an entry cannot be read, it has all that follows, as bytes. What
// comes after the table is not touched by that, because a table says how long it is.
func (d *decoder) table(depth, most int) amqp.Table {
	all := d.rest
	in := decoder{rest: d.long()}
	t := amqp.Table{}
	if d.bad {
		t[headerUndecoded] = bytes.Clone(all)
	}
	for len(in.rest) > 0 && len(t) <= most {
		at := in.rest
		name := in.short()
		if in.bad {
			t[headerUndecoded] = bytes.Clone(at)
			break
		}
		t[name] = in.whole(depth)
	}
	return t
}

func (d *decoder) list(depth int) []any {
	in := decoder{rest: d.long()}
	list := []any{}
	for len(in.rest) > 0 && len(list) <= mostEntries {
		list = append(list, in.whole(depth))
	}
	return list
}

// whole reads a value that others may follow. One that cannot be read is bytes with all that follows: how long it is, its type would say.
func (d *decoder) whole(depth int) any {
	at := d.rest
	v := d.field(depth)
	if d.bad {
		return bytes.Clone(at)
	}
	return v
}

// field reads a value with its type before it, in the Go types that the library has for it: the same message may go out through the library again.
//
// The letters are RabbitMQ's, and those of the standard that some clients write and it passes on: U for 16 bits, which becomes an integer of 32 because
// the letter that the library has for 16 is a text's for some clients, and L for 64, which py-amqp writes.
func (d *decoder) field(depth int) any {
	at := d.rest
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
	case 'U':
		return int32(int16(d.uint(2)))
	case 'i':
		return uint32(d.uint(4))
	case 'l', 'L':
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
		return d.container(kind[0], at, depth+1)
	}
	d.bad, d.rest = true, nil
	return nil
}

// container reads a list or a table that begins at its letter.
func (d *decoder) container(kind byte, at []byte, depth int) any {
	inner := *d
	d.long()
	if d.bad {
		return nil
	}
	undecoded := at[:len(at)-len(d.rest)]
	if depth > deepest {
		return bytes.Clone(undecoded)
	}
	if kind == 'A' {
		if list := inner.list(depth); len(list) <= mostEntries {
			return list
		}
		return bytes.Clone(undecoded)
	}
	if t := inner.table(depth, mostEntries); len(t) <= mostEntries {
		return t
	}
	return bytes.Clone(undecoded)
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

// flags reads which properties there are.
func (d *decoder) flags() uint64 {
	flags := d.uint(2)
	for more := flags; more&hasMoreFlags != 0 && !d.bad; { // of properties that messages do not have
		more = d.uint(2)
	}
	return flags
}

// atProperties is a decoder of a delivery that came through a tap, at its first property, and which properties there are.
func atProperties(raw []byte) (d decoder, flags uint64) {
	d = decoder{rest: raw}
	d.take(int(d.uint(1))) // exchange
	d.take(int(d.uint(1))) // routing key
	d.take(framing.Overhead + contentHead)
	return d, d.flags()
}

// properties reads the properties of a content header into p.
func (d *decoder) properties(p *amqp.Delivery) {
	flags := d.flags()
	text := func(flag uint64, to *string) {
		if flags&flag != 0 {
			*to = d.short()
		}
	}
	text(hasContentType, &p.ContentType)
	text(hasContentEncoding, &p.ContentEncoding)
	if flags&hasHeaders != 0 {
		p.Headers = d.headers()
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
