package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/signal"
)

// Health remembers whether an output works, so that the log has one line when that changes and none per attempt.
type Health struct {
	mu      sync.Mutex
	failing bool
	since   time.Time // when that began
	flips   int       // changes that followed each other within a minute
	flipped time.Time // the last one
}

// After so many changes, each within flapWithin of the one before, the log is quiet until the output stays as it is for that long.
const (
	flapMost   = 4
	flapWithin = time.Minute
)

// fails reports whether the last write failed.
func (h *Health) fails() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failing
}

// State reports whether the last write failed, and since when writes do.
func (h *Health) State() (failing bool, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing {
		since = h.since
	}
	return h.failing, since
}

// note takes the result of a write. One that stored something is no outage, whatever became of the rest.
func (h *Health) note(a *Attempt, ctx context.Context, err error, stored bool) {
	if err != nil && (stored || ctx.Err() != nil || engine.IsPermanent(err) || engine.IsTooLarge(err)) {
		return // it is about the messages, or we ended it ourselves: neither says how the output is
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing == (err != nil) {
		if h.flips > flapMost && time.Since(h.flipped) > flapWithin {
			h.flips = 0
			h.say(a, err)
		}
		return
	}
	now := time.Now()
	if now.Sub(h.flipped) > flapWithin {
		h.flips = 0
	}
	h.flips++
	h.failing, h.flipped = err != nil, now
	took := time.Duration(0)
	if h.failing {
		h.since = now
	} else {
		took = now.Sub(h.since)
	}
	a.r.Observe(engine.Event{Kind: engine.Outage, Plugin: a.Name, Err: err, Took: took})
	if h.flips <= flapMost {
		h.say(a, err)
	}
	if !h.failing && a.Role == engine.RoleOutput {
		signal.Poke(a.br.IsWell)
	}
}

// say writes the line.
func (h *Health) say(a *Attempt, err error) {
	if h.failing {
		text := " fails; nothing is lost, it is tried again"
		if h.flips == flapMost-1 {
			text = " fails again and again; nothing is lost, it is tried again. This is not said any more until it is steady"
		}
		a.r.Log.Warn(string(a.Role)+text, "plugin", a.Name, "error", err)
		return
	}
	a.r.Log.Info(string(a.Role)+" is well again", "plugin", a.Name, "after", time.Since(h.since).Round(time.Millisecond))
}
