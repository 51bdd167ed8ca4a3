// Package engine is what a plugin is written against: messages and batches, the interfaces of plugins and their promises, errors and
// their classes, configuration fields, the registry, and the events that an Observer is told. It moves nothing by itself: that is
// package flow, which has Pipeline. The engine knows no plugin and no configuration language.
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
// Every arrow is a channel; what travels is a chunk of messages or a batch. A pipeline is a flow.Pipeline value; its Run moves logs
// until its inputs are finished or its context ends, then drains. flow.Supervise keeps several running.
//
// A message is in one of these states: delivered, dead-lettered, dropped by a processor that was told to, still ours, or void,
// which means that the connection it came from is dead and its source will deliver it again. Only the engine settles. Each message points to the receipt
// of the chunk it was read in; when the last message of a chunk is released, the chunk's tag goes to the acker of the connection it
// came from, and to no other.
//
// # Where things are, for who carries the engine on
//
// What a plugin's author reads belongs here, and nothing else does: a name that only the engine needs stands in one of the folders below.
// What a message or a batch carries for the engine alone is a type of package books, behind Message.Internal and Batch.Internal.
//
//	engine              message.go what travels, plugin.go what a plugin is, steps.go what is put together, observe.go and gauge.go
//	                    what is told, errors.go and class.go what errors say, registry.go and fields.go configuration
//	engine/flow         a pipeline as a whole: put together, started, drained, forked to its branches, supervised, looked at
//	engine/internal:
//	    intake          reading: open, read, ack, open again; when an input can read no more
//	    process         transforms and stages, and carrying out what they say of messages
//	    recovery        bringing the fallback home
//	    deliver         one way to an output: workers, attempts, fallback, what is held, dead letters, whether the output is well
//	    life            what all goroutines of one life of a pipeline share: its ends, log, observer
//	    settle          entering messages and batches in the books
//	    tries           when what failed is tried again, and whose fault it was
//	    books           what is unsettled: receipts, the connections they came through, windows, settled chunks that wait for their acks
//	    fault           errors that the engine makes and this package tells apart, and panics of plugins
//	    signal          waking a goroutine
//
// Imports go down this list, from flow; package engine stands between tries and books. Beside them stand packages config, stats, admin,
// alert and others, which use the engine from outside.
//
// To read the code in the order of the data's way:
//
//	flow/run.go             one life of a pipeline, and its wiring
//	flow/drain.go           its contexts, the order in which it starts and ends
//	intake/read.go          open and read
//	intake/reopen.go        when the source is lost: close, wait until nothing of it is held, open again
//	books/window.go         what may be unsettled: the bound of memory
//	intake/pressure.go      when an input can read no more before something is settled
//	books/receipt.go        the books: admit, release, settle
//	process/process.go      transforms, and carrying out rejects, drops and splits
//	process/stage.go        stages
//	flow/fork.go            giving messages to branches, where there are some
//	deliver/queue.go        what waits for a branch
//	deliver/branch.go       one way to an output, and its wiring
//	deliver/write.go        the workers: output, then fallback
//	tries/evidence.go       whose fault an error is
//	tries/later.go          what failed and is tried again, each with a back-off of its own
//	deliver/cut.go          a batch that the output takes in parts only
//	deliver/hold.go         what can be written nowhere while others can
//	deliver/probe.go        whether something can be written, before an input is opened again
//	deliver/attempt.go      one write, and what became of each message
//	deliver/distrust.go     answers of outputs that cannot be believed
//	deliver/deadletter.go   the dead-letter goroutine
//	recovery/recover.go     bringing the fallback home
//	recovery/refused.go     what stays there, because the output refuses it
//	intake/ack.go           telling the source
//	flow/supervise.go       keeping pipelines running
package engine
