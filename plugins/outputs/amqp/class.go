package amqp

// The classes of what the broker answers to a message; those of the connection are of package rabbitmq.
const (
	classFull       = "full"       // a queue takes no more
	classTimeout    = "timeout"    // no confirm came
	classTooLarge   = "too_large"  // the message
	classUnroutable = "unroutable" // no queue is bound
)

// failure is an error with the class that it is counted by, see engine.ClassOf.
type failure struct {
	error
	class string
}

// Class is what it is counted by.
func (c *failure) Class() string { return c.class }
