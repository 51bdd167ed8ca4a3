package cmd

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// counters counts what happens in one pipeline, for the status line and the summary. It is told once a chunk or batch.
type counters struct {
	received, receivedBytes atomic.Int64 // messages and bytes of their bodies
	written, batches        atomic.Int64 // by the output, also what came home from the fallback
	retries                 atomic.Int64 // writes of the output that failed
	fellBack, recovered     atomic.Int64 // messages
	deadLetters, dropped    atomic.Int64 // messages
	ended                   atomic.Int64 // nanoseconds after the start; 0 while it runs
	inputs                  sync.Map     // name of the step → *atomic.Int64, its unsettled messages
}

// Observe implements engine.Observer.
func (c *counters) Observe(e engine.Event) {
	n := int64(e.Messages)
	switch e.Kind {
	case engine.Opened, engine.Lost:
		// What a dead connection brought is the source's again. It is never settled, so the count starts anew.
		c.unsettledOf(e.Plugin).Store(0)
	case engine.Received:
		c.unsettledOf(e.Plugin).Add(n)
		c.received.Add(n)
		c.receivedBytes.Add(e.Bytes)
	case engine.Settled:
		c.unsettledOf(e.Plugin).Add(-n)
	case engine.Attempt:
		if isOutput(e.Plugin) {
			c.attempt(e)
		}
	case engine.FellBack:
		c.fellBack.Add(n)
	case engine.Recovered:
		c.recovered.Add(n)
	case engine.DeadLettered:
		c.deadLetters.Add(n)
	case engine.Dropped:
		c.dropped.Add(n)
	}
}

func (c *counters) attempt(e engine.Event) {
	c.written.Add(int64(e.Stored))
	switch {
	case e.Err != nil:
		c.retries.Add(1)
	case e.Stored > 0:
		c.batches.Add(1)
	}
}

func (c *counters) unsettledOf(input string) *atomic.Int64 {
	if n, ok := c.inputs.Load(input); ok {
		return n.(*atomic.Int64)
	}
	n, _ := c.inputs.LoadOrStore(input, new(atomic.Int64))
	return n.(*atomic.Int64)
}

func isOutput(step string) bool { return strings.HasPrefix(step, string(engine.RoleOutput)+".") }

// tally is what the counters stood at in one moment.
type tally struct {
	Received, Bytes, Written, Batches, Retries           int64
	FellBack, Recovered, DeadLetters, Dropped, Unsettled int64
}

func (c *counters) tally() tally {
	t := tally{
		Received: c.received.Load(), Bytes: c.receivedBytes.Load(),
		Written: c.written.Load(), Batches: c.batches.Load(), Retries: c.retries.Load(),
		FellBack: c.fellBack.Load(), Recovered: c.recovered.Load(),
		DeadLetters: c.deadLetters.Load(), Dropped: c.dropped.Load(),
	}
	c.inputs.Range(func(_, n any) bool {
		// A chunk that settles while its connection is lost can take a count below zero for a moment.
		t.Unsettled += max(0, n.(*atomic.Int64).Load())
		return true
	})
	return t
}

// add sums what several pipelines did.
func (t *tally) add(u tally) {
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

// perSecond is a rate in whole messages a second.
func perSecond(messages int64, took time.Duration) int64 {
	if took <= 0 {
		return 0
	}
	return int64(float64(messages) / took.Seconds())
}
