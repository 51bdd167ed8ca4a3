package engine

import "context"

// Input reads messages from a source.
//
// The engine calls Open, then Read again and again from one goroutine, with Ack beside it from one other goroutine, then
// Close. Open and Close run beside nothing. When Read or Ack returns an error other than io.EOF the source counts as lost:
// the engine closes the input, and opens it again after a back-off as soon as nothing of the lost connection is held and something
// can be written.
type Input interface {
	// Open connects to the source. An error is temporary: Open is called again after a back-off, for ever, with a Close before.
	Open(ctx context.Context) error
	// Read fills b.Messages with a chunk and sets b.Tag: what is ready now, at least one message and a nil error, or no
	// message and an error. It blocks until something is there or ctx ends. io.EOF itself means that the source is finished
	// for good, and a ShortError that it is, but that something of it could not be read. An error that wraps io.EOF is a loss like any
	// other: connections end so. b comes empty; its Messages slice may have room to append to. Tags are the input's own: each names
	// one chunk of this Open.
	Read(ctx context.Context, b *Batch) error
	// Ack tells the source that chunks are settled: each tag of this Open at most once, in any order, several in one call when they are
	// there. It may keep no part of tags. Before it everything in these chunks is durable or was dropped, so the source may forget it.
	Ack(ctx context.Context, tags []uint64) error
	// Close ends the connection; what is unacked is the source's again. It is called once after each Open, also after
	// one that failed.
	Close(ctx context.Context) error
}

// Watcher is an Input that notices by itself when its source is lost. Without it the engine hears of the loss at the next Read or
// Ack, and there may be none for long while the window is full or the output is down; what is written meanwhile is written twice.
type Watcher interface {
	// Lost is called once after each Open that succeeded. The channel gets one error when that connection dies; it need
	// not get one for a Close.
	Lost() <-chan error
}

// Stopper is an Input that holds messages that its source has delivered and nobody has read. In a drain it gives them rather than
// sending them back, which brokers count against the messages.
type Stopper interface {
	// Stop asks the source for nothing more. It is called at most once for each Open, beside Read, and must not wait. Read
	// then gives what came before, and io.EOF behind it.
	Stop()
}

// Bounded is an Input whose source gives only so much before some of it is acked: a queue with a prefetch, a stream with credit. Without
// it the engine sees only its own window, and that may have room while the source waits: a source that is acked in order waits for the
// oldest chunk, and chunks that are settled behind it are in no window any more.
type Bounded interface {
	// Exhausted waits until the source can give no more, or soon will not, before chunks are settled that Read gave, and returns the tags
	// of those whose settlement lets it give more, the one first that it waits for first. The engine then has their messages written,
	// also in batches that are neither full nor old enough, so it names no more than are needed to go on for a while. It is called
	// again and again between Open and Close, beside Read, Ack and Stop, from one goroutine, which pauses between two calls; it may
	// name a chunk again that is not settled yet. When ctx ends it returns at once, with an error; after any error it is not called again
	// on this connection.
	Exhausted(ctx context.Context) (tags []uint64, err error)
}

// Output writes batches to where they are kept. Output, fallback and dead letter are three roles of it.
type Output interface {
	// Write stores the batch and returns nil only when it is durable. It is called from several goroutines at once, and
	// may be called again with the same batch after an error. It may Reject messages that it can never store. An error
	// other than WriteError means that nothing of the batch counts as stored. It keeps no part of b after it returned.
	// The first Write connects: there is no Open, so that a fallback can start while the first output is down.
	Write(ctx context.Context, b *Batch) error
	// Close frees what Write opened. It is called once, beside nothing, also when Write never was.
	Close(ctx context.Context) error
}

// Recoverer is an Output that can give back what it stored as a fallback. Its configuration says so by Traits.GivesBack.
type Recoverer interface {
	// Recovery is called once. Read of the Input that it returns gives whole sealed batches, one a call, with ID,
	// Partition, Time and Messages as they were written, and io.EOF when there is none now; Read is then called
	// again later, without a new Open. What is acked may be forgotten for good. Close gives back what was read and not
	// acked: it is there again after the next Open. Batches without an ID are sealed anew by the engine.
	Recovery() Input
}

// Checker is an Input or Output that can tell early whether its other side is well. Check is called once, in the
// background, at start, beside Open, Read and Write; its ctx ends before Close, which waits for it for 5 s at most. What it returns
// becomes a log line and changes nothing else.
type Checker interface {
	Check(ctx context.Context) error // once, see above
}

// Rehearser is an Output that can say what Write would do, without doing it: for tests of pipelines, which need no server. An output
// that is none is taken to store every message, or with Traits.LinesOnly every one without a line break, at an address that nobody knows.
type Rehearser interface {
	// Rehearse returns where Write would store the batch: the name of an object, a path, a URL. It rejects what Write would reject
	// and fails where Write would fail for the batch's own sake. It connects to nothing and writes nothing. It may be called from
	// several goroutines at once.
	Rehearse(b *Batch) (address string, err error)
}

// Transform is a processor that changes, rejects, drops or splits the messages of a batch.
type Transform interface {
	// Process works on b in place, from one goroutine. It changes the Body, Time and Meta of messages, and may put them into another
	// order before it says anything of them. It makes no message anew and does not change len(b.Messages): what shall leave it names by
	// Reject, Drop and Split. A batch that breaks this is held, and Process called again, until the plugin is mended. An error means that it cannot work now: it is called again with the same batch, so it
	// must fail before it changes anything. When it panics it is called again for each message alone, and a message
	// that it panics on then is a dead letter.
	Process(ctx context.Context, b *Batch) error
}

// Stage is a processor that owns time or grouping. It runs in a goroutine of its own between two channels.
type Stage interface {
	// Run is called once. It reads chunks from in and sends batches to out until in is closed; then it passes on what it holds and
	// returns nil. Every message that came in must go out, by value. ctx ends only when the pipeline must end at once:
	// select on it beside each send. An error, or a return before in is closed, fails the pipeline.
	//
	// A batch without messages is a sweep. With SealedBy = SealedByPressure it says that an input can read no more until
	// something is settled: pass on each group that holds a Pressing message, and no other if you can. With SealedByLost it
	// asks for each group that holds a Void message, so that the input can be opened again. Send the sweep itself on behind
	// these groups, for the next stage.
	//
	// The stage owns the chunks it received. After copying the messages out it may give a chunk back by Recycle.
	Run(ctx context.Context, in <-chan *Batch, out chan<- *Batch) error
}

// Policy is a processor that wraps the output that follows it, such as retry.
type Policy interface {
	// Wrap is called once, before anything runs. It returns an Output that calls next with the batch that it was given: the batch itself, no copy and no part of it,
	// because the engine takes out of it what is settled. When next returns an error, b.Messages is what is left to write; the
	// rest is settled or on its way to the dead letter. Errors marked by Permanent are to be returned at once.
	// Its Write is called from several goroutines at once, its Close once, beside nothing; that calls next's Close.
	Wrap(next Output) Output
}
