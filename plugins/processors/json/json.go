// Package json is the processor that lets only valid JSON pass.
package json

import (
	"bytes"
	"context"
	"errors"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/jsonscan"
)

const doc = `Lets valid JSON pass, each message on one line.

A valid message goes on byte for byte, unless it has line breaks in it: then the white space between its values is taken
out, so that it can be a line of a file. A byte order mark at its front is taken off: no other line of a file may have one.
Strings, numbers and the order of keys are never touched. What is valid is what RFC 8259 says, with at most 10,000 levels of
nesting; an empty message is not, nor is text in UTF-16. A message that is not valid is a dead letter,
with the offset of the first wrong byte (counted from 0) in its reason.`

// Plugin is the processor "json".
var Plugin = engine.NewTransform("json", doc, Defaults, New)

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Transform, error) { return &processor{c}, nil }

type processor struct{ Config }

var errNotObject = errors.New("valid JSON, but not an object")

// Process checks each message of b.
func (p *processor) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		m := &b.Messages[i]
		form, err := jsonscan.Check(m.Body)
		if err == nil && p.Object && !form.Object {
			err = errNotObject
		}
		switch {
		case err == nil:
			if mark := jsonscan.Mark(m.Body); mark > 0 {
				m.Body = m.Body[mark:]
			}
			if form.Newlines {
				m.Body = oneLine(m.Body)
			}
		case p.OnInvalid == drop:
			b.Drop(i)
		case p.OnInvalid == deadLetter:
			b.Reject(i, err)
		}
	}
	return nil
}

// oneLine takes out line breaks. Most are a single one at the end, for which nothing needs to be copied.
func oneLine(body []byte) []byte {
	body = jsonscan.Trim(body)
	if !bytes.ContainsAny(body, "\r\n") {
		return body
	}
	body = jsonscan.Compact(make([]byte, 0, len(body)), body)
	return body[:len(body):len(body)]
}
