package engine

import (
	"context"
	"sync"
	"time"
)

// health remembers whether an output works, so that the log has one line when that changes and none per attempt.
type health struct {
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
func (h *health) fails() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failing
}

// state reports whether the last write failed, and since when writes do.
func (h *health) state() (failing bool, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing {
		since = h.since
	}
	return h.failing, since
}

// note takes the result of a write. One that stored something is no outage, whatever became of the rest.
func (h *health) note(a *attempt, ctx context.Context, err error, stored bool) {
	if err != nil && (stored || ctx.Err() != nil || IsPermanent(err) || IsTooLarge(err)) {
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
	a.r.observe(Event{Kind: Outage, Plugin: a.name, Err: err, Took: took})
	if h.flips <= flapMost {
		h.say(a, err)
	}
	if !h.failing && a.role == RoleOutput {
		poke(a.br.isWell)
	}
}

// say writes the line.
func (h *health) say(a *attempt, err error) {
	if h.failing {
		text := " fails; nothing is lost, it is tried again"
		if h.flips == flapMost-1 {
			text = " fails again and again; nothing is lost, it is tried again. This is not said any more until it is steady"
		}
		a.r.log.Warn(string(a.role)+text, "plugin", a.name, "error", err)
		return
	}
	a.r.log.Info(string(a.role)+" is well again", "plugin", a.name, "after", time.Since(h.since).Round(time.Millisecond))
}
