// Package filter is the processor that keeps or drops messages by a condition.
package filter

import (
	"context"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/unanswered"
)

const doc = `Keeps or drops messages by a condition.

What is dropped is settled: its source does not send it again, and it is counted as dropped. A condition has no answer where it compares
a field that is missing with a number, or reads fields of a message that is no JSON object: such a message is kept unless on_error says
otherwise, and the log tells of it once a minute.`

// Plugin is the processor "filter".
var Plugin = engine.NewTransform("filter", doc, Defaults, New)

// New makes the processor.
func New(c Config, env engine.Env) (engine.Transform, error) {
	p := &processor{ask: c.Drop, onError: c.OnError, log: unanswered.New(env.Log, outcome[c.OnError])}
	if !c.Keep.IsZero() {
		p.ask, p.keeps = c.Keep, true
	}
	return p, nil
}

var outcome = map[string]string{keep: "kept", drop: "dropped", deadLetter: "dead letters"}

type processor struct {
	ask     engine.Condition
	keeps   bool // what it is true of is kept
	onError string
	log     *unanswered.Log
}

// Process asks each message of b.
func (p *processor) Process(_ context.Context, b *engine.Batch) error {
	for i := range b.Messages {
		yes, err := p.ask.Match(&b.Messages[i])
		switch {
		case err != nil:
			p.noAnswer(b, i, err)
		case yes != p.keeps:
			b.Drop(i)
		}
	}
	return nil
}

func (p *processor) noAnswer(b *engine.Batch, i int, err error) {
	p.log.Add(err)
	switch p.onError {
	case drop:
		b.Drop(i)
	case deadLetter:
		b.Reject(i, err)
	}
}
