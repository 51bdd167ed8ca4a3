package amqp

import (
	"errors"
	"maps"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// The headers that say why a message is a dead letter.
const (
	headerReason      = rabbitmq.HeaderReason
	headerError       = rabbitmq.HeaderError
	headerPipeline    = rabbitmq.HeaderPipeline
	headerHost        = rabbitmq.HeaderHost
	headerVersion     = rabbitmq.HeaderVersion
	headerFirstFailed = rabbitmq.HeaderFirstFailed
)

// What x-logpipe-reason can be. An error may bring a word of its own by a method Reason() string.
const (
	reasonRejected   = "rejected"   // by a processor
	reasonUnwritable = "unwritable" // the output can never store it
)

// errorBytes is how much of an error goes into x-logpipe-error.
const errorBytes = 2 << 10

// explain adds the headers of a dead letter. If a message was a dead letter before, it says why it is one now, and since when it is
// one. Where all headers together are too long, the longest of the message's own go behind the body: there is no other place for it.
func (o *output) explain(p *amqp091.Publishing, b *engine.Batch, i int, began time.Time, limit int) {
	headers := make(amqp091.Table, len(p.Headers)+9)
	maps.Copy(headers, p.Headers)
	p.Headers = headers
	at := time.Time{}
	if i < len(b.Reasons) && b.Reasons[i] != nil {
		at = engine.RejectedAt(b.Reasons[i])
		headers[headerReason] = reasonOf(b.Reasons[i])
		headers[headerError] = cut(b.Reasons[i].Error(), errorBytes)
	}
	headers[headerPipeline] = o.env.Pipeline
	headers[headerHost] = o.host
	headers[headerVersion] = o.env.Version
	if at.IsZero() {
		at = began
	}
	if _, ok := headers[headerFirstFailed]; !ok {
		headers[headerFirstFailed] = at.UTC().Format(time.RFC3339)
	}
	if d := rabbitmq.Origin(b.Messages[i].Meta); d != nil {
		d.AddOrigin(headers)
	}
	rabbitmq.Fit(p, limit, headerReason, headerError, headerPipeline, headerHost, headerVersion, headerFirstFailed,
		rabbitmq.HeaderQueue, rabbitmq.HeaderExchange, rabbitmq.HeaderRoutingKey)
}

func reasonOf(err error) string {
	var own interface{ Reason() string }
	switch {
	case errors.As(err, &own):
		return own.Reason()
	case engine.IsPermanent(err):
		return reasonUnwritable
	}
	return reasonRejected
}

// cut shortens a text to at most n bytes, and not in the middle of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}
