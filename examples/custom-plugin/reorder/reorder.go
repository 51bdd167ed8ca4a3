// Package reorder is a stage that puts messages of several senders into the order of their times.
package reorder

import (
	"container/heap"
	"context"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Puts messages into the order of their times.

A message is held until its time is as long ago as hold says, and then goes on behind all that are older. One that comes later than
that goes on at once, out of order. The time of a message is the one that its input read from it, else that of its arrival.`

// Plugin is the processor "reorder".
var Plugin = engine.NewStage("reorder", doc, func() Config { return Config{Hold: 2 * time.Second, Messages: 10000} }, New)

// Config is the configuration of the processor.
type Config struct {
	Hold     time.Duration `hcl:"hold,optional" doc:"How long a message waits for older ones."`
	Messages int           `hcl:"messages,optional" doc:"How many messages may wait; with more, the oldest go on early."`
}

// Validate finds bounds that nothing fits into.
func (c Config) Validate() error {
	if c.Messages < 1 {
		return engine.AttrErrorf("messages", "must be at least 1, not %d", c.Messages)
	}
	return nil
}

// Traits says what the stage holds: the engine lets its inputs have as much more in flight.
func (c Config) Traits() engine.Traits {
	return engine.Traits{OpenMessages: c.Messages, HoldsFor: c.Hold}
}

// New makes the processor.
func New(c Config, _ engine.Env) (engine.Stage, error) { return &stage{c}, nil }

type stage struct{ Config }

// Run holds messages in a heap until they are due. A sweep empties it: the engine then waits for what is held.
func (s *stage) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	var held waiting
	var n uint64
	timer := time.NewTimer(s.Hold)
	defer timer.Stop()
	send := func(b *engine.Batch) error {
		select {
		case out <- b:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	release := func(due func() bool) error {
		b := new(engine.Batch)
		for len(held) > 0 && due() {
			b.Messages = append(b.Messages, heap.Pop(&held).(entry).Message)
		}
		if len(b.Messages) == 0 {
			return nil // a batch without messages would be a sweep
		}
		return send(b)
	}
	everything := func() bool { return true }
	for {
		select {
		case chunk, more := <-in:
			if !more {
				return release(everything)
			}
			if len(chunk.Messages) == 0 {
				if err := release(everything); err != nil {
					return err
				}
				if err := send(chunk); err != nil {
					return err
				}
				continue
			}
			now := time.Now()
			for _, m := range chunk.Messages {
				at := m.Time
				if at.IsZero() || at.After(now) {
					at = now // a clock that is ahead holds nothing up
				}
				n++
				heap.Push(&held, entry{m, at, n})
			}
			chunk.Recycle()
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		now := time.Now()
		if err := release(func() bool { return len(held) > s.Messages || !held[0].at.Add(s.Hold).After(now) }); err != nil {
			return err
		}
		if len(held) > 0 {
			timer.Reset(time.Until(held[0].at.Add(s.Hold)))
		}
	}
}

// entry is a message that waits.
type entry struct {
	engine.Message
	at time.Time
	n  uint64 // in which order it came: a heap alone does not keep that
}

// waiting is a heap whose first entry is the oldest.
type waiting []entry

func (w waiting) Len() int { return len(w) }
func (w waiting) Less(i, j int) bool {
	return w[i].at.Before(w[j].at) || w[i].at.Equal(w[j].at) && w[i].n < w[j].n
}
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *waiting) Push(x any)   { *w = append(*w, x.(entry)) }
func (w *waiting) Pop() any {
	last := len(*w) - 1
	e := (*w)[last]
	(*w)[last] = entry{} // its body is not held any longer
	*w = (*w)[:last]
	return e
}
