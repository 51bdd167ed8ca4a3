package rabbitmq

import "github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"

// deliver takes the delivery at the beginning of b. Nearly every one is three frames in a row, here all at once: then it stays where
// it is. One whose body has several frames, or that has another channel's frame in its middle, is put together piece by piece.
func (t *tap) deliver(b []byte, method framing.Frame, to *receiver) error {
	said, err := payload(b, method)
	if said == nil || err != nil {
		t.need = method.Total()
		return err
	}
	d, err := readDelivered(said)
	if err != nil {
		return err
	}
	at := method.Total()
	if t.lacks(b, at+framing.Head) {
		return nil
	}
	header := framing.At(b[at:])
	if header.Kind != framing.Header || header.Channel != method.Channel {
		t.begin(method, d)
		return nil
	}
	properties, err := payload(b[at:], header)
	if properties == nil || err != nil {
		t.need = at + header.Total()
		return err
	}
	size, err := bodySize(properties)
	if err != nil {
		return err
	}
	at += header.Total()
	var body []byte
	if size > 0 {
		if t.lacks(b, at+framing.Head) {
			return nil
		}
		f := framing.At(b[at:])
		if f.Kind != framing.Body || f.Channel != method.Channel || int64(f.Size) != size {
			t.begin(method, d)
			return nil
		}
		body, err = payload(b[at:], f)
		if body == nil || err != nil {
			t.need = at + f.Total()
			return err
		}
		at += f.Total()
	}
	t.shared = true
	t.r += at
	// From the exchange to the end of the properties: see Delivery.
	start := method.Total() - 1 - len(d.address)
	end := method.Total() + header.Total() - 1
	t.add(to, method.Channel, Incoming{Tag: d.tag, Body: body, Meta: Delivery{raw: b[start:end:end], queue: to.queue}, Size: at})
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

// How much is made ready for what is announced. That is only a number, and may be any up to 2^63: so it is mostAhead before anything of it
// came, and believed times what came then. But each step leaves what it had as garbage: twice as much each time would leave as much as there
// is body in the end, thirty-two times leave little. The largest message that RabbitMQ
// takes from 4.0 on, unless it is set otherwise, has 16 MiB, and comes in two steps.
const (
	mostAhead = 1 << 20
	believed  = 32
)

func (t *tap) begin(method framing.Frame, d delivered) {
	t.open = content{on: true, channel: method.Channel}
	raw := append(append([]byte(nil), d.address...), make([]byte, framing.Overhead)...) // the gap that two frames in a row have
	t.open.message = Incoming{Tag: d.tag, Meta: Delivery{raw: raw}, Size: method.Total(), own: true}
	t.r += method.Total()
}

// next takes the next frame of the channel that has a message open. As in the library, a method ends a message that is not complete: the
// channel is being closed. Nobody acks it then.
func (t *tap) next(b []byte, f framing.Frame, to *receiver) error {
	if f.Kind == framing.Method {
		t.open = content{}
		return nil // looked at again, now without a message
	}
	part, err := payload(b, f)
	if part == nil || err != nil {
		t.need = f.Total()
		return err
	}
	t.r += f.Total()
	o := &t.open
	o.message.Size += f.Total()
	switch {
	case f.Kind == framing.Header && !o.headed:
		if o.size, err = bodySize(part); err != nil {
			return err
		}
		o.headed = true
		o.message.Meta.raw = append(o.message.Meta.raw, part...)
	case f.Kind == framing.Body && o.headed:
		o.add(part)
	default:
		return errDelivery
	}
	if int64(len(o.message.Body)) > o.size && o.headed {
		return errDelivery
	}
	if o.headed && int64(len(o.message.Body)) == o.size {
		o.message.Meta.queue = to.queue
		o.message.Body = o.message.Body[:o.size:o.size]
		t.add(to, o.channel, o.message)
		t.open = content{}
	}
	return nil
}

// add appends a part of the body. There is room for no more than the body in the end.
func (o *content) add(part []byte) {
	body := o.message.Body
	if need := len(body) + len(part); need > cap(body) {
		room := max(min(o.size, int64(max(believed*cap(body), mostAhead))), int64(need))
		body = append(make([]byte, 0, room), body...)
	}
	o.message.Body = append(body, part...)
}
