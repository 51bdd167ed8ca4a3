package amqp

import (
	"bytes"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// unpack puts the unpacked body in the place of the packed one of message i, and returns how many bytes more that takes. One that cannot be
// unpacked is rejected as it came; the others of its chunk go on.
func (s *session) unpack(b *engine.Batch, i int, d *rabbitmq.Incoming, encoding string) (more int64) {
	m := &b.Messages[i]
	body, err := s.unpacker.Body(m.Body, encoding)
	switch {
	case err != nil:
		b.Reject(i, err)
		return 0
	case len(body) == len(m.Body) && (len(body) == 0 || &body[0] == &m.Body[0]):
		return 0 // it was not packed
	}
	// The packed body is held beside the other for as long as the message may be a dead letter; what it came in is counted already.
	m.Meta = rabbitmq.NewUnpacked(d.Meta, bytes.Clone(m.Body), body)
	m.Body = body
	return int64(cap(body) + len(d.Body) + metaBytes)
}

// metaBytes is what a rabbitmq.Unpacked takes beside its bodies.
const metaBytes = 128
