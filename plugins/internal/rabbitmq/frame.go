package rabbitmq

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// AMQP 0-9-1, section 4.2: a message is a method frame, a header frame, and as many body frames as its body needs.
const (
	contentHead = 2 + 2 + 8   // a content header's class, weight, and length of the body; the properties follow
	deliver     = 60<<16 | 60 // basic.deliver

	// maxFrame is what we agree to at most. The broker sends no larger methods and parts of bodies.
	maxFrame = 128 << 10 // the broker's own default

	// mostFrame is what we agree to where we publish, if the broker does: properties and headers must go into one frame.
	mostFrame = 16 << 20
)

// payload is the payload of the frame at the beginning of b, nil while b does not have the whole frame.
//
// A content header has no bound but that of its length: the broker splits none, and what it sends may be larger than what was agreed upon. It
// adds headers of its own to those that a publisher could just send (x-death, x-delivery-count), and where its frame_max is larger than ours it takes
// larger ones. A connection that ended at such a message would end there again and again, with all that was delivered beside it.
func payload(b []byte, f framing.Frame) ([]byte, error) {
	switch {
	case f.Kind != framing.Header && f.Total() > maxFrame:
		return nil, fmt.Errorf("the broker sends a frame of %d bytes, and %d are agreed upon", f.Total(), maxFrame)
	case len(b) < f.Total():
		return nil, nil
	case b[f.Total()-1] != framing.End:
		return nil, errors.New("the broker sends a frame that does not end where it should")
	}
	return b[framing.Head : f.Total()-1 : f.Total()-1], nil
}

// delivered is what basic.deliver says of the message that follows it.
type delivered struct {
	tag     uint64
	address []byte // exchange and routing key, as short strings: the rest of the payload
}

var errDelivery = errors.New("the broker sends a delivery that is cut short")

// readDelivered reads the payload of a basic.deliver: consumer tag, delivery tag, redelivered, exchange, routing key.
func readDelivered(payload []byte) (delivered, error) {
	rest, ok := afterShort(payload[framing.MethodHead:])
	if !ok || len(rest) < 8+1 {
		return delivered{}, errDelivery
	}
	d := delivered{tag: binary.BigEndian.Uint64(rest), address: rest[8+1:]}
	after, ok := afterShort(d.address)
	if ok {
		after, ok = afterShort(after)
	}
	if !ok || len(after) > 0 {
		return delivered{}, errDelivery
	}
	return d, nil
}

// bodySize reads how long the body will be from the payload of a content header.
func bodySize(payload []byte) (int64, error) {
	if len(payload) < contentHead+2 || binary.BigEndian.Uint16(payload) != framing.ClassBasic {
		return 0, errDelivery
	}
	n := int64(binary.BigEndian.Uint64(payload[4:]))
	if n < 0 {
		return 0, errDelivery
	}
	return n, nil
}

// afterShort is what follows the short string at the beginning of b.
func afterShort(b []byte) ([]byte, bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, false
	}
	return b[1+int(b[0]):], true
}
