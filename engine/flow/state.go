package flow

import (
	"time"

	"github.com/logpipe/logpipe/engine"
)

// State is what a pipeline is at one moment, for those who look at it from outside.
type State struct {
	Inputs []InputState // in the order of the pipeline
	// Outputs are the output, the fallback and the dead letter, as far as there are such; with branches those of each, then the pipeline's
	// dead letter.
	Outputs []OutputState
	Workers int             // how many batches can be written at once
	Busy    int             // workers that have a batch
	Held    engine.Capacity // what was handed over by the workers because it can be written nowhere
	Refused engine.Capacity // what stays in the fallbacks, because the output refuses it while it takes others
	Gauges  []StepGauge     // what the plugins know of themselves, in the order of the flow
}

// InputState is what of one input is unsettled. What a lost connection brought counts until it is let go.
type InputState struct {
	Name      string          // as in InputStep
	Connected bool            // it was opened, and is not known to be lost
	Unsettled engine.Capacity // what was read and is not settled
	Window    engine.Capacity // what may be unsettled; a zero field is no bound
	Oldest    time.Time       // when the oldest unsettled chunk was read; zero when nothing is unsettled
}

// OutputState is how an output in one of its roles is.
type OutputState struct {
	Name    string      // as in OutputStep
	Role    engine.Role // which of the three it plays
	Failing bool        // its last writes failed; one that stores something ends it
	Since   time.Time   // Failing: when that began
	Writing int         // writes that have not come back
	Oldest  time.Time   // when the first of these began; zero when there is none
}

// StepGauge is a Gauge of a step of a pipeline.
type StepGauge struct {
	Step string // as in "processor.batch"
	engine.Gauge
}
