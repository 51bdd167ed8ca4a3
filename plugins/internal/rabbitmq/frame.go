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

	// maxFrame is what we agree to at most; the broker sends no larger ones.
	maxFrame = 128 << 10 // the broker's own default
)

// frame is the head of a frame.
type frame struct {
	kind    byte
	channel uint16
	size    int // of the payload
}

// frameAt reads the head of the frame at the beginning of b, which has framing.Head bytes at least.
func frameAt(b []byte) frame {
	return frame{kind: b[0], channel: binary.BigEndian.Uint16(b[1:]), size: int(binary.BigEndian.Uint32(b[3:]))}
}

// known reports whether this can be a frame at all.
func (f frame) known() bool {
	return f.kind >= framing.Method && f.kind <= framing.Body || f.kind == framing.Heartbeat
}

func (f frame) total() int { return f.size + framing.Overhead }

// payload is the frame's payload, nil while b does not have the whole frame.
func (f frame) payload(b []byte) ([]byte, error) {
	switch {
	case f.total() > maxFrame:
		return nil, fmt.Errorf("the broker sends a frame of %d bytes, and %d are agreed upon", f.total(), maxFrame)
	case len(b) < f.total():
		return nil, nil
	case b[f.total()-1] != framing.End:
		return nil, errors.New("the broker sends a frame that does not end where it should")
	}
	return b[framing.Head : f.total()-1 : f.total()-1], nil
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
