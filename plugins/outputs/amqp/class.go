package amqp

import (
	"slices"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// The classes of what the broker answers to a message; those of the connection are of package rabbitmq.
const (
	classFull       = engine.ClassFull    // a queue takes no more
	classTimeout    = engine.ClassTimeout // no confirm came
	classTooLarge   = "too_large"         // the message
	classUnroutable = "unroutable"        // no queue is bound
)

// classes are those of this output beside the engine's, for engine.Traits. Of those of a connection it has classTooLarge already.
var classes = append(slices.Clone(rabbitmq.Classes), classUnroutable)

// failure is an error with the class that it is counted by, see engine.ClassOf.
type failure struct {
	error
	class string
}

// Class is what it is counted by.
func (c *failure) Class() string { return c.class }
