package progress

import (
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// tally is what the counters of a pipeline stood at in one moment, for the status line and the summary.
type Tally struct {
	Received, Bytes, Written, Batches, Retries           int64
	FellBack, Recovered, DeadLetters, Dropped, Unsettled int64
}

// TallyOf is what the counters of a pipeline stand at.
func TallyOf(p *stats.Pipeline) (t Tally) {
	for _, s := range p.Steps {
		t.Received += s.Received.Load()
		t.Bytes += s.ReceivedBytes.Load()
		t.FellBack += s.FellBack.Load()
		t.Recovered += s.Recovered.Load()
		t.DeadLetters += s.DeadLettered.Load()
		t.Dropped += s.Dropped.Load()
		// A chunk that settles while its connection is lost can take a count below zero for a moment.
		t.Unsettled += max(0, s.Unsettled.Load())
		if s.Role == engine.RoleOutput { // also what came home from the fallback
			t.Written += s.Stored.Load()
			t.Batches += s.Batches.Load()
			t.Retries += s.Failed.Load()
		}
	}
	return t
}

// Add sums what several pipelines did.
func (t *Tally) Add(u Tally) {
	t.Received += u.Received
	t.Bytes += u.Bytes
	t.Written += u.Written
	t.Batches += u.Batches
	t.Retries += u.Retries
	t.FellBack += u.FellBack
	t.Recovered += u.Recovered
	t.DeadLetters += u.DeadLetters
	t.Dropped += u.Dropped
	t.Unsettled += u.Unsettled
}

// PerSecond is a rate in whole messages a second.
func PerSecond(messages int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(messages) / took.Seconds())
}

// Since is what was done after before; Unsettled is no sum and stays.
func (t Tally) Since(before Tally) Tally {
	return Tally{
		Received: t.Received - before.Received, Bytes: t.Bytes - before.Bytes, Written: t.Written - before.Written,
		Batches: t.Batches - before.Batches, Retries: t.Retries - before.Retries, FellBack: t.FellBack - before.FellBack,
		Recovered: t.Recovered - before.Recovered, DeadLetters: t.DeadLetters - before.DeadLetters, Dropped: t.Dropped - before.Dropped,
		Unsettled: t.Unsettled,
	}
}
