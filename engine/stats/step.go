package stats

import (
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Step is the counters of one step. Which of them move depends on its role.
type Step struct {
	Name   string      // as in "output.s3"
	Role   engine.Role // which counters move
	Branch string      // that it stands in: "audit" of "audit.output.s3"; "" in none

	// Of an input. Settled is what its source was told of, Voided what a lost connection took back.
	Received, ReceivedBytes atomic.Int64
	Settled, SettledBytes   atomic.Int64 // messages; bytes of their bodies
	Unsettled               atomic.Int64 // messages of the present connection
	Acks                    atomic.Int64 // chunks whose acks the source took
	Opened, Lost            atomic.Int64 // connections, and how many of them died or could not be opened
	Age                     Histogram    // from the reading of a chunk to its settling

	// Of any step in front of the output, and of the output.
	Rejected, Dropped atomic.Int64

	// Of the output: what was sealed for it, by cause. Void is what was discarded before a write.
	Sealed                      [causes]atomic.Int64 // batches
	SealedMessages, SealedBytes atomic.Int64         // what was in these batches
	Held, HeldMessages          atomic.Int64         // batches that could be written nowhere at their first try, and their messages
	Void, VoidBytes             atomic.Int64         // messages; bytes of their bodies
	Writes, Failed, Batches     atomic.Int64         // all writes; those with an error; those that stored all there was
	Retries                     atomic.Int64         // writes of a batch that was tried before
	Stored, StoredBytes         atomic.Int64         // messages; the bytes are those of writes without an error
	Took                        Histogram            // a write that stored something
	Lateness                    Histogram            // from the time of a batch, which its first message gives, to its being stored
	Batch                       Histogram            // messages in a sealed batch

	// Of the fallback.
	FellBack, FellBackBytes   atomic.Int64
	Recovered, RecoveredBytes atomic.Int64 // messages that came home; bytes of their bodies

	// Of the dead letter.
	DeadLettered atomic.Int64

	failedBy classes
	down     atomic.Pointer[time.Time] // since when an output fails; nil: it is well
	wasDown  atomic.Int64              // ns, of outages that are over
	outages  atomic.Int64
}

// Causes are the ones that batches are sealed by, in the order of Step.Sealed.
var Causes = [...]string{engine.SealedByCount, engine.SealedByBytes, engine.SealedByAge, engine.SealedByLimit,
	engine.SealedByDrain, engine.SealedByPressure, engine.SealedByLost, engine.SealedByChunk, "other"}

const causes = len(Causes)

// Outages is how often the output began to fail, since when it does (zero: it is well), and how long it failed in all.
func (s *Step) Outages() (n int64, since time.Time, total time.Duration) {
	total = time.Duration(s.wasDown.Load())
	if at := s.down.Load(); at != nil {
		since = *at
		total += time.Since(since)
	}
	return s.outages.Load(), since, total
}

// FailedBy is how many writes failed, by the class of their error; see engine.ClassOf. A step that writes has every class that it knows, also with 0.
func (s *Step) FailedBy() map[string]int64 { return s.failedBy.all() }

func (s *Step) observe(e engine.Event) {
	n := int64(e.Messages)
	switch e.Kind {
	case engine.Opened:
		s.Opened.Add(1)
		s.Unsettled.Store(0)
	case engine.Lost:
		// What a dead connection brought is the source's again. It is never settled, so the count starts anew.
		s.Lost.Add(1)
		s.Unsettled.Store(0)
	case engine.Received:
		s.Received.Add(n)
		s.ReceivedBytes.Add(e.Bytes)
		s.Unsettled.Add(n)
	case engine.Settled:
		s.Settled.Add(n)
		s.SettledBytes.Add(e.Bytes)
		s.Unsettled.Add(-n)
		s.Age.Observe(e.Took.Seconds())
	case engine.Acked:
		s.Acks.Add(n)
	case engine.Rejected:
		s.Rejected.Add(n)
	case engine.Dropped:
		s.Dropped.Add(n)
	default:
		s.observeWriting(e, n)
	}
}

func (s *Step) observeWriting(e engine.Event, n int64) {
	switch e.Kind {
	case engine.Sealed:
		s.Sealed[cause(e.Cause)].Add(1)
		s.SealedMessages.Add(n)
		s.SealedBytes.Add(e.Bytes)
		s.Batch.Observe(float64(n))
	case engine.Attempt:
		s.attempt(e)
	case engine.Outage:
		s.outage(e)
	case engine.Held:
		s.Held.Add(1)
		s.HeldMessages.Add(n)
	case engine.Voided:
		s.Void.Add(n)
		s.VoidBytes.Add(e.Bytes)
	case engine.FellBack:
		s.FellBack.Add(n)
		s.FellBackBytes.Add(e.Bytes)
	case engine.Recovered:
		s.Recovered.Add(n)
		s.RecoveredBytes.Add(e.Bytes)
	case engine.DeadLettered:
		s.DeadLettered.Add(n)
	}
}

func (s *Step) attempt(e engine.Event) {
	s.Writes.Add(1)
	if e.Again {
		s.Retries.Add(1)
	}
	s.Stored.Add(int64(e.Stored))
	if e.Err != nil {
		s.Failed.Add(1)
		s.failedBy.add(engine.ClassOf(e.Err))
	} else {
		s.StoredBytes.Add(e.Bytes)
		if e.Stored > 0 {
			s.Batches.Add(1)
		}
	}
	if e.Stored > 0 {
		s.Took.Observe(e.Took.Seconds())
		if !e.Time.IsZero() {
			s.Lateness.Observe(time.Since(e.Time).Seconds())
		}
	}
}

// outage notes that an output began to fail, or is well again.
func (s *Step) outage(e engine.Event) {
	if e.Err != nil {
		now := time.Now()
		s.down.Store(&now)
		s.outages.Add(1)
		return
	}
	s.down.Store(nil)
	s.wasDown.Add(int64(e.Took))
}

func cause(name string) int {
	for i, c := range Causes {
		if c == name {
			return i
		}
	}
	return causes - 1
}
