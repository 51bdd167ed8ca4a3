package acks

import "time"

// Hold keeps the acks back until Release, and for atMost at most. What is settled meanwhile counts as settled all the same.
//
// As long as nothing is acked, the broker sends no more than the prefetch allows: once that has come, nothing is on its way.
func (a *Acker) Hold(atMost time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held != nil || a.void || a.ended != nil {
		return
	}
	a.held = time.AfterFunc(atMost, a.Release)
}

// Release sends what was held back. It is safe to call when nothing is.
func (a *Acker) Release() {
	if err := a.release(); err != nil {
		a.fail(err) // without the lock: who is told asks the acker in turn
	}
}

func (a *Acker) release() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil {
		return nil
	}
	a.free()
	return a.flush()
}

// free ends the holding back. It is called with the lock held.
func (a *Acker) free() {
	if a.held != nil {
		a.held.Stop()
		a.held = nil
	}
}
