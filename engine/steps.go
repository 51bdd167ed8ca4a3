package engine

// Branch is one of several ways to an output. It has retries, a fallback and held batches of its own, so that one that is down keeps no
// message from the others; but what it holds is unsettled, and counts in the window of the input.
type Branch struct {
	Name string // unique within the pipeline
	// When says which messages the branch takes; the zero Condition takes all.
	When Condition
	// Default takes what no other branch took, in place of When.
	Default bool

	Processors []ProcessorStep // as in Pipeline
	Output     OutputStep      // as in Pipeline
	Fallback   *OutputStep     // nil: none
	DeadLetter *OutputStep     // nil: that of the pipeline
	Workers    int             // how many batches are written at once; at least 1
	Recover    bool            // whether what the fallback holds is brought home by itself
}

// InputStep is an input in its place.
type InputStep struct {
	Name  string // as in "input.amqp"; unique within the pipeline
	Input Input  // opened and closed by Run
	// Window is what may be unsettled at most; a chunk that was already read may go beyond it once. Zero is without bound.
	Window Capacity
}

// ProcessorStep is a processor in its place.
type ProcessorStep struct {
	Name string // as in "processor.batch"; unique within the pipeline
	// Processor is a Transform, a Stage or a Policy.
	Processor any
}

// OutputStep is an output in one of its three roles.
type OutputStep struct {
	Name   string // as in "output.s3"; unique within the pipeline
	Output Output // closed by Run
}
