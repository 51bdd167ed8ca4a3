// Package ratelimit is the processor that slows messages down.
package ratelimit

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Lets so many messages, or bytes, pass in a time, and keeps the others waiting. It drops none.

What waits is unsettled and counts in the window of its input (max_in_flight), which bounds it: when the window is full the
input reads no more, and the rest stays at the source. So a message waits up to max_in_flight / rate here. That must be well
below the time that the source waits for an acknowledgement, 30 minutes at RabbitMQ, or it takes the connection away and delivers
everything again. Where the rate is low, set max_in_flight to some seconds' worth. The alert for old unsettled messages counts the
waiting too.

The rate is also kept when the pipeline ends: an end of the input's data is waited for, and after a stop what does not pass
within drain_timeout stays unsettled, so that its source has it for the next start. A stop is quick, and leaves nothing, where
max_in_flight is at most what passes in half of drain_timeout.

Put it in front of batch, where messages pass evenly. Behind it whole batches pass, each counted by its messages and never cut.
Messages keep their order, but for those of a lost connection, which pass at once, are not written, and take nothing of the
rate. What comes home from a fallback has passed here before, and is not limited again.`

// Plugin is the processor "rate_limit".
var Plugin = engine.NewStage("rate_limit", doc, Defaults, New)

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Stage, error) { return &processor{Config: c}, nil }

type processor struct {
	Config
	waiting atomic.Int64 // messages that wait, for who looks from outside
}

// Gauges implements engine.Gauger.
func (p *processor) Gauges() []engine.Gauge {
	return []engine.Gauge{{Name: engine.WaitingMessages, Value: float64(p.waiting.Load())}}
}

// mostWaiting is how many messages may wait before nothing more is read: it bounds the memory of a pipeline whose inputs have no window. Below it
// in is always read, because sweeps come that way, and a lost connection must not wait for the rate.
const mostWaiting = 1 << 18

// Run lets what comes from in pass at its time.
func (p *processor) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	r := p.newRun(out, ctx.Done())
	defer p.waiting.Store(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, ok := r.pass()
		if !ok {
			return context.Cause(ctx)
		}
		p.waiting.Store(int64(r.messages))
		if in == nil && len(r.queue) == 0 {
			return nil
		}
		timer.Reset(wait)
		from := in
		if r.messages >= mostWaiting {
			from = nil
		}
		select {
		case b, more := <-from:
			if !more {
				in = nil
			} else if !r.add(b) {
				return context.Cause(ctx)
			}
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// newRun makes what one call of Run needs, with full buckets.
func (p *processor) newRun(out chan<- *engine.Batch, done <-chan struct{}) *run {
	burst := float64(p.Burst)
	if burst == 0 {
		burst = max(1, math.Ceil(p.Rate))
	}
	r := &run{out: out, done: done}
	r.count = newBucket(p.Rate, p.Per, burst)
	r.bytes = newBucket(float64(p.Bytes), p.Per, float64(p.Bytes))
	// A sleep for each message would cost more than the message: a millisecond's worth comes at once, unless that is more than a burst.
	r.nap = time.Millisecond
	for _, b := range []*bucket{&r.count, &r.bytes} {
		if b.each > 0 {
			r.nap = min(r.nap, b.fill())
		}
	}
	return r
}
