// Package upper is a transform: it writes messages in upper case.
package upper

import (
	"bytes"
	"context"

	"github.com/logpipe/logpipe/engine"
)

// Plugin is the processor "upper".
var Plugin = engine.NewTransform("upper", "Writes messages in upper case.", func() Config { return Config{} }, New)

// Config is its configuration: there is nothing to configure.
type Config struct{}

// New makes the processor.
func New(Config, engine.Env) (engine.Transform, error) { return transform{}, nil }

type transform struct{}

func (transform) Process(_ context.Context, b *engine.Batch) error {
	for i, m := range b.Messages {
		b.Messages[i].Body = bytes.ToUpper(m.Body)
	}
	return nil
}
