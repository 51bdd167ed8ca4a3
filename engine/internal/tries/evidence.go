package tries

import (
	"sync/atomic"

	"github.com/logpipe/logpipe/engine"
)

// Evidence answers whose fault an error is, the batch's or the output's. It is the one place that does: workers, the holder, the dead
// letter and recovery ask it. What an error says of itself is believed only where it speaks of messages; for all else the question is
// whether the output stored something meanwhile.
//
// It counts and looks at no clock. One that is set back would make an outage of each refusal, and one that is set forward the reverse.
type Evidence struct{ writes atomic.Uint64 }

// Stored notes a write that stored something.
func (e *Evidence) Stored() { e.writes.Add(1) }

// Mark is taken before a batch is tried for the first time.
func (e *Evidence) Mark() uint64 { return e.writes.Load() }

// Against reports whether err is the batch's own affair: others may go through although this one does not. Else it looks like an outage.
func (e *Evidence) Against(err error, since uint64) bool {
	return e.writes.Load() > since || engine.StoredSome(err) || engine.Futile(err) && !engine.IsTooLarge(err) // a server may take nothing, however small
}
