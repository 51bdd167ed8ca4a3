package flow

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Pipeline is one way for logs: inputs, processors in order, an output, and what takes over when that fails. Fill in the fields, then
// call Run once; a pipeline that shall run again is built again, with new instances of its plugins.
type Pipeline struct {
	Name       string                 // for logs, events and errors; unique within the process
	Inputs     []engine.InputStep     // at least one
	Processors []engine.ProcessorStep // in the order of the flow; policies last, and none before branches
	Output     engine.OutputStep      // unset with Branches
	Fallback   *engine.OutputStep     // nil: none; nil with Branches
	// DeadLetter takes what is rejected; with Branches also what is rejected in a branch that has none of its own. nil: none.
	DeadLetter *engine.OutputStep
	// Branches are the ways that messages take behind Processors, in place of Output. A message goes to each branch that takes it, and
	// is settled when each of them has settled it. One that no branch takes is rejected.
	Branches []engine.Branch
	// DropUnmatched drops a message that no branch takes.
	DropUnmatched bool

	// Workers is how many batches are written at once; at least 1.
	Workers int
	// Recover says whether what the fallback holds is brought home by itself.
	Recover bool
	// DrainTimeout is how long Run may go on after its context ended. Zero means not at all.
	DrainTimeout time.Duration

	Log      *slog.Logger    // nil: nothing is logged
	Observer engine.Observer // nil: nobody looks
	NewID    func() string   // nil: NewID

	running atomic.Pointer[run]
}
