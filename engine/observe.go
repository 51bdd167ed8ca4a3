package engine

import "time"

// Observer is told what happens in a pipeline, once a chunk or a batch and never once a message. Observe is called from many
// goroutines, on the way of the data: it must be quick and must not block.
type Observer interface {
	Observe(Event) // often and at once, see above
}

// Event is one thing that happened. Which fields are set depends on its kind.
type Event struct {
	Kind     EventKind     // what happened
	Pipeline string        // the name of the pipeline
	Plugin   string        // the step it happened at, as in "output.s3"
	Messages int           // how many it is about
	Stored   int           // Attempt: how many of them became durable by it
	Again    bool          // Attempt: of a batch that was tried here before
	Bytes    int64         // the sum of their bodies
	Cause    string        // Sealed: why (a SealedBy constant)
	Err      error         // Attempt, Lost, Outage, Held, Rejected: what went wrong; nil when nothing did
	Time     time.Time     // Attempt: that of the batch, which is when its first message happened, or arrived
	Took     time.Duration // Attempt: how long the write took; Settled: how long the chunk was here; Outage: how long it was, when it is over; Failed: how long until the next start
}

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	Opened       EventKind = iota + 1 // an input has its source
	Lost                              // an input lost its source, or could not open it
	Finished                          // an input came to its end
	Received                          // a chunk was read
	Sealed                            // a batch was sealed
	Attempt                           // one write of a batch ended: output, fallback or dead letter
	Outage                            // an output began to fail (Err) or is well again (no Err)
	FellBack                          // a batch went into the fallback
	Recovered                         // a batch came home from the fallback
	DeadLettered                      // messages were taken by the dead letter
	Rejected                          // messages were sent to the dead letter
	Dropped                           // messages were dropped by a processor that was told to
	Voided                            // messages were discarded: their source has them again
	Held                              // a batch could be written nowhere; it is kept and tried again
	Settled                           // a chunk is settled; its input is told
	Acked                             // the source took acks; Messages is the number of chunks

	// Of the pipeline as a whole: Plugin is empty.
	Started  // it is built and runs
	Draining // it reads no more and writes what it has
	Failed   // it broke (Err); it is built and started again after Took
	Ended    // it is over; Err says what it left, and is nil when nothing is left
)

// ForkStep names in events the step that gives messages to branches. It rejects, or drops, those that no branch takes.
const ForkStep = "branch"
