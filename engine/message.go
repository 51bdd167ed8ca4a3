package engine

import (
	"errors"
	"time"

	"github.com/logpipe/logpipe/engine/internal/books"
)

// Message is one log record on its way. Messages travel by value and stages regroup them freely: what ties a message to
// the chunk it came in is the receipt inside it, which only the engine can reach, so copy messages, do not rebuild them from their parts.
type Message struct {
	// Body is the record as the source sent it. The engine cuts its capacity to its length, so that append never writes
	// into a neighbour. Do not change its bytes: put a new slice in its place.
	Body []byte
	// Time is the record's own time where a processor found one, else the time of arrival.
	Time time.Time
	// Meta is what the source knows beside the body, nil when it knows nothing.
	Meta Meta

	internal books.MessageState
}

// Internal is for the engine alone, which nobody else can ask for: the type of the argument is one of its own.
func (m *Message) Internal(books.Key) *books.MessageState { return &m.internal }

// Meta is what a source knows about a message beside its body. It is decoded only when asked for. Implementations are
// read-only and safe for concurrent use.
type Meta interface {
	// ID is the message id that the producer gave, "" when it gave none. It need not be unique.
	ID() string
	// RoutingKey is the address the message was published to, "" when the source has no such thing.
	RoutingKey() string
	// Headers are the producer's headers; the caller must not change the map. Values are nil, bool, int64, uint64,
	// float64, string, []byte, time.Time, []any and map[string]any.
	Headers() map[string]any
}

// Void reports whether the connection that the message came from is dead: its source will deliver it again, so it must
// not be written any more. The engine discards void messages before each write; a stage that holds messages passes
// them on when it is swept (see Stage).
func (m *Message) Void() bool {
	return m.internal.Receipt != nil && m.internal.Receipt.Epoch.Dead.Load()
}

// Pressing reports whether the input that the message came through can read no more until the message is settled. A stage that holds
// such messages passes them on when it is swept (see Stage).
func (m *Message) Pressing() bool {
	return m.internal.Receipt != nil && m.internal.Receipt.Pressing.Load()
}

// Batch is a group of messages. A chunk, as an input reads it, is a batch that is not sealed yet. A batch is with one goroutine at a time: who
// has it may change it, as far as the contract of its call says, and has it no more when the call returns.
type Batch struct {
	// ID names the batch for ever, also across retries, the fallback and a crash. Together with Partition and Time it
	// is fixed when the batch is sealed: an output derives object keys from these three and nothing else.
	ID string
	// Partition is the group the batch belongs to, as name=value pairs (see JoinPartition); "" without grouping.
	Partition string
	// Time is the time of the batch's first message, in UTC.
	Time time.Time
	// SealedBy says why a stage closed the batch, one of the SealedBy constants; for people and metrics only.
	SealedBy string
	// Tag names a chunk to its input: Read sets it, Ack gets it.
	Tag uint64
	// MetaBytes is what the messages of a chunk hold in memory beside their bodies, for the bound of the window. Read sets it; 0 says
	// that it is little.
	MetaBytes int64
	// Messages are the batch's messages, in order.
	Messages []Message
	// Reasons has one error per message in a batch of dead letters, and is nil otherwise. RejectedAt tells when that was. An output that can be
	// a dead_letter stores them with the messages.
	Reasons []error

	internal books.BatchState[Message, Batch]
}

// Internal is for the engine alone, as that of a Message is.
func (b *Batch) Internal(books.Key) *books.BatchState[Message, Batch] { return &b.internal }

// Why a batch was sealed.
const (
	SealedByCount    = "count"    // it has as many messages as it may have
	SealedByBytes    = "bytes"    // the next message would make it too large
	SealedByAge      = "age"      // its first message waited long enough
	SealedByLimit    = "limit"    // too much was open at once
	SealedByPressure = "pressure" // the input can read nothing more before some of it is settled
	SealedByLost     = "lost"     // the connection of some of its messages is dead
	SealedByDrain    = "drain"    // the pipeline ends
	SealedByChunk    = "chunk"    // no stage groups; the chunk is the batch
)

// Bytes is the sum of the bodies' lengths.
func (b *Batch) Bytes() int64 {
	var n int64
	for i := range b.Messages {
		n += int64(len(b.Messages[i].Body))
	}
	return n
}

// Reject sends message i to the dead letter, as it stands now, for the reason why. It is for Input.Read, Transform.Process and Output.Write; a stage
// passes on all that it gets. What Read rejects goes on as it is where the pipeline has no dead letter.
// The engine takes the message out of the batch after the call that it was rejected in; until then indexes do
// not move. The first mark of a message counts. A reason with a method Class() string is counted by it, see ClassOf.
func (b *Batch) Reject(i int, why error) {
	if why == nil {
		why = errors.New("rejected without a reason")
	}
	b.internal.Marks = append(b.internal.Marks, books.Mark[Message]{Index: i, Why: why, Msg: b.Messages[i]})
}

// Drop settles message i without writing it anywhere: use it only where the configuration says so. It is for Transform.Process.
func (b *Batch) Drop(i int) {
	_ = b.Messages[i]
	b.internal.Marks = append(b.internal.Marks, books.Mark[Message]{Index: i})
}

// Split puts parts in the place of message i. Message i is settled when all of its parts are. Without parts it is Drop. It is for
// Transform.Process. A part without a Time has that of message i; one without a Meta has none.
func (b *Batch) Split(i int, parts ...Message) {
	_ = b.Messages[i]
	b.internal.Marks = append(b.internal.Marks, books.Mark[Message]{Index: i, Parts: parts})
}

// Recycle gives a chunk back for later use. Only the owner may call it, once, after it copied out what it keeps; the bodies
// stay untouched. On a batch that the engine did not make it does nothing.
func (b *Batch) Recycle() {
	if !b.internal.Pooled {
		return
	}
	clear(b.Messages)
	*b = Batch{Messages: b.Messages[:0], internal: books.BatchState[Message, Batch]{Marks: b.internal.Marks[:0], Pooled: true}}
	books.KeepChunk(b)
}

// Marks returns what was said of the messages of b and is not carried out yet: the indexes of those that shall be dropped or split,
// and the reasons of those that were rejected. It is for tests of plugins; in a pipeline the engine carries marks out.
func Marks(b *Batch) (leaving []int, rejected map[int]error) {
	rejected = map[int]error{}
	for _, m := range books.InOrder(b.internal.Marks) {
		if m.Why != nil {
			rejected[m.Index] = m.Why
			continue
		}
		leaving = append(leaving, m.Index)
	}
	return leaving, rejected
}
