// Package addfields is the processor that adds fields to records.
package addfields

import (
	"context"
	"errors"
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
	"github.com/logpipe/logpipe/plugins/internal/jsonappend"
)

const doc = `Adds fields to JSON objects: constants, and what the source knows of a message beside its body.

Fields are added at the end of the object, in the order of their names; the rest of the record stays as it is, byte for byte. A name with dots
is added as it is written. A record has such a field already if it has a key of that name, or one in an object: "a.b" is also "b" in "a". Where a field
is there twice, overwrite replaces both. A message that is no JSON object is a dead letter unless on_invalid says otherwise.`

// Plugin is the processor "add_fields".
var Plugin = engine.NewTransform("add_fields", doc, Defaults, New)

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Transform, error) {
	p := &processor{Config: c, places: jsonscan.NewPlaces(c.names()...)}
	for _, name := range c.names() {
		f := field{name: name, key: append(jsonappend.Text(nil, name), ':'), from: c.From[name]}
		if f.from == "" {
			f.constant = jsonappend.Text(nil, c.Fields[name])
		}
		p.fields = append(p.fields, f)
	}
	p.hit = func(i int, at jsonscan.Place) { p.there = append(p.there, place{i, at}) }
	return p, nil
}

type processor struct {
	Config
	fields []field
	places *jsonscan.Places
	hit    func(int, jsonscan.Place) // made once, not for each message

	there []place // of fields that the last message has already
	out   []byte  // the last body that was made
}

// field is one that is added.
type field struct {
	name     string
	key      []byte // in JSON, with the colon
	constant []byte // in JSON; nil for one that is taken from the message
	from     string
}

// place is where the record has a value of a field.
type place struct {
	field int
	jsonscan.Place
}

// maxKept is how large a buffer may be that is kept for the next message.
const maxKept = 1 << 20

var errNotObject = errors.New("valid JSON, but not an object: it has no fields")

// Process adds the fields to each message of b.
func (p *processor) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		m := &b.Messages[i]
		form, err := jsonscan.Check(m.Body)
		if err == nil && !form.Object {
			err = errNotObject
		}
		if err != nil {
			p.invalid(b, i, err)
			continue
		}
		p.there = p.there[:0]
		p.places.Each(m.Body, p.hit)
		if len(p.there) > 0 && p.OnConflict == deadLetter {
			b.Reject(i, fmt.Errorf("the field %q is there already", p.fields[p.there[0].field].name))
			continue
		}
		m.Body = p.added(m)
	}
	if cap(p.out) > maxKept {
		p.out = nil
	}
	return nil
}

func (p *processor) invalid(b *engine.Batch, i int, err error) {
	switch p.OnInvalid {
	case deadLetter:
		b.Reject(i, err)
	case drop:
		b.Drop(i)
	}
}

// added is the body of m with the fields in it: a new one, because the old one may share its memory with its neighbours.
func (p *processor) added(m *engine.Message) []byte {
	out, done, present := p.out[:0], 0, uint64(0)
	for _, at := range p.there {
		present |= 1 << at.field
		if p.OnConflict == overwrite {
			kept := append(out, m.Body[done:at.Start]...)
			if with, ok := p.fields[at.field].appendValue(kept, m); ok {
				out, done = with, at.End
			}
		}
	}
	end := lastValue(m.Body)
	out = append(out, m.Body[done:end]...)
	before, comma := len(out), m.Body[end-1] != '{'
	for i := range p.fields {
		if f := &p.fields[i]; present&(1<<i) == 0 {
			length := len(out)
			if comma {
				out = append(out, ',')
			}
			with, ok := f.appendValue(append(out, f.key...), m)
			if out = with; !ok {
				out = out[:length]
				continue
			}
			comma = true
		}
	}
	p.out = out
	if len(out) == before && done == 0 {
		return m.Body
	}
	body := make([]byte, len(out)+len(m.Body)-end)
	copy(body[copy(body, out):], m.Body[end:])
	return body
}

// lastValue is where the last value of an object ends, or behind the bracket of one that has none.
func lastValue(body []byte) int {
	end := len(body)
	for closed := false; ; end-- {
		switch body[end-1] {
		case ' ', '\t', '\r', '\n':
			continue
		case '}':
			if !closed {
				closed = true
				continue
			}
		}
		return end
	}
}
