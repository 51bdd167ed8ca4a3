package outbound

import "github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"

// The methods that matter here, as class and number.
const (
	greeting = 8 // what a client sends first, which is no frame

	channelOpen    = 20<<16 | 10
	channelClose   = 20<<16 | 40
	channelCloseOK = 20<<16 | 41
	basicPublish   = 60<<16 | 40
	basicAck       = 60<<16 | 80
	basicNack      = 60<<16 | 120
	confirmSelect  = 85<<16 | 10

	confirmSize = framing.MethodHead + 8 + 1 // basic.ack and basic.nack: a tag, and flags of which the first means that all up to the tag are meant
)

// parser follows frames that are written in pieces of any size.
type parser struct {
	greeted bool
	head    []byte // what has come of the head of the frame, and of the method, as long as it is not complete
	rest    int    // bytes of the frame that are to come, once its head is known
}

// within reports whether the last piece ended within a frame.
func (f *parser) within() bool { return len(f.head) > 0 || f.rest > 0 }

// read takes the next piece, and calls see for each method that begins in it.
func (f *parser) read(p []byte, see func(channel uint16, method uint32)) {
	if !f.greeted {
		f.greeted, f.rest = true, greeting
	}
	for len(p) > 0 {
		if f.rest > 0 {
			n := min(f.rest, len(p))
			f.rest, p = f.rest-n, p[n:]
			continue
		}
		need := framing.Head
		if len(f.head) > 0 && f.head[0] == framing.Method || len(f.head) == 0 && p[0] == framing.Method {
			need += framing.MethodHead
		}
		n := min(need-len(f.head), len(p))
		f.head, p = append(f.head, p[:n]...), p[n:]
		if len(f.head) < need {
			return
		}
		head := framing.At(f.head)
		f.rest = head.Total() - need
		if head.Kind == framing.Method {
			see(head.Channel, framing.MethodAt(f.head))
		}
		f.head = f.head[:0]
	}
}
