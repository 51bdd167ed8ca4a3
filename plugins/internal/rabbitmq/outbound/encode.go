package outbound

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// EncodeError says that a message cannot be written at all.
type EncodeError struct{ why string }

func (e *EncodeError) Error() string { return e.why }

func cannot(format string, args ...any) error { return &EncodeError{fmt.Sprintf(format, args...)} }

const maxShort = 255 // bytes of a short string

// Route is where messages go: the frame of basic.publish, which is the same for all of them.
type Route struct{ frame []byte }

// Route makes the Route of messages that go to an exchange with a routing key.
func (c *Channel) Route(exchange, key string, mandatory bool) (*Route, error) {
	if len(exchange) > maxShort || len(key) > maxShort {
		return nil, cannot("the names of an exchange and a routing key have %d bytes at most", maxShort)
	}
	b, start := beginFrame(make([]byte, 0, 64), framing.Method, c.id)
	b = binary.BigEndian.AppendUint32(b, basicPublish)
	b = append(b, 0, 0) // reserved
	b = appendShort(b, exchange)
	b = appendShort(b, key)
	flags := byte(0)
	if mandatory {
		flags = 1
	}
	return &Route{endFrame(append(b, flags), start)}, nil
}

func appendConfirmSelect(b []byte, channel uint16) []byte {
	b, start := beginFrame(b, framing.Method, channel)
	b = binary.BigEndian.AppendUint32(b, confirmSelect)
	return endFrame(append(b, 1), start) // 1: no answer
}

func beginFrame(b []byte, kind byte, channel uint16) (_ []byte, start int) {
	b = append(b, kind, byte(channel>>8), byte(channel), 0, 0, 0, 0)
	return b, len(b)
}

func endFrame(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return append(b, framing.End)
}

func appendFrame(b []byte, kind byte, channel uint16, payload []byte) []byte {
	b, start := beginFrame(b, kind, channel)
	return endFrame(append(b, payload...), start)
}

// appendContentHeader appends the header frame of m: class, weight (unused), length of the body, a flag for each property that is there,
// and these properties. The first property has the highest flag.
func appendContentHeader(b []byte, channel uint16, m *amqp.Publishing) (_ []byte, err error) {
	b, start := beginFrame(b, framing.Header, channel)
	b = append(b, 0, framing.ClassBasic, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(len(m.Body)))
	at := len(b)
	b = append(b, 0, 0)
	var flags uint16
	flag := uint16(1 << 15)
	is := func(there bool) bool {
		if there {
			flags |= flag
		}
		flag >>= 1
		return there
	}
	text := func(s string) {
		if len(s) > maxShort && err == nil {
			err = cannot("a property has %d bytes; AMQP can carry %d", len(s), maxShort)
		} else if is(s != "") {
			b = appendShort(b, s)
		}
	}
	text(m.ContentType)
	text(m.ContentEncoding)
	if is(len(m.Headers) > 0) && err == nil {
		b, err = AppendTable(b, m.Headers)
	}
	if is(m.DeliveryMode > 0) {
		b = append(b, m.DeliveryMode)
	}
	if is(m.Priority > 0) {
		b = append(b, m.Priority)
	}
	text(m.CorrelationId)
	text(m.ReplyTo)
	text(m.Expiration)
	text(m.MessageId)
	if is(!m.Timestamp.IsZero()) {
		b = binary.BigEndian.AppendUint64(b, uint64(m.Timestamp.Unix()))
	}
	text(m.Type)
	text(m.UserId)
	text(m.AppId)
	binary.BigEndian.PutUint16(b[at:], flags)
	return endFrame(b, start), err
}

func appendShort(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

// appendLong begins something of 4 bytes of length; endLong writes the length.
func appendLong(b []byte) ([]byte, int) { return append(b, 0, 0, 0, 0), len(b) + 4 }

func endLong(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return b
}

// AppendTable appends a table as AMQP encodes it.
func AppendTable(b []byte, t amqp.Table) (_ []byte, err error) {
	b, start := appendLong(b)
	for name, v := range t {
		if len(name) > maxShort {
			return b, cannot("the name of a header has %d bytes; AMQP can carry %d", len(name), maxShort)
		}
		if b, err = appendField(appendShort(b, name), v); err != nil {
			return b, err
		}
	}
	return endLong(b, start), nil
}

// appendField appends a letter for the type and the value. The letters are RabbitMQ's, which differ from the standard's.
func appendField(b []byte, v any) (_ []byte, err error) {
	be := binary.BigEndian
	switch v := v.(type) {
	case nil:
		return append(b, 'V'), nil
	case bool:
		if v {
			return append(b, 't', 1), nil
		}
		return append(b, 't', 0), nil
	case byte:
		return append(b, 'B', v), nil
	case int8:
		return append(b, 'b', byte(v)), nil
	case int16:
		return be.AppendUint16(append(b, 's'), uint16(v)), nil
	case uint16:
		return be.AppendUint16(append(b, 'u'), v), nil
	case int:
		return be.AppendUint32(append(b, 'I'), uint32(v)), nil
	case int32:
		return be.AppendUint32(append(b, 'I'), uint32(v)), nil
	case uint32:
		return be.AppendUint32(append(b, 'i'), v), nil
	case int64:
		return be.AppendUint64(append(b, 'l'), uint64(v)), nil
	case float32:
		return be.AppendUint32(append(b, 'f'), math.Float32bits(v)), nil
	case float64:
		return be.AppendUint64(append(b, 'd'), math.Float64bits(v)), nil
	case amqp.Decimal:
		return be.AppendUint32(append(b, 'D', v.Scale), uint32(v.Value)), nil
	case time.Time:
		return be.AppendUint64(append(b, 'T'), uint64(v.Unix())), nil
	case string:
		return append(be.AppendUint32(append(b, 'S'), uint32(len(v))), v...), nil
	case []byte:
		return append(be.AppendUint32(append(b, 'x'), uint32(len(v))), v...), nil
	case amqp.Table:
		return AppendTable(append(b, 'F'), v)
	case []any:
		b, start := appendLong(append(b, 'A'))
		for _, e := range v {
			if b, err = appendField(b, e); err != nil {
				return b, err
			}
		}
		return endLong(b, start), nil
	}
	return b, cannot("a header has a value of a kind that AMQP cannot carry")
}
