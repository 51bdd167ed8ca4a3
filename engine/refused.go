package engine

import (
	"sync"
	"time"
)

// refusals are the batches in a fallback that did not come home when they were tried. Each waits there with a back-off of its own, and
// others pass. They are told apart by their names, of which it has as many as there are such batches; the batches are on the disk.
type refusals struct {
	mu  sync.Mutex
	all map[string]*refusal
}

// refusal is one of them.
type refusal struct {
	mark   uint64 // of the evidence, before it was tried for the first time
	guilty bool   // others were stored since then; else it may be an outage, and it is due whenever something is tried
	wait   backoff
	due    time.Time
	of     Capacity
	pass   int // the last one that met it
}

func refusedBackoff() backoff { return backoff{first: 10 * time.Second, most: 10 * time.Minute} }

// meet returns what is known of a batch that was read, nil if nothing is, and whether it may be tried now.
func (r *refusals) meet(id string, pass int) (known *refusal, due bool) {
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
func (r *refusals) failed(id string, of Capacity, mark uint64, guilty bool, pass int) (first bool) {
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
		known.due = time.Now().Add(known.wait.delay())
	}
	return first
}

// forget is for a batch that was written. It reports whether it was the last that was refused.
func (r *refusals) forget(id string) (last bool) {
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
func (r *refusals) missed(pass int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, one := range r.all {
		if one.pass != pass {
			delete(r.all, id)
		}
	}
}

// hurry makes all of them due.
func (r *refusals) hurry() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		one.due = time.Time{}
	}
}

// next is how long it takes until one is due.
func (r *refusals) next() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	least := refusedBackoff().most
	for _, one := range r.all {
		if !one.guilty {
			return 0
		}
		least = min(least, time.Until(one.due))
	}
	return max(0, least)
}

// holds is what is refused while others are taken.
func (r *refusals) holds() (c Capacity) {
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
