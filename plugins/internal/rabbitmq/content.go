package rabbitmq

import "github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"

// deliver takes the delivery at the beginning of b. Nearly every one is three frames in a row, here all at once: then it stays where
// it is. One whose body has several frames, or that has another channel's frame in its middle, is put together piece by piece.
func (t *tap) deliver(b []byte, method frame, to *receiver) error {
	said, err := method.payload(b)
	if said == nil || err != nil {
		t.need = method.total()
		return err
	}
	d, err := readDelivered(said)
	if err != nil {
		return err
	}
	at := method.total()
	if t.lacks(b, at+framing.Head) {
		return nil
	}
	header := frameAt(b[at:])
	if header.kind != framing.Header || header.channel != method.channel {
		t.begin(method, d)
		return nil
	}
	properties, err := header.payload(b[at:])
	if properties == nil || err != nil {
		t.need = at + header.total()
		return err
	}
	size, err := bodySize(properties)
	if err != nil {
		return err
	}
	at += header.total()
	var body []byte
	if size > 0 {
		if t.lacks(b, at+framing.Head) {
			return nil
		}
		f := frameAt(b[at:])
		if f.kind != framing.Body || f.channel != method.channel || int64(f.size) != size {
			t.begin(method, d)
			return nil
		}
		body, err = f.payload(b[at:])
		if body == nil || err != nil {
			t.need = at + f.total()
			return err
		}
		at += f.total()
	}
	t.shared = true
	t.r += at
	// From the exchange to the end of the properties: see Delivery.
	start := method.total() - 1 - len(d.address)
	end := method.total() + header.total() - 1
	t.got = append(t.got, Incoming{Tag: d.tag, Body: body, Meta: Delivery{raw: b[start:end:end], queue: to.queue}, Size: at})
	return nil
}

// lacks reports whether b has less than n bytes, and asks for them.
func (t *tap) lacks(b []byte, n int) bool {
	if len(b) < n {
		t.need = n
		return true
	}
	return false
}

// content is a message that comes in pieces.
type content struct {
	on      bool
	channel uint16
	size    int64 // of the body; unknown before the header
	headed  bool  // the header is here
	message Incoming
}

// mostAhead is how much is made ready for a body before it came. What the header announces is only a number.
const mostAhead = 1 << 20

func (t *tap) begin(method frame, d delivered) {
	t.open = content{on: true, channel: method.channel}
	raw := append(append([]byte(nil), d.address...), make([]byte, framing.Overhead)...) // the gap that two frames in a row have
	t.open.message = Incoming{Tag: d.tag, Meta: Delivery{raw: raw}, Size: method.total()}
	t.r += method.total()
}

// next takes the next frame of the channel that has a message open. As in the library, a method ends a message that is not complete: the
// channel is being closed. Nobody acks it then.
func (t *tap) next(b []byte, f frame, to *receiver) error {
	if f.kind == framing.Method {
		t.open = content{}
		return nil // looked at again, now without a message
	}
	payload, err := f.payload(b)
	if payload == nil || err != nil {
		t.need = f.total()
		return err
	}
	t.r += f.total()
	o := &t.open
	o.message.Size += f.total()
	switch {
	case f.kind == framing.Header && !o.headed:
		if o.size, err = bodySize(payload); err != nil {
			return err
		}
		o.headed = true
		o.message.Meta.raw = append(o.message.Meta.raw, payload...)
		o.message.Body = make([]byte, 0, min(o.size, mostAhead))
	case f.kind == framing.Body && o.headed:
		o.message.Body = append(o.message.Body, payload...)
	default:
		return errDelivery
	}
	if int64(len(o.message.Body)) > o.size && o.headed {
		return errDelivery
	}
	if o.headed && int64(len(o.message.Body)) == o.size {
		o.message.Meta.queue = to.queue
		o.message.Body = o.message.Body[:o.size:o.size]
		t.got = append(t.got, o.message)
		t.open = content{}
	}
	return nil
}
