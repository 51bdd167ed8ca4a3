package deliver

import (
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Reject hands messages to a dead-letter goroutine: one send a chunk. The channel is short, so a dead letter that
// is slow slows the pipeline. It returns false when that could not be done; the messages then stay unsettled.
func Reject(r *life.Life, to *Burier, dead *engine.Batch, step string) bool {
	if to == nil {
		r.Fail(fmt.Errorf("%s rejected a message, and the pipeline has no dead_letter: %w", step, dead.Reasons[0]))
		return false
	}
	now := time.Now()
	for i, why := range dead.Reasons {
		dead.Reasons[i] = fault.RejectedFor(why, now)
	}
	event := engine.Event{Kind: engine.Rejected, Plugin: step, Messages: len(dead.Messages), Bytes: dead.Bytes(), Err: dead.Reasons[0]}
	if !r.Send(to.Dead, dead) {
		return false
	}
	r.Observe(event)
	return true
}

// DeadLetterFails reports whether it is in vain to wait for the dead letter.
func (br *Branch) DeadLetterFails() bool { return br.Burier == nil || br.Burier.Attempt.Health.fails() }

// How many dead letters go into one write, and how many may be stuck before no more are taken in.
const (
	deadLetterBatch = 1000
	deadLetterStuck = 1000
)

// stuckGap is the gap between two tries of stuck dead letters while none is stored. It is short: often each is stuck for a reason of its
// own, such as a queue that is missing, and one that could go must not wait for the others.
const stuckGap = 100 * time.Millisecond

// Burier is the dead-letter goroutine. What the dead letter does not take is kept and tried again for ever: there is no place after it.
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
type Burier struct {
	r       *life.Life
	Attempt *Attempt
	Dead    chan *engine.Batch // to it
	Purges  chan struct{}      // tells it that a connection died

	in    <-chan *engine.Batch // dead; nil once it is closed
	came  *engine.Batch        // received, and not written yet
	stuck tries.Later[*engine.Batch]
	held  int           // messages in stuck
	turn  bool          // a new one was written last
	said  bool          // that some are stuck
	wait  tries.Backoff // of new ones, while it fails
	after time.Time     // likewise: none is written before

	alarms tries.Alarms
}

// NewBurier makes the dead-letter goroutine of the pipeline or of a branch, to be started later.
func NewBurier(r *life.Life, step *engine.OutputStep) *Burier {
	d := &Burier{r: r, Dead: make(chan *engine.Batch, 1), Purges: make(chan struct{}, 1), wait: tries.HeldBackoff(), stuck: tries.NewLater[*engine.Batch](tries.HeldBackoff(), tries.Backoff{First: stuckGap, Most: stuckGap})}
	d.Attempt = &Attempt{r: r, Role: engine.RoleDeadLetter, Name: step.Name, Next: step.Output}
	d.in = d.Dead
	return d
}

// Run takes dead letters until its channel is closed and all of them are stored, or until the hard end.
func (d *Burier) Run() {
	d.alarms.Ends = d.r.Ends
	for d.r.Hard.Err() == nil && !d.ended() {
		if !d.oneNew(d.turn) && !d.oneStuck() && !d.oneNew(false) && !d.ended() {
			d.sleep()
		}
	}
}

// ended reports whether nothing is left, and nothing can come.
func (d *Burier) ended() bool { return d.in == nil && d.came == nil && len(d.stuck.Waiting) == 0 }

// oneNew writes what came last, if something did and it may be written now; not when it is the turn of the stuck ones.
func (d *Burier) oneNew(notNow bool) bool {
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
	mark := d.Attempt.Evidence.Mark()
	if guilty, err := d.write(b, mark); err != nil {
		if !d.cut(b, err, mark) {
			d.stuck.Add(b, mark, guilty)
		}
		if !guilty {
			d.after = time.Now().Add(d.wait.Delay())
		}
	}
	return true
}

// oneStuck writes the stuck batch that is due, if one is.
func (d *Burier) oneStuck() bool {
	d.turn = false
	w := d.stuck.Pop()
	if w == nil {
		return false
	}
	d.held -= len(w.Item.Messages)
	settle.StateOf(w.Item).Guilty = w.Guilty
	guilty, err := d.write(w.Item, w.Mark)
	if err != nil && !d.cut(w.Item, err, w.Mark) {
		d.stuck.Back(w, guilty)
	}
	d.sayStuck(err, w.Guilty)
	return true
}

// cut takes a batch apart that is too large as a whole.
func (d *Burier) cut(b *engine.Batch, err error, mark uint64) bool {
	if !cuts(b, err) {
		return false
	}
	first, second := halves(b)
	d.stuck.Add(first, mark, true)
	d.stuck.Add(second, mark, true)
	return true
}

// takesNew reports whether there is room for more stuck ones.
func (d *Burier) takesNew() bool { return d.held < deadLetterStuck }

// write is one try. After an error it counts what is left as stuck.
func (d *Burier) write(b *engine.Batch, mark uint64) (guilty bool, err error) {
	before := d.Attempt.Evidence.Mark()
	err = d.Attempt.Write(d.r.Hard, b)
	if err == nil {
		settle.Release(b.Messages)
	}
	if err == nil || d.Attempt.Evidence.Mark() > before {
		d.after = time.Time{}
		d.wait.Reset()
		d.stuck.Well()
	}
	if err != nil {
		d.held += len(b.Messages)
	}
	return d.Attempt.Evidence.Against(err, mark), err
}

// sleep waits until something can be written, or came, or is void.
func (d *Burier) sleep() {
	at, some := d.stuck.Next()
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
	case <-d.alarms.Next():
		d.alarms.Heard++
		d.after = time.Time{}
		d.stuck.All()
	case <-d.Purges:
		d.purge()
	case <-d.r.Hard.Done():
	}
}

// purge lets the messages go whose connection died: their input is not opened again before that.
func (d *Burier) purge() {
	if d.came != nil {
		if d.Attempt.discard(d.came); len(d.came.Messages) == 0 {
			d.came = nil
		}
	}
	d.held = 0
	d.stuck.Keep(func(b *engine.Batch) bool {
		d.Attempt.discard(b)
		d.held += len(b.Messages)
		return len(b.Messages) > 0
	})
	d.sayStuck(nil, false)
}

// poll takes what is in the channel, and does not wait.
func (d *Burier) poll() *engine.Batch {
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
func (d *Burier) seal(b *engine.Batch) {
	for len(b.Messages) < deadLetterBatch {
		more := d.poll()
		if more == nil {
			break
		}
		b.Messages = append(b.Messages, more.Messages...)
		b.Reasons = append(b.Reasons, more.Reasons...)
	}
	b.ID, b.Partition, b.Time = d.r.NewID(), "", b.Messages[0].Time.UTC()
}
