package acks

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Acker sends the acks of one channel. What is settled from the front without a gap is acked in one, at once. What is settled behind a chunk that
// stands must wait, or be acked one delivery at a time, and that is dear: the broker keeps what is unacked in a list, and walks it from the front
// to each single delivery. So single acks have a budget, counted in what the broker has to do for them.
//
// It cannot stand still for good, whatever stands:
//   - A chunk at the front that is settled is acked at once, with all that is settled behind it.
//   - As long as the front is not settled and the prefetch is not used up, messages come; nothing needs to be done. (Single acks go
//     out nevertheless after standstill, few enough to cost the broker nothing: so what is stored seldom comes twice.)
//   - When the prefetch is nearly used up, short tells, and the engine has everything written that holds the chunks at the front. Then
//     the front gets settled as fast as the output can write: the first case.
//   - If it does not get settled within patience, it is in a batch that takes long or can be written nowhere. Then single acks go out at a
//     rate that is bounded and never 0, front to back: each gives the place of one delivery back to the broker, which sends
//     another message. They end when there is nothing left that is settled and unacked: then all of the prefetch is unsettled, which means that the engine
//     holds it, and knows better than we do what it waits for.
//   - While anything settled waits, one timer runs; each tick either ends that or sets the next. An ack that cannot be sent ends the
//     connection, which brings everything again.
type Acker struct {
	send  func(tag uint64, multiple bool) error // to the broker
	fail  func(error)                           // told when the timer could not send
	short func()                                // told when the prefetch is nearly used up; may be nil

	mu       sync.Mutex
	ledger   ledger
	most     int         // the prefetch
	lot      int         // settled deliveries that may wait behind a standing chunk before the prefetch counts as used up
	timer    *time.Timer // runs while something waits behind a standing chunk
	standing uint64      // the chunk that stands
	stood    time.Time   // since when something waits behind it
	blamed   uint64      // the chunk that stood when the prefetch was last found used up
	since    time.Time   // when that was found of this chunk at first
	spent    float64     // what single acks have cost beyond their rate; below 0 it is what they may cost now
	counted  time.Time   // when that was
	void     bool        // nobody wants the acks any more: see abandon
	held     *time.Timer // ends the holding back: see Hold; nil when nothing is held back
	ended    error       // why nothing is sent any more
}

const (
	// standstill is how long settled deliveries wait behind a chunk that is not, while there is no need of their places. It is longer than
	// a batch is mostly open and written, so that a flow without a rare partition has no single acks at all.
	standstill = 10 * time.Second
	// patience is how long the engine has for settling the front after the prefetch was found used up. A write takes less, mostly. If it were
	// shorter, single acks would go out in each of these rounds for nothing; if it were much longer, a batch that can be written nowhere would
	// stop the flow for so long, once.
	patience = 2 * time.Second
	// tick is how often single acks go out.
	tick = 250 * time.Millisecond

	// What a single ack costs the broker is counted in deliveries walked over: one for each unacked one before it, and singleCost for the
	// packet itself: a step is taken for some 20 ns of the broker's CPU, and a packet for 20 µs. If they cost more, the shares below are more.
	singleCost = 1000
	// Steps a second. needless is for a front that stands while there are places: below 1 % of a core. needed is for one that
	// stands although everything was tried: below a tenth of a core; with some hundred deliveries standing that is 3,000 messages a second, and with
	// a list of 65,535 it is still 60.
	needless = 250_000
	needed   = 4_000_000
	// reserve is the part of the prefetch at which it counts as nearly used up when settled deliveries wait. So messages come on
	// while what stands is written. Without any that wait, nothing but the open batches uses it up, and they may have all of it.
	reserve = 8
)

// New makes the acker of a channel. send is told what the broker shall get, with the lock of the acker held; fail, when the timer could not
// send; short, when the prefetch is nearly used up. short may be nil.
func New(send func(tag uint64, multiple bool) error, fail func(error), short func()) *Acker {
	return &Acker{send: send, fail: fail, short: short, most: 1, lot: math.MaxInt, counted: time.Now()}
}

// Prefetch says how many deliveries may be unacked of those from first on: earlier ones are of a subscription that was.
func (a *Acker) Prefetch(n int, first uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most = max(1, n)
	a.ledger.begin(first)
}

// Acked is how many deliveries of the present subscription are acked. It never waits: who reads the connection asks, and an ack may be stuck in writing.
func (a *Acker) Acked() int { return int(a.ledger.acked.Load()) }

// Add takes in a chunk that was read.
func (a *Acker) Add(first, last uint64, bytes int64) (number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	number = a.ledger.add(first, last, bytes)
	a.look()
	return number
}

// Settle notes that chunks are settled, acks what can be acked and returns what the chunks held.
func (a *Acker) Settle(numbers []uint64) (messages, bytes int64, err error) {
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
func (a *Acker) flush() error {
	if a.held != nil {
		return nil
	}
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
	if a.ledger.waiting == 0 {
		a.stop()
		return nil
	}
	if a.timer == nil || a.standing != a.ledger.standing() {
		a.standing, a.stood = a.ledger.standing(), time.Now()
	}
	if a.timer == nil {
		a.timer = time.AfterFunc(tick, a.tick)
	}
	a.look()
	return nil
}

// Spare makes the prefetch count as used up already when so many settled deliveries wait: what they cost the broker is more than what
// larger batches are worth.
func (a *Acker) Spare(lot int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lot = lot
}

// used reports whether the prefetch is nearly used up by what was read and is not acked. What was delivered and is not read yet does not
// count: as long as there is some, it is not the source that we wait for.
func (a *Acker) used() bool {
	if a.held != nil {
		return false // it is to be used up, and not for long
	}
	left := a.most - a.ledger.unacked
	return left <= 0 || a.ledger.waiting > 0 && (left <= a.most/reserve || a.ledger.waiting >= a.lot)
}

// look notes that the prefetch is used up, and says so.
func (a *Acker) look() {
	if a.void || a.ended != nil || a.ledger.empty() || !a.used() {
		return
	}
	if front := a.ledger.standing(); a.since.IsZero() || a.blamed != front {
		a.blamed, a.since = front, time.Now()
	}
	if a.short != nil {
		a.short()
	}
}

// Awaited appends the numbers of the chunks that keep the prefetch used up, that at the front first; none when it is not. It is the oldest
// eighth of what it allows, and an eighth more for each second that the front stands: what stands may be in a batch that cannot be written,
// and then it is the next ones that help.
func (a *Acker) Awaited(numbers []uint64) []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.void || a.ended != nil || a.ledger.empty() || !a.used() {
		return numbers
	}
	a.look()
	parts := 1 + uint64(time.Since(a.since)/time.Second)
	return a.ledger.unsettled(numbers, parts*uint64(max(1, a.most/reserve)))
}

// Unsettled appends the numbers of all chunks that are not settled.
func (a *Acker) Unsettled(numbers []uint64) []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ledger.unsettled(numbers, math.MaxInt64)
}

// tick is the timer's.
func (a *Acker) tick() {
	if err := a.ticked(); err != nil {
		a.fail(err) // without the lock: who is told asks the acker in turn
	}
}

func (a *Acker) ticked() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended != nil || a.void || a.timer == nil {
		return nil
	}
	a.timer = nil
	if a.held == nil {
		if err := a.singles(); err != nil {
			return err
		}
	}
	if a.ledger.waiting > 0 {
		a.timer = time.AfterFunc(tick, a.tick)
	}
	return nil
}

// singles acks one by one, as far as the budget goes. It may run into debt by one ack, so that one that costs more than a tick's budget is sent too.
func (a *Acker) singles() error {
	now, rate := time.Now(), 0.0
	switch {
	case a.used() && a.blamed == a.ledger.standing() && now.Sub(a.since) >= patience:
		rate = needed
	case now.Sub(a.stood) >= standstill:
		rate = needless
	}
	elapsed := min(now.Sub(a.counted), tick)
	a.counted = now
	a.spent = max(a.spent-rate*elapsed.Seconds(), -rate*tick.Seconds())
	if rate == 0 {
		return nil
	}
	err := a.ledger.behind(func(tag uint64, before int) (more bool, err error) {
		if a.spent >= 0 {
			return false, nil
		}
		a.spent += float64(singleCost + before)
		return true, a.send(tag, false)
	})
	if err != nil {
		return a.end(err)
	}
	a.look()
	return nil
}

func (a *Acker) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// end is called with the lock held. The acks that could not be sent are the broker's to ask for again.
func (a *Acker) end(err error) error {
	a.free()
	a.stop()
	a.ended = err
	return err
}

// Abandon ends the sending: the broker does not know the deliveries any more. Chunks can still be settled. An ack that is sent nevertheless
// can do harm: where a classic queue was deleted and is there again, it takes new messages (measured, 3.10).
func (a *Acker) Abandon() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.void = true
	a.free()
	a.stop()
}

// Idle reports whether everything that was read is acked.
func (a *Acker) Idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ledger.empty()
}

// Close ends the acker. It sends nothing any more after that: what would be sent then could reach the next connection's messages.
func (a *Acker) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended == nil {
		a.end(errors.New("the input is closed"))
	}
}
