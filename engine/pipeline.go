package engine

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// Pipeline is one way for logs: inputs, processors in order, an output, and what takes over when that fails. Fill in the fields, then
// call Run once; a pipeline that shall run again is built again, with new instances of its plugins.
type Pipeline struct {
	Name       string
	Inputs     []InputStep     // at least one
	Processors []ProcessorStep // in the order of the flow; policies last
	Output     OutputStep
	Fallback   *OutputStep // nil: none
	DeadLetter *OutputStep // nil: none

	// Workers is how many batches are written at once; at least 1.
	Workers int
	// Recover says whether what the fallback holds is brought home by itself.
	Recover bool
	// DrainTimeout is how long Run may go on after its context ended. Zero means not at all.
	DrainTimeout time.Duration

	Log      *slog.Logger
	Observer Observer      // nil: nobody looks
	NewID    func() string // nil: NewID

	running atomic.Pointer[run]
}

// InputStep is an input in its place.
type InputStep struct {
	Name  string // as in "input.amqp"; unique within the pipeline
	Input Input
	// Window is what may be unsettled at most; a chunk that was already read may go beyond it once. Zero is without bound.
	Window Capacity
}

// ProcessorStep is a processor in its place.
type ProcessorStep struct {
	Name string
	// Processor is a Transform, a Stage or a Policy.
	Processor any
}

// OutputStep is an output in one of its three roles.
type OutputStep struct {
	Name   string
	Output Output
}
