package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// reject hands messages to a dead-letter goroutine: one send a chunk. The channel is short, so a dead letter that
// is slow slows the pipeline. It returns false when that could not be done; the messages then stay unsettled.
func (r *run) reject(to *burier, dead *Batch, step string) bool {
	if to == nil {
		r.fail(fmt.Errorf("%s rejected a message, and the pipeline has no dead_letter: %w", step, dead.Reasons[0]))
		return false
	}
	now := time.Now()
	for i, why := range dead.Reasons {
		dead.Reasons[i] = &reason{why, now}
	}
	event := Event{Kind: Rejected, Plugin: step, Messages: len(dead.Messages), Bytes: dead.Bytes(), Err: dead.Reasons[0]}
	if !r.send(to.dead, dead) {
		return false
	}
	r.observe(event)
	return true
}

// reason is why a message is a dead letter, and since when.
type reason struct {
	error
	at time.Time
}

func (e *reason) Unwrap() error { return e.error }

// RejectedAt tells when a message was rejected for this reason, one of Batch.Reasons. It stays the same however often the dead letter
// is tried; it is zero for an error that the engine did not make a reason.
func RejectedAt(why error) time.Time {
	if r, ok := errors.AsType[*reason](why); ok {
		return r.at
	}
	return time.Time{}
}

// deadLetterFails reports whether it is in vain to wait for the dead letter.
func (br *branch) deadLetterFails() bool { return br.burier == nil || br.burier.attempt.health.fails() }

// How many dead letters go into one write, and how many may be stuck before no more are taken in.
const (
	deadLetterBatch = 1000
	deadLetterStuck = 1000
)

// burier is the dead-letter goroutine. What the dead letter does not take is kept and tried again for ever: there is no place after it.
type burier struct {
	r       *run
	attempt *attempt
	dead    chan *Batch   // to it
	purges  chan struct{} // tells it that a connection died

	in     <-chan *Batch // dead; nil once it is closed
	stuck  []*Batch      // failed at least once, the longest ago first
	held   int           // messages in stuck
	round  int           // how many of the stuck ones are to be tried now
	outage bool          // the last new batch failed whole, so the dead letter is probably down
	wait   backoff
	again  *time.Timer // when to try the stuck ones
	late   bool        // the drain was noticed
}

// newBurier makes the dead-letter goroutine of the pipeline or of a branch, to be started later; nil without a dead letter.
func (r *run) newBurier(step *OutputStep) *burier {
	if step == nil {
		return nil
	}
	d := &burier{r: r, dead: make(chan *Batch, 1), purges: make(chan struct{}, 1), wait: heldBackoff()}
	d.attempt = &attempt{r: r, role: RoleDeadLetter, name: step.Name, next: step.Output}
	d.in = d.dead
	r.buriers = append(r.buriers, d)
	return d
}

// run takes dead letters until its channel is closed and all of them are stored, or until the hard end.
func (d *burier) run() {
	d.again = time.NewTimer(0)
	defer d.again.Stop()
	for {
		b, fresh := d.next()
		if b == nil {
			return
		}
		d.write(b, fresh)
	}
}

// next says what to write: new dead letters before stuck ones, and nothing new in an outage until the back-off is over. A nil batch is the end.
func (d *burier) next() (b *Batch, fresh bool) {
	for d.in != nil || len(d.stuck) > 0 {
		if d.round > 0 || d.outage && d.rested() {
			if b := d.poll(); b != nil {
				return b, true
			}
			if b := d.pop(); b != nil {
				return b, false
			}
			d.outage = false // what was stuck is void
			continue
		}
		if d.r.hard.Err() != nil {
			return nil, false
		}
		in, again, stop := d.in, d.again.C, d.r.stop.Done()
		if d.held >= deadLetterStuck {
			in = nil
		}
		if len(d.stuck) == 0 {
			again = nil
		}
		if d.late {
			stop = nil
		}
		select {
		case b, ok := <-in:
			if !ok {
				d.in = nil
				continue
			}
			return d.merge(b), true
		case <-again:
			d.round = len(d.stuck)
		case <-stop: // a drain must not find them waiting
			d.late, d.round = true, len(d.stuck)
		case <-d.purges:
			d.purge()
		case <-d.r.hard.Done():
			return nil, false
		}
	}
	return nil, false
}

// rested waits in an outage. It returns false at the hard end.
func (d *burier) rested() bool { return d.wait.rest(d.r.ends, d.purges, d.purge) == nil }

// purge lets the stuck messages go whose connection died: their input is not opened again before that.
func (d *burier) purge() {
	kept := d.stuck[:0]
	d.held = 0
	for _, b := range d.stuck {
		if d.attempt.discard(b); len(b.Messages) > 0 {
			kept = append(kept, b)
			d.held += len(b.Messages)
		}
	}
	clear(d.stuck[len(kept):])
	d.stuck = kept
	d.round = min(d.round, len(kept))
}

// poll takes new dead letters only if some are there, and only while there is room for more stuck ones.
func (d *burier) poll() *Batch {
	if d.held >= deadLetterStuck || d.in == nil {
		return nil
	}
	select {
	case b, ok := <-d.in:
		if !ok {
			d.in = nil
			return nil
		}
		return d.merge(b)
	default:
		return nil
	}
}

// merge adds what else is waiting, so that many small chunks of rejects become one write, and seals the batch.
func (d *burier) merge(b *Batch) *Batch {
	for len(b.Messages) < deadLetterBatch {
		select {
		case more, ok := <-d.in:
			if ok {
				b.Messages = append(b.Messages, more.Messages...)
				b.Reasons = append(b.Reasons, more.Reasons...)
				continue
			}
			d.in = nil
		default:
		}
		break
	}
	b.ID, b.Partition, b.Time = d.r.newID(), "", b.Messages[0].Time.UTC()
	return b
}

func (d *burier) pop() *Batch {
	if len(d.stuck) == 0 {
		d.round = 0
		return nil
	}
	b := d.stuck[0]
	d.stuck = append(d.stuck[:0], d.stuck[1:]...)
	d.held -= len(b.Messages)
	d.round = max(0, d.round-1)
	return b
}

// write is one try. What is left of the batch afterwards is stuck: it is tried again later, in a round with the others, and does not
// keep new ones from going through.
func (d *burier) write(b *Batch, fresh bool) {
	before := len(b.Messages)
	err := d.attempt.Write(d.r.hard, b)
	if err == nil {
		release(b.Messages)
		if d.outage {
			d.outage, d.round = false, len(d.stuck)
		}
		d.wait.reset()
		return
	}
	d.outage = len(b.Messages) == before && !IsPermanent(err) && (fresh || d.outage)
	if d.outage {
		d.round = 0
	}
	d.stuck = append(d.stuck, b)
	d.held += len(b.Messages)
	d.again.Reset(heldBackoffMost/2 + rand.N(heldBackoffMost/2))
}
