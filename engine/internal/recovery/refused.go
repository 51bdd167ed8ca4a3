package recovery

import (
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Refusals are the batches in a fallback that did not come home when they were tried. Each waits there with a back-off of its own, and
// others pass. They are told apart by their names, of which it has as many as there are such batches; the batches are on the disk.
type Refusals struct {
	mu  sync.Mutex
	all map[string]*refusal
}

// refusal is one of them.
type refusal struct {
	mark   uint64 // of the evidence, before it was tried for the first time
	guilty bool   // others were stored since then; else it may be an outage, and it is due whenever something is tried
	wait   tries.Backoff
	due    time.Time
	of     engine.Capacity
	pass   int // the last one that met it
}

func refusedBackoff() tries.Backoff {
	return tries.Backoff{First: 10 * time.Second, Most: 10 * time.Minute}
}

// meet returns what is known of a batch that was read, nil if nothing is, and whether it may be tried now.
func (r *Refusals) meet(id string, pass int) (known *refusal, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known = r.all[id]
	if known == nil {
		return nil, true
	}
	known.pass = pass
	return known, !known.guilty || time.Until(known.due) <= 0
}

// failed notes a batch that failed. first says that there was none before which the output refuses while it takes others.
func (r *Refusals) failed(id string, of engine.Capacity, mark uint64, guilty bool, pass int) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.all[id]
	if known == nil {
		known = &refusal{mark: mark, wait: refusedBackoff()}
		r.all[id] = known
	}
	first = guilty
	for _, other := range r.all {
		first = first && !other.guilty
	}
	known.guilty, known.pass, known.of = guilty, pass, of
	if guilty {
		known.due = time.Now().Add(known.wait.Delay())
	}
	return first
}

// forget is for a batch that was written. It reports whether it was the last that was refused.
func (r *Refusals) forget(id string) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.all[id]
	delete(r.all, id)
	if known == nil || !known.guilty {
		return false
	}
	for _, other := range r.all {
		if other.guilty {
			return false
		}
	}
	return true
}

// missed forgets those that a whole pass has not met: somebody else brought them home, or took them away.
func (r *Refusals) missed(pass int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, one := range r.all {
		if one.pass != pass {
			delete(r.all, id)
		}
	}
}

// hurry makes all of them due.
func (r *Refusals) hurry() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		one.due = time.Time{}
	}
}

// next is how long it takes until one is due.
func (r *Refusals) next() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	least := refusedBackoff().Most
	for _, one := range r.all {
		if !one.guilty {
			return 0
		}
		least = min(least, time.Until(one.due))
	}
	return max(0, least)
}

// Holds is what is refused while others are taken.
func (r *Refusals) Holds() (c engine.Capacity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		if one.guilty {
			c.Messages += one.of.Messages
			c.Bytes += one.of.Bytes
		}
	}
	return c
}
