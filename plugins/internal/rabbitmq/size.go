package rabbitmq

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// MaxProperties is how many bytes the properties and headers of a message may take: they travel in one frame, and the broker
// closes the whole connection when that is too long.
func (c *Connection) MaxProperties() int { return c.Config.FrameSize - framing.Overhead - wayBack }

// wayBack is room for the headers that a broker adds to what is published (its message interceptors do). A message that no queue takes comes back with them,
// and the library ends the connection when the frame is too long then.
const wayBack = 512

// CheckHeaders is an error where p has more headers than the library reads when a message comes back.
func CheckHeaders(p *amqp.Publishing) error {
	if n := len(p.Headers); n > mostEntries {
		return fmt.Errorf("the message has %d headers; logpipe can publish %d", n, mostEntries)
	}
	return nil
}

// PropertiesSize is the number of bytes that the properties and headers of p take on the wire, or a few more.
func PropertiesSize(p *amqp.Publishing) int {
	const fixed = 2 + 2 + 8 + 2 + 1 + 1 + 8 // class, weight, body size, flags; delivery mode, priority, timestamp
	n := fixed
	for _, s := range []string{p.ContentType, p.ContentEncoding, p.CorrelationId, p.ReplyTo, p.Expiration, p.MessageId, p.Type, p.UserId, p.AppId} {
		n += 1 + len(s)
	}
	return n + tableSize(p.Headers)
}

func tableSize(t amqp.Table) int {
	n := 4
	for name, v := range t {
		n += 1 + len(name) + fieldSize(v)
	}
	return n
}

func fieldSize(v any) int {
	switch v := v.(type) {
	case string:
		return 5 + len(v)
	case []byte:
		return 5 + len(v)
	case amqp.Table:
		return 1 + tableSize(v)
	case []any:
		n := 5
		for _, e := range v {
			n += fieldSize(e)
		}
		return n
	}
	return 9 // the longest of the others
}

var maxSize = regexp.MustCompile(`message size \d+ is larger than configured max size (\d+)`)

// SizeLimit is the largest body that the broker takes, if it closed a channel because of a larger one; else 0.
func SizeLimit(err error) int64 {
	refused, ok := errors.AsType[*amqp.Error](err)
	if !ok {
		return 0
	}
	m := maxSize.FindStringSubmatch(refused.Reason)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	return n
}
