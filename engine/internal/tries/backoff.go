package tries

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
)

// Backoff is a waiting time that doubles from first to most. Half of each wait is random, so that many instances
// that lost the same server do not come back in step.
type Backoff struct {
	First, Most time.Duration
	next        time.Duration
}

// Delay returns the next time to wait.
func (b *Backoff) Delay() time.Duration {
	if b.next == 0 {
		b.next = b.First
	}
	d := b.next/2 + rand.N(b.next/2+1)
	b.next = min(2*b.next, b.Most)
	return d
}

// Wait sleeps for the next time. It returns early, with the cause, when ctx ends.
func (b *Backoff) Wait(ctx context.Context) error {
	return sleep.For(ctx, b.Delay())
}

// Rest is wait, but for work that a drain must not find asleep: when stop or soft ends meanwhile, it comes back at once and
// the waiting begins with the shortest again.
func (b *Backoff) Rest(e Ends) error {
	timer := time.NewTimer(b.Delay())
	defer timer.Stop()
	early := e.Stop.Done()
	switch {
	case e.Soft.Err() != nil:
		early = nil
	case e.Stop.Err() != nil:
		early = e.Soft.Done()
	}
	select {
	case <-timer.C:
	case <-early:
		b.Reset()
	case <-e.Hard.Done():
	}
	if e.Hard.Err() != nil {
		return context.Cause(e.Hard)
	}
	return nil
}

// Reset makes the next wait the shortest again.
func (b *Backoff) Reset() { b.next = 0 }

// Ends are the three contexts that a drain is made of.
type Ends struct{ Stop, Soft, Hard context.Context }

// Alarms are the moments of a drain at which no work may be found asleep, because it has its last chance: stop, and then soft.
type Alarms struct {
	Ends
	Heard int
}

// Next is closed at the next of them.
func (a *Alarms) Next() <-chan struct{} {
	switch a.Heard {
	case 0:
		return a.Stop.Done()
	case 1:
		return a.Soft.Done()
	}
	return nil
}

const heldBackoffMost = 10 * time.Second

// OpenBackoff is between two tries to open an input. As with the others, a source or a store that is down is asked a few times a minute
// for as long as it takes.
func OpenBackoff() Backoff { return Backoff{First: 500 * time.Millisecond, Most: 15 * time.Second} }

// HeldBackoff is between two tries of what is held.
func HeldBackoff() Backoff { return Backoff{First: 250 * time.Millisecond, Most: heldBackoffMost} }

// RecoverBackoff is between two tries to bring something home from a fallback that ended in an outage.
func RecoverBackoff() Backoff { return Backoff{First: time.Second, Most: 30 * time.Second} }

// How long a pipeline must have run, or a connection lived, before its next failure counts as the first again.
const SteadyAfter = time.Minute

// ClosedBackoff is how long an input stays closed at most: a net for the case that no probe can be written although other messages could.
// An outage that is longer costs another delivery, so it is longer than outages are.
func ClosedBackoff() Backoff { return Backoff{First: 48 * time.Hour, Most: 48 * time.Hour} }
