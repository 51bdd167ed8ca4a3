package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// How long recovery waits before it asks an empty fallback again, when nothing wakes it.
const recoverEvery = 10 * time.Second

// How many messages may be in batches that came home but for their dead letters. Then recovery waits for these.
const recoverHeld = 1000

// lastDoubts is how many batches the last pass tries before it takes their failures for an outage.
const lastDoubts = 3

// deadLetterPatience is how long another try of what is refused waits for dead letters of what came home.
const deadLetterPatience = time.Hour

// recovery brings batches of the fallback home, one at a time, each under its own id and straight to the output's policies. It is
// its own probe: an idle pipeline has no other sign that the output is well. A batch leaves the fallback when all of it is
// settled, its dead letters included; others need not wait for these.
//
// No batch keeps the others from coming home. One that fails stays where it is, and the next is tried: at once when others are stored
// meanwhile, for then it is refused for its own sake and waits for a back-off of its own; after a back-off of all when nothing is, for
// then it looks like an outage. A pass reads the fallback from its beginning to its end. What failed is read again in the next.
type recovery struct {
	br    *branch
	input Input
	last  chan struct{} // closed when nothing more can fall back: go on to the end of the fallback, then return
	done  chan struct{}
	left  error // why the fallback is not home; read it after done
	news  homecoming

	refused refusals
	wait    backoff // while nothing is stored
	number  int     // of passes

	// of one pass
	epoch    *epoch
	final    bool             // it began when nothing more could fall back: what is left after it stays
	out      map[uint64]Event // what was read and not acked: tag → what to tell when it is
	homeless error            // why a batch stays where it is
	skipped  int              // how many of those there are
	stays    int64            // and how many messages are in them
	doubts   int              // how many of them failed while nothing was stored
	again    bool             // something was stored since: they are worth another pass now
	wanted   time.Time        // since when another pass is due
}

// errAgain ends a pass because the next has something to do.
var errAgain = errors.New("what failed is tried again")

// newRecovery makes what brings home to br what input gives, the recovery of its fallback.
func newRecovery(br *branch, input Input) *recovery {
	return &recovery{
		br: br, input: input, last: make(chan struct{}), done: make(chan struct{}),
		wait:    recoverBackoff(),
		refused: refusals{all: map[string]*refusal{}},
		news:    homecoming{log: br.r.log, plugin: br.spec.Fallback.Name},
	}
}

// run brings home what there is, until there will be no more or the pipeline stops.
func (c *recovery) run() {
	defer close(c.done)
	said := ""
	for {
		err := c.pass()
		switch {
		case err == nil || c.br.stop.Err() != nil:
			return
		case err == errAgain:
			continue
		case c.final:
			c.left = err
			return
		}
		if said != err.Error() {
			said = err.Error()
			c.br.r.log.Warn("fallback does not come home; trying again", "plugin", c.br.spec.Fallback.Name, "error", err)
		}
		c.pause(c.wait.delay(), nil)
	}
}

// pass opens the fallback, brings home what it holds, and waits for more. It returns nil when there will be no more.
func (c *recovery) pass() error {
	c.epoch = newEpoch(c.br.spec.Fallback.Name, newWindow(amount{}), func(*receipt) {})
	c.out, c.homeless, c.skipped, c.stays, c.doubts, c.again, c.wanted = map[uint64]Event{}, nil, 0, 0, 0, false, time.Time{}
	c.number++
	if c.final = isClosed(c.last); c.final {
		c.refused.hurry()
	}
	defer c.close()
	if err := guard(func() error { return c.input.Open(c.br.stop) }); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for c.br.stop.Err() == nil {
		if err := c.settle(); err != nil {
			return err
		}
		if c.epoch.unsettled.Load()-c.stays >= recoverHeld {
			c.await(c.br.stop)
			continue
		}
		end, err := c.step()
		if !end && err == nil {
			continue
		}
		if serr := c.settle(); serr != nil { // what is home must not come again
			return serr
		}
		return err
	}
	return c.lastDeadLetters()
}

// step reads and writes one batch. end says that the pass is over.
func (c *recovery) step() (end bool, err error) {
	b := &Batch{}
	last := isClosed(c.last) // asked before reading: what falls back later is not for this pass
	err = guard(func() error { return c.input.Read(c.br.stop, b) })
	switch {
	case err == nil && len(b.Messages) > 0:
		c.home(b)
		switch {
		case c.final && c.doubts >= lastDoubts:
			return true, c.homeless
		case isClosed(c.last) && c.doubts >= lastDoubts:
			return true, errAgain
		case c.again && c.doubts > 0:
			return c.nextPass()
		}
		return false, nil
	case err == io.EOF:
		return c.rest(last)
	case err == nil:
		err = errors.New("no message and no error")
	}
	return false, fmt.Errorf("read: %w", err)
}

// home writes one batch, or leaves it where it is.
func (c *recovery) home(b *Batch) {
	admit(c.epoch, b, time.Now())
	c.out[b.Tag] = Event{Kind: Recovered, Plugin: c.br.spec.Fallback.Name, Messages: len(b.Messages), Bytes: b.Bytes()}
	if b.ID == "" {
		b.ID = c.br.r.newID()
	}
	if b.Time.IsZero() {
		b.Time = b.Messages[0].Time.UTC()
	}
	known, due := c.refused.meet(b.ID, c.number)
	if !due || c.br.stop.Err() != nil {
		c.stay(len(b.Messages))
		return
	}
	mark := c.br.attempt.evidence.mark()
	if known != nil {
		mark, stateOf(b).guilty = known.mark, known.guilty
	}
	whole := refused{b.ID, Capacity{len(b.Messages), b.Bytes()}, mark}
	left := c.br.put(b, mark)
	switch {
	case len(left) == 0:
		release(b.Messages)
		if c.refused.forget(whole.id) {
			c.news.accepted()
		}
		c.wait.reset()
		c.again = true
	case c.br.stop.Err() != nil:
		c.stay(messagesOf(left))
	default:
		c.failed(whole, left)
	}
}

// refused names a batch that was tried.
type refused struct {
	id   string
	of   Capacity
	mark uint64 // of the evidence, before the first try
}

// failed is for what is left of a batch that was tried. When a part of it is stored, the rest becomes batches of their own in the
// fallback: else the next pass would write the good part again, and so would every pass after it.
func (c *recovery) failed(whole refused, left []piece) {
	stays := messagesOf(left)
	guilty := c.note(whole, left[0].err, stays == whole.of.Messages)
	if stays < whole.of.Messages {
		c.again = true // the output works
		for _, p := range left {
			n := len(p.b.Messages)
			if c.br.fallBack(p.b, p.err) != nil {
				continue
			}
			c.note(refused{p.b.ID, Capacity{n, p.b.Bytes()}, whole.mark}, p.err, true)
			release(p.b.Messages)
			stays -= n
		}
	}
	if stays > 0 {
		c.stay(stays)
	}
	if guilty {
		return
	}
	if c.doubts++; !c.final {
		c.pause(c.wait.delay(), c.br.isWell)
	}
}

// note remembers a batch that failed, if it is one of the fallback, and reports whether that was for its own sake.
func (c *recovery) note(b refused, err error, there bool) (guilty bool) {
	guilty = c.br.attempt.evidence.against(err, b.mark)
	c.homeless = err
	if there && c.refused.failed(b.id, b.of, b.mark, guilty, c.number) {
		c.news.refused(b.id, b.of.Messages, err)
	}
	return guilty
}

func messagesOf(pieces []piece) (n int) {
	for _, p := range pieces {
		n += len(p.b.Messages)
	}
	return n
}

// stay leaves a batch, of which so many messages are not settled, where it is.
func (c *recovery) stay(messages int) {
	c.skipped++
	c.stays += int64(messages)
}

// settle lets the batches leave the fallback of which everything is settled.
func (c *recovery) settle() error {
	tags := c.epoch.acks.take(nil)
	if len(tags) == 0 {
		return nil
	}
	if err := guard(func() error { return c.input.Ack(c.br.hard, tags) }); err != nil {
		return fmt.Errorf("%d batches came home but cannot leave the fallback; they will come again under the same id: %w", len(tags), err)
	}
	for _, tag := range tags {
		c.br.r.observe(c.out[tag])
		c.news.came(c.out[tag].Messages)
		delete(c.out, tag)
	}
	return nil
}

// rest is for the end of the fallback: it waits until it is worth asking again.
func (c *recovery) rest(last bool) (end bool, err error) {
	c.refused.missed(c.number)
	if len(c.out) == 0 {
		c.news.done()
	}
	switch {
	case last && len(c.out) > c.skipped: // dead letters are on their way
		c.await(c.br.stop)
		return false, nil
	case last && c.skipped == 0:
		return true, nil
	case last && c.final:
		return true, c.homeless
	case last:
		return true, errAgain
	case c.skipped == 0:
		c.pause(recoverEvery, c.br.fellBack)
		return false, nil
	}
	due := c.refused.next()
	if due > 0 {
		c.pause(min(due, recoverEvery), c.br.fellBack)
		return false, nil
	}
	end, err = c.nextPass()
	if !end {
		c.pause(recoverEvery, c.br.fellBack)
	}
	return end, err
}

// nextPass ends this pass, unless dead letters of what it brought home are on their way: their batches would be written again. It waits
// for these no longer than an hour.
func (c *recovery) nextPass() (end bool, err error) {
	if err := c.settle(); err != nil {
		return true, err
	}
	if c.wanted.IsZero() {
		c.wanted = time.Now()
	}
	if len(c.out) > c.skipped && time.Since(c.wanted) < deadLetterPatience {
		return false, nil
	}
	return true, errAgain
}

// await waits until a batch is settled, or ctx ends.
func (c *recovery) await(ctx context.Context) {
	select {
	case <-c.epoch.acks.wake:
	case <-ctx.Done():
	}
}

// lastDeadLetters gives the dead letters of a pass some time when the pipeline stops: else they, and their batches, come again.
func (c *recovery) lastDeadLetters() error {
	for len(c.out) > c.skipped && c.epoch.unsettled.Load() > 0 && c.br.soft.Err() == nil && !c.br.deadLetterFails() {
		c.await(c.br.soft)
		if err := c.settle(); err != nil {
			return err
		}
	}
	return c.settle()
}

// pause waits for a time, or until early sends or a batch is settled.
func (c *recovery) pause(d time.Duration, early <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	last := c.last
	if c.final {
		last = nil
	}
	select {
	case <-timer.C:
	case <-early:
	case <-c.epoch.acks.wake: // settle asks for the tags, not for this
	case <-last:
	case <-c.br.stop.Done():
	}
}

// close gives back what was read and not acked. Its dead letters, if some are still on their way, are void.
func (c *recovery) close() {
	c.epoch.kill()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.br.stop), closeTimeout)
	defer cancel()
	if err := guard(func() error { return c.input.Close(ctx) }); err != nil {
		c.br.r.log.Debug("closing the fallback's recovery", "error", err)
	}
}
