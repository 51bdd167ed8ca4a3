package rabbitmq

import (
	"bytes"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// typedHeaders is the member of Properties with the table of headers as AMQP encodes it. It is there where a header has a type that
// engine.Meta has not: a message that waited in a file would come out of it with an integer of another width. That is
// not the same for everybody: python3-pika takes a negative integer of 64 bits for a positive one, and so it makes 2^64-5 of -5.
const typedHeaders = "headers"

// rawHeaders is the table of headers as it came, nil where Headers has the same types.
func (d *Delivery) rawHeaders() []byte {
	if d.known != nil || hasTypes(d.decoded().Headers) {
		return nil
	}
	in, flags := atProperties(d.raw)
	for _, before := range []uint64{hasContentType, hasContentEncoding} {
		if flags&before != 0 {
			in.short()
		}
	}
	at := in.rest
	if in.long(); in.bad {
		return nil
	}
	return bytes.Clone(at[:len(at)-len(in.rest)])
}

// setHeaders puts headers that rawHeaders gave in the place of those that lost their types.
func setHeaders(p *amqp.Publishing, raw []byte) {
	in := decoder{rest: raw}
	if table := in.headers(); !in.bad {
		p.Headers = table
	}
}

// hasTypes reports whether a value, and all within it, comes out of engine.Meta with the type that it had: it
// must know what toField makes of each.
func hasTypes(v any) bool {
	switch v := v.(type) {
	case nil, bool, float64, string, []byte, time.Time:
		return true
	case int64:
		return whole(v) == any(v) // else it would come out as one of 32 bits
	case amqp.Table:
		for _, e := range v {
			if !hasTypes(e) {
				return false
			}
		}
		return true
	case []any:
		for _, e := range v {
			if !hasTypes(e) {
				return false
			}
		}
		return true
	}
	return false
}
