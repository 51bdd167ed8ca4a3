package retry

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// outage is what the batches of one output know together about whether it is down.
type outage struct {
	log *slog.Logger

	mu      sync.Mutex
	written int       // batches, to tell whether any was between two moments
	since   time.Time // when attempts were spent; zero while the output is not down
	last    error     // of the last attempt; while it is down
	probing bool      // a batch is on its one attempt
}

// mark is a moment to give to spent.
func (o *outage) mark() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}

// enter is asked before each attempt. While the output is down it lets one batch probe, and returns an error to the others. After
// a probe leave must be called.
func (o *outage) enter() (probe bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return false, nil
	}
	if o.probing {
		return false, fmt.Errorf("not tried: output is down for %v: %w", time.Since(o.since).Round(time.Second), o.last)
	}
	o.probing = true
	return true, nil
}

// on reports whether the output is down.
func (o *outage) on() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.since.IsZero()
}

// leave ends a probe.
func (o *outage) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.probing = false
}

// spent says that a batch that began at the mark has spent its attempts. If any other was written meanwhile the output is
// well, and it is that one batch that has a problem.
func (o *outage) spent(mark int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.written != mark || !o.since.IsZero() {
		return
	}
	o.since, o.last = time.Now(), err
	o.log.Warn("attempts are spent; until a batch is written one at a time is tried, the others fall through", "error", err)
}

// failed says that a probe did not succeed.
func (o *outage) failed(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = err
}

// over says that a batch was written.
func (o *outage) over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written++
	o.since, o.last = time.Time{}, nil // the engine logs that the output is well again
}
