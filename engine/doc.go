// Package engine moves logs from inputs to outputs and loses none. It knows no plugin and no configuration language.
//
//	inputs ──▶ transforms, stages ──▶ workers: discard void → policies( output ) ──▶ release ──▶ acker → Input.Ack
//	  chunks      │ rejects   batches              retry          │        ▲
//	              │                                       fallback│        │ recovery: sealed batches come home
//	              │                                               ▼        │ under their own id, never merged
//	              └──▶ dead-letter goroutine                   fallback ───┘
//	                        └──▶ dead_letter
//
// A pipeline may have several such ways to outputs, its branches, behind the common processors: a fork gives each message to those that take it.
//
// Every arrow is a channel; what travels is a chunk of messages or a batch. A pipeline is a Pipeline value; Run moves logs
// until its inputs are finished or its context ends, then drains. Supervise keeps several running.
//
// A message is in one of these states: delivered, dead-lettered, dropped by a processor that was told to, still ours, or void,
// which means that the connection it came from is dead and its source will deliver it again. Only the engine settles. Each message points to the receipt
// of the chunk it was read in; when the last message of a chunk is released, the chunk's tag goes to the acker of the connection it
// came from, and to no other.
//
// To read the code in the order of the data's way:
//
//	message.go     what travels: Message, Batch, and what a processor may say of a message
//	plugin.go      what a plugin is: Input, Output, Transform, Stage, Policy
//	pipeline.go    what is put together
//	run.go         one life of a pipeline, and its wiring
//	drain.go       its contexts, the order in which it starts and ends
//	read.go        open and read
//	reopen.go      when the source is lost: close, wait until nothing of it is held, open again
//	probe.go       not while nothing can be written
//	window.go      what may be unsettled: the bound of memory
//	pressure.go    when an input can read no more before something is settled
//	receipt.go     the books: admit, release, settle, discard
//	process.go     transforms, and carrying out rejects, drops and splits
//	stage.go       stages, and sweeping them
//	fork.go        giving messages to branches, where there are some
//	queue.go       what waits for a branch
//	branch.go      one way to an output, and its wiring
//	write.go       the workers: output, then fallback
//	evidence.go    whose fault an error is
//	later.go       what failed and is tried again, each with a back-off of its own
//	cut.go         a batch that the output takes in parts only
//	hold.go        what can be written nowhere while others can
//	attempt.go     one write, and what became of each message
//	distrust.go    answers of outputs that cannot be believed
//	deadletter.go  the dead-letter goroutine
//	recover.go     bringing the fallback home
//	refused.go     what stays there, because the output refuses it
//	ack.go         telling the source
//	supervise.go   keeping pipelines running
//
// Beside the way: homecoming.go has the log lines of recovery, health.go has one log line when an output begins to fail and one when it is well, backoff.go the waiting
// times, guard.go makes a plugin's panic an error, id.go names batches, partition.go their groups. registry.go and fields.go describe plugins and their configuration, observe.go what
// happens and state.go what is, for who looks from outside (package stats counts it), errors.go what errors say, class.go what they are counted by.
package engine
