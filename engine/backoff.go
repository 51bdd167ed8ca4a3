package engine

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is a waiting time that doubles from first to most. Half of each wait is random, so that many instances
// that lost the same server do not come back in step.
type backoff struct {
	first, most time.Duration
	next        time.Duration
}

// delay returns the next time to wait.
func (b *backoff) delay() time.Duration {
	if b.next == 0 {
		b.next = b.first
	}
	d := b.next/2 + rand.N(b.next/2+1)
	b.next = min(2*b.next, b.most)
	return d
}

// wait sleeps for the next time. It returns early, with the cause, when ctx ends.
func (b *backoff) wait(ctx context.Context) error {
	return sleep(ctx, b.delay())
}

// sleep waits. It returns early, with the cause, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rest is wait, but for work that a drain must not find asleep: when stop or soft ends meanwhile, it comes back at once and
// the waiting begins with the shortest again.
func (b *backoff) rest(e ends) error {
	timer := time.NewTimer(b.delay())
	defer timer.Stop()
	early := e.stop.Done()
	switch {
	case e.soft.Err() != nil:
		early = nil
	case e.stop.Err() != nil:
		early = e.soft.Done()
	}
	select {
	case <-timer.C:
	case <-early:
		b.reset()
	case <-e.hard.Done():
	}
	if e.hard.Err() != nil {
		return context.Cause(e.hard)
	}
	return nil
}

// reset makes the next wait the shortest again.
func (b *backoff) reset() { b.next = 0 }

// ends are the three contexts that a drain is made of.
type ends struct{ stop, soft, hard context.Context }

// alarms are the moments of a drain at which no work may be found asleep, because it has its last chance: stop, and then soft.
type alarms struct {
	ends
	heard int
}

// next is closed at the next of them.
func (a *alarms) next() <-chan struct{} {
	switch a.heard {
	case 0:
		return a.stop.Done()
	case 1:
		return a.soft.Done()
	}
	return nil
}

const heldBackoffMost = 10 * time.Second

// openBackoff is between two tries to open an input. As with the others, a source or a store that is down is asked a few times a minute
// for as long as it takes.
func openBackoff() backoff { return backoff{first: 500 * time.Millisecond, most: 15 * time.Second} }

// heldBackoff is between two tries of what is held.
func heldBackoff() backoff { return backoff{first: 250 * time.Millisecond, most: heldBackoffMost} }

// recoverBackoff is between two tries to bring something home from a fallback that ended in an outage.
func recoverBackoff() backoff { return backoff{first: time.Second, most: 30 * time.Second} }

// How long a pipeline must have run, or a connection lived, before its next failure counts as the first again.
const steadyAfter = time.Minute

// closedBackoff is how long an input stays closed at most: a net for the case that no probe can be written although other messages could.
// An outage that is longer costs another delivery, so it is longer than outages are.
func closedBackoff() backoff { return backoff{first: 48 * time.Hour, most: 48 * time.Hour} }
