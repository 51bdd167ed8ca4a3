package amqp

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// standstill is how long settled deliveries wait behind a chunk that is not, before they are acked one by one. That costs a packet each, so
// it is not done at once; but one stuck message must not hold back what is stored, or the prefetch is used up.
const standstill = 10 * time.Second

// acker sends the acks of one channel: the settled prefix in one, and what stands behind it one by one when the prefix has
// stood still for a while or half of the prefetch waits behind it. Its timer and the engine's acks never run at the same time.
type acker struct {
	send func(tag uint64, multiple bool) error // to the broker
	fail func(error)                           // told when the timer could not send
	half int                                   // of the prefetch

	mu       sync.Mutex
	ledger   ledger
	timer    *time.Timer // runs while something waits behind a standing prefix
	standing uint64      // the chunk that the timer was started for
	void     bool        // nobody wants the acks any more: see abandon
	ended    error       // why nothing is sent any more
}

func newAcker(send func(tag uint64, multiple bool) error, fail func(error)) *acker {
	return &acker{send: send, fail: fail, half: 1}
}

// prefetch says how many deliveries may be unacked from now on.
func (a *acker) prefetch(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.half = max(1, n/2)
}

// add takes in a chunk that was read.
func (a *acker) add(first, last uint64, bytes int64) (number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ledger.add(first, last, bytes)
}

// settle notes that chunks are settled, acks what can be acked and returns what the chunks held.
func (a *acker) settle(numbers []uint64) (messages, bytes int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended != nil {
		return 0, 0, a.ended
	}
	for _, n := range numbers {
		count, size, ok := a.ledger.settle(n)
		if !ok {
			return messages, bytes, fmt.Errorf("chunk %d is not known or was settled before", n)
		}
		messages += count
		bytes += size
	}
	return messages, bytes, a.flush()
}

// flush is called with the lock held.
func (a *acker) flush() error {
	last, ok := a.ledger.prefix()
	if a.void {
		a.stop()
		return nil
	}
	if ok {
		if err := a.send(last, true); err != nil {
			return a.end(err)
		}
	}
	if a.ledger.waiting >= a.half && !a.ledger.empty() {
		return a.oneByOne()
	}
	switch {
	case a.ledger.waiting == 0:
		a.stop()
	case a.timer == nil || a.standing != a.ledger.standing():
		a.stop()
		a.standing = a.ledger.standing()
		a.timer = time.AfterFunc(standstill, a.stoodStill)
	}
	return nil
}

// stoodStill is the timer's. A timer that was stopped while it waited for the lock has nothing to do, which does no
// harm: what it would ack may be acked at any time.
func (a *acker) stoodStill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended != nil || a.void {
		return
	}
	if err := a.oneByOne(); err != nil {
		a.fail(err)
	}
}

func (a *acker) oneByOne() error {
	a.stop()
	err := a.ledger.behind(func(first, last uint64) error {
		for tag := first; tag <= last; tag++ {
			if err := a.send(tag, false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return a.end(err)
	}
	return nil
}

func (a *acker) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// end is called with the lock held. The acks that could not be sent are the broker's to ask for again.
func (a *acker) end(err error) error {
	a.stop()
	a.ended = err
	return err
}

// abandon ends the sending: the broker does not know the deliveries any more. Chunks can still be settled. An ack that is sent nevertheless
// can do harm: where a classic queue was deleted and is there again, it takes new messages (measured, 3.10).
func (a *acker) abandon() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.void = true
	a.stop()
}

// idle reports whether everything that was read is acked.
func (a *acker) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ledger.empty()
}

// close ends the acker. It sends nothing any more after that: what would be sent then could reach the next connection's messages.
func (a *acker) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended == nil {
		a.end(errors.New("the input is closed"))
	}
}
