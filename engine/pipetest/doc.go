// Package pipetest runs a pipeline as it is configured, but with ends in memory and a clock of its own: what `logpipe test` and
// `logpipe try` do. Processors, policies and the engine are the real ones; so are the parts of outputs that name and pack a batch, see
// engine.Rehearser. Nothing is connected to and nothing is written.
//
// A run takes no time: see inBubble. It is repeatable: ids are counted, and writes of the same instant end one after the other,
// in the order in which their batches were sealed.
//
//	run.go       one run: the pipeline is built, its ends are replaced, and it goes on until all is settled
//	bubble.go    the clock
//	source.go    in place of the inputs
//	store.go     in place of an output, a fallback or a dead letter: what it has, and when it fails
//	recovery.go  the way home from a fallback
//	trace.go     what each processor made of a message
//	check.go     what a test expects, beside what came of it
//	diff.go      where two values of JSON differ
package pipetest
