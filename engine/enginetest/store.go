package enginetest

import (
	"context"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Step is what a Store does in one call of Write, in the order of the fields.
type Step struct {
	Hang    bool          // wait until the context ends, store nothing
	Slow    time.Duration // take so long
	Err     error         // store nothing and return this
	Fail    []int         // store all but these and return a WriteError with FailErr for them
	FailErr error         // of the messages of Fail and Reject
	Reject  []int         // call Batch.Reject for these with FailErr, store the others
	Lose    error         // store all, but return this: the answer is lost
	Panic   any           // panic with this before anything is stored
}

// Store is an Output in memory that does as its script says. Objects are kept by batch id, and a batch that is written again takes the
// place of the one before, as in an object store. It outlives pipelines.
type Store struct {
	// Place is how the ledger calls it, for example "output".
	Place string
	// Script says what the n-th call of Write (from 0) does; nil always stores.
	Script func(n int, b *engine.Batch) Step

	ledger *Ledger

	mu      sync.Mutex
	calls   int
	writing int
	objects map[string]*Object
	order   []string
	closed  int
}

// Object is what a Store keeps of a batch.
type Object struct {
	ID, Partition string    // of the batch
	Time          time.Time // of the batch
	SealedBy      string    // why, one of the SealedBy constants of engine
	Bodies        []string  // in order
	Reasons       []string  // of dead letters
	Writes        int       // how often it was written
}

// NewStore returns an empty store.
func NewStore(l *Ledger, place string) *Store {
	return &Store{Place: place, ledger: l, objects: map[string]*Object{}}
}

// Write implements engine.Output.
func (s *Store) Write(ctx context.Context, b *engine.Batch) error {
	s.mu.Lock()
	n := s.calls
	s.calls++
	s.writing++
	script := s.Script
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.writing--; s.mu.Unlock() }()
	var step Step
	if script != nil {
		step = script(n, b)
	}
	if step.Hang {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if step.Slow > 0 {
		select {
		case <-time.After(step.Slow):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if step.Panic != nil {
		panic(step.Panic)
	}
	if step.Err != nil {
		return step.Err
	}
	return s.store(b, step)
}

func (s *Store) store(b *engine.Batch, step Step) error {
	skip := map[int]bool{}
	var partial engine.WriteError
	for _, i := range step.Fail {
		if i < len(b.Messages) && !skip[i] {
			skip[i] = true
			partial.Failed = append(partial.Failed, engine.Failure{Index: i, Err: step.FailErr})
		}
	}
	for _, i := range step.Reject {
		if i < len(b.Messages) && !skip[i] {
			skip[i] = true
			b.Reject(i, step.FailErr)
		}
	}
	s.keep(b, skip)
	switch {
	case len(partial.Failed) > 0:
		return &partial
	default:
		return step.Lose
	}
}

func (s *Store) keep(b *engine.Batch, skip map[int]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &Object{ID: b.ID, Partition: b.Partition, Time: b.Time, SealedBy: b.SealedBy}
	for i, m := range b.Messages {
		if skip[i] {
			continue
		}
		o.Bodies = append(o.Bodies, string(m.Body))
		if b.Reasons != nil {
			o.Reasons = append(o.Reasons, b.Reasons[i].Error())
		}
		s.ledger.Settled(string(m.Body), s.Place)
	}
	if len(o.Bodies) == 0 {
		return
	}
	if old := s.objects[b.ID]; old != nil {
		o.Writes = old.Writes
		if old.Partition != o.Partition || !old.Time.Equal(o.Time) {
			s.ledger.Violation("batch %s came again with another partition or time", b.ID)
		}
	} else {
		s.order = append(s.order, b.ID)
	}
	o.Writes++
	s.objects[b.ID] = o
}

// Close implements engine.Output.
func (s *Store) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing > 0 {
		s.ledger.Violation("%s: Close beside a Write", s.Place)
	}
	s.closed++
	return nil
}

// Objects returns what is stored, in the order of its first writes.
func (s *Store) Objects() []*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var objects []*Object
	for _, id := range s.order {
		if o := s.objects[id]; o != nil {
			objects = append(objects, o)
		}
	}
	return objects
}

// Bodies returns how often each message is in the stored objects.
func (s *Store) Bodies() map[string]int {
	count := map[string]int{}
	for _, o := range s.Objects() {
		for _, body := range o.Bodies {
			count[body]++
		}
	}
	return count
}

// Calls is how often Write was called.
func (s *Store) Calls() int { s.mu.Lock(); defer s.mu.Unlock(); return s.calls }

// Writing is how many calls of Write run now.
func (s *Store) Writing() int { s.mu.Lock(); defer s.mu.Unlock(); return s.writing }

// Closed is how often Close was called.
func (s *Store) Closed() int { s.mu.Lock(); defer s.mu.Unlock(); return s.closed }
