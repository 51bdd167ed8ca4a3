package engine

import (
	"fmt"
	"time"
)

// reject hands messages to a dead-letter goroutine: one send a chunk. The channel is short, so a dead letter that
// is slow slows the pipeline. It returns false when that could not be done; the messages then stay unsettled.
func reject(r *life, to *burier, dead *Batch, step string) bool {
	if to == nil {
		r.fail(fmt.Errorf("%s rejected a message, and the pipeline has no dead_letter: %w", step, dead.Reasons[0]))
		return false
	}
	now := time.Now()
	for i, why := range dead.Reasons {
		dead.Reasons[i] = rejectedFor(why, now)
	}
	event := Event{Kind: Rejected, Plugin: step, Messages: len(dead.Messages), Bytes: dead.Bytes(), Err: dead.Reasons[0]}
	if !r.send(to.dead, dead) {
		return false
	}
	r.observe(event)
	return true
}

// deadLetterFails reports whether it is in vain to wait for the dead letter.
func (br *branch) deadLetterFails() bool { return br.burier == nil || br.burier.attempt.health.fails() }

// How many dead letters go into one write, and how many may be stuck before no more are taken in.
const (
	deadLetterBatch = 1000
	deadLetterStuck = 1000
)

// stuckGap is the gap between two tries of stuck dead letters while none is stored. It is short: often each is stuck for a reason of its
// own, such as a queue that is missing, and one that could go must not wait for the others.
const stuckGap = 100 * time.Millisecond

// burier is the dead-letter goroutine. What the dead letter does not take is kept and tried again for ever: there is no place after it.
//
//	                  new dead letters                   stuck ones
//	it works          at once, merged                    each when its own back-off is over
//	it fails          after a back-off of their own,     the same, with a gap between two tries
//	                  so that many become one write
//	too many stuck    are not taken in: what rejects     the same
//	                  them waits
//
// Where both can be written they take turns. So a stuck one waits for its back-off, for those that are due before it, and for as many
// writes of new ones; whether others fail does not matter.
type burier struct {
	r       *life
	attempt *attempt
	dead    chan *Batch   // to it
	purges  chan struct{} // tells it that a connection died

	in    <-chan *Batch // dead; nil once it is closed
	came  *Batch        // received, and not written yet
	stuck later[*Batch]
	held  int       // messages in stuck
	turn  bool      // a new one was written last
	wait  backoff   // of new ones, while it fails
	after time.Time // likewise: none is written before

	alarms alarms
}

// newBurier makes the dead-letter goroutine of the pipeline or of a branch, to be started later.
func newBurier(r *life, step *OutputStep) *burier {
	d := &burier{r: r, dead: make(chan *Batch, 1), purges: make(chan struct{}, 1), wait: heldBackoff(), stuck: newLater[*Batch](heldBackoff(), backoff{first: stuckGap, most: stuckGap})}
	d.attempt = &attempt{r: r, role: RoleDeadLetter, name: step.Name, next: step.Output}
	d.in = d.dead
	return d
}

// run takes dead letters until its channel is closed and all of them are stored, or until the hard end.
func (d *burier) run() {
	d.alarms.ends = d.r.ends
	for d.r.hard.Err() == nil && !d.ended() {
		if !d.oneNew(d.turn) && !d.oneStuck() && !d.oneNew(false) && !d.ended() {
			d.sleep()
		}
	}
}

// ended reports whether nothing is left, and nothing can come.
func (d *burier) ended() bool { return d.in == nil && d.came == nil && len(d.stuck.waiting) == 0 }

// oneNew writes what came last, if something did and it may be written now; not when it is the turn of the stuck ones.
func (d *burier) oneNew(notNow bool) bool {
	if notNow || !d.takesNew() || time.Until(d.after) > 0 {
		return false
	}
	b := d.came
	if d.came = nil; b == nil {
		if b = d.poll(); b == nil {
			return false
		}
	}
	d.turn = true
	d.seal(b)
	mark := d.attempt.evidence.mark()
	if guilty, err := d.write(b, mark); err != nil {
		if !d.cut(b, err, mark) {
			d.stuck.add(b, mark, guilty)
		}
		if !guilty {
			d.after = time.Now().Add(d.wait.delay())
		}
	}
	return true
}

// oneStuck writes the stuck batch that is due, if one is.
func (d *burier) oneStuck() bool {
	d.turn = false
	w := d.stuck.pop()
	if w == nil {
		return false
	}
	d.held -= len(w.item.Messages)
	stateOf(w.item).guilty = w.guilty
	if guilty, err := d.write(w.item, w.mark); err != nil && !d.cut(w.item, err, w.mark) {
		d.stuck.back(w, guilty)
	}
	return true
}

// cut takes a batch apart that is too large as a whole.
func (d *burier) cut(b *Batch, err error, mark uint64) bool {
	if !cuts(b, err) {
		return false
	}
	first, second := halves(b)
	d.stuck.add(first, mark, true)
	d.stuck.add(second, mark, true)
	return true
}

// takesNew reports whether there is room for more stuck ones.
func (d *burier) takesNew() bool { return d.held < deadLetterStuck }

// write is one try. After an error it counts what is left as stuck.
func (d *burier) write(b *Batch, mark uint64) (guilty bool, err error) {
	before := d.attempt.evidence.mark()
	err = d.attempt.Write(d.r.hard, b)
	if err == nil {
		release(b.Messages)
	}
	if err == nil || d.attempt.evidence.mark() > before {
		d.after = time.Time{}
		d.wait.reset()
		d.stuck.well()
	}
	if err != nil {
		d.held += len(b.Messages)
	}
	return d.attempt.evidence.against(err, mark), err
}

// sleep waits until something can be written, or came, or is void.
func (d *burier) sleep() {
	at, some := d.stuck.next()
	if waits := d.came != nil && d.takesNew(); waits && (!some || d.after.Before(at)) {
		at, some = d.after, true
	}
	var due <-chan time.Time
	if some {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	in := d.in
	if d.came != nil || !d.takesNew() {
		in = nil
	}
	select {
	case b, ok := <-in:
		if d.came = b; !ok {
			d.in = nil
		}
	case <-due:
	case <-d.alarms.next():
		d.alarms.heard++
		d.after = time.Time{}
		d.stuck.all()
	case <-d.purges:
		d.purge()
	case <-d.r.hard.Done():
	}
}

// purge lets the messages go whose connection died: their input is not opened again before that.
func (d *burier) purge() {
	if d.came != nil {
		if d.attempt.discard(d.came); len(d.came.Messages) == 0 {
			d.came = nil
		}
	}
	d.held = 0
	d.stuck.keep(func(b *Batch) bool {
		d.attempt.discard(b)
		d.held += len(b.Messages)
		return len(b.Messages) > 0
	})
}

// poll takes what is in the channel, and does not wait.
func (d *burier) poll() *Batch {
	select {
	case b, ok := <-d.in:
		if !ok {
			d.in = nil
		}
		return b
	default:
		return nil
	}
}

// seal adds what else is waiting to a new batch, so that many small chunks of rejects become one write, and gives it its name.
func (d *burier) seal(b *Batch) {
	for len(b.Messages) < deadLetterBatch {
		more := d.poll()
		if more == nil {
			break
		}
		b.Messages = append(b.Messages, more.Messages...)
		b.Reasons = append(b.Reasons, more.Reasons...)
	}
	b.ID, b.Partition, b.Time = d.r.newID(), "", b.Messages[0].Time.UTC()
}
