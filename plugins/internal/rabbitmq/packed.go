package rabbitmq

import (
	"bytes"
	"maps"
	"weak"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/unpack"
)

// headerCompression is where kombu, and so celery, says how a body is packed; the content encoding speaks of what is within.
// https://docs.celeryq.dev/projects/kombu/en/stable/userguide/serialization.html
const headerCompression = "compression"

// unpackedProperty is the member of Properties that says that the body is not packed any more.
const unpackedProperty = "unpacked"

// Encoding is what a delivery says of how its body is packed, "" when it says nothing. It is asked of each message, so it looks no further than it must.
func (d *Delivery) Encoding() string {
	if d.known == nil {
		raw, flags := atProperties(d.raw)
		if flags&hasHeaders == 0 || !bytes.Contains(raw.rest, named) {
			return raw.encoding(flags)
		}
	}
	p := d.decoded()
	if how, ok := p.Headers[headerCompression].(string); ok && unpack.Known(how) {
		return how
	}
	return p.ContentEncoding
}

// encoding reads the content encoding, behind the flags.
func (d *decoder) encoding(flags uint64) string {
	if flags&hasContentType != 0 {
		d.take(int(d.uint(1)))
	}
	if flags&hasContentEncoding == 0 {
		return ""
	}
	return d.short()
}

// named is headerCompression as the name of an entry of a table.
var named = append([]byte{byte(len(headerCompression))}, headerCompression...)

// Unpacked is the engine.Meta of a message whose body is unpacked. It has the body as it came, for whoever sends the message back or keeps it
// because something is wrong with it.
type Unpacked struct {
	Delivery
	packed []byte
	first  weak.Pointer[byte] // of the unpacked body
	length int
}

// NewUnpacked is the meta of a message that came with body packed and has body now. packed must be neither changed nor shared with memory that is
// larger than itself.
func NewUnpacked(d Delivery, packed, body []byte) *Unpacked {
	u := &Unpacked{Delivery: d, packed: packed, length: len(body)}
	if len(body) > 0 {
		u.first = weak.Make(&body[0])
	}
	return u
}

// Headers are those of the delivery, but not the one that says how the body is packed: whoever believes it would unpack the text once more.
func (u *Unpacked) Headers() map[string]any {
	all := u.Delivery.Headers()
	if how, ok := all[headerCompression].(string); ok && unpack.Known(how) {
		delete(all, headerCompression)
	}
	return all
}

// Properties are those of the delivery, and that the body is not packed any more.
func (u *Unpacked) Properties() map[string]any {
	all := u.Delivery.Properties()
	if all == nil {
		all = map[string]any{}
	}
	all[unpackedProperty] = true
	return all
}

// is reports whether the body is the one that was unpacked, and no processor has changed it.
func (u *Unpacked) is(body []byte) bool {
	return len(body) == u.length && (u.length == 0 || weak.Make(&body[0]) == u.first)
}

// NewDeadLetter is NewPublishing for a message that something is wrong with: the body goes out packed as it came, unless a processor has changed it.
func NewDeadLetter(m *engine.Message) amqp.Publishing {
	p := NewPublishing(m)
	if u, ok := m.Meta.(*Unpacked); ok && u.is(m.Body) {
		came := u.Publishing()
		p.Body, p.ContentEncoding = u.packed, came.ContentEncoding
		if how, ok := came.Headers[headerCompression]; ok {
			p.Headers = maps.Clone(p.Headers)
			p.Headers[headerCompression] = how
		}
	}
	return p
}

// Origin is the delivery that a message came by, nil if it came otherwise.
func Origin(m engine.Meta) *Delivery {
	switch meta := m.(type) {
	case *Delivery:
		return meta
	case *Unpacked:
		return &meta.Delivery
	}
	return nil
}

// unpacked makes p say that its body is not packed.
func unpacked(p *amqp.Publishing) {
	p.ContentEncoding = unpack.Rest(p.ContentEncoding)
	if how, ok := p.Headers[headerCompression].(string); ok && unpack.Known(how) {
		p.Headers = maps.Clone(p.Headers)
		delete(p.Headers, headerCompression)
	}
}
