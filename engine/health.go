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
	since   time.Time
}

// fails reports whether the last write failed.
func (h *health) fails() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failing
}

func (h *health) note(a *attempt, ctx context.Context, err error) {
	if err != nil && (ctx.Err() != nil || IsPermanent(err)) {
		return // we ended it ourselves, or it is about the messages: neither says how the output is
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil && !h.failing:
		h.failing, h.since = true, time.Now()
		a.r.log.Warn(string(a.role)+" fails; nothing is lost, it is tried again", "plugin", a.name, "error", err)
		a.r.observe(Event{Kind: Outage, Plugin: a.name, Err: err})
	case err == nil && h.failing:
		h.failing = false
		took := time.Since(h.since)
		a.r.log.Info(string(a.role)+" is well again", "plugin", a.name, "after", took.Round(time.Millisecond))
		a.r.observe(Event{Kind: Outage, Plugin: a.name, Took: took})
		if a.role == RoleOutput && a.r.recovery != nil {
			poke(a.r.recovery.well)
		}
	}
}
