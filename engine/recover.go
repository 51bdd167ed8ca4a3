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

// recovery brings batches of the fallback home, one at a time, each under its own id and straight to the output's policies. It is
// its own probe: an idle pipeline has no other sign that the output is well. A batch leaves the fallback when all of it is
// settled, its dead letters included; others need not wait for these.
type recovery struct {
	br    *branch
	input Input
	last  chan struct{} // closed when nothing more can fall back: go on to the end of the fallback, then return
	kick  chan struct{} // something fell back
	well  chan struct{} // the output works again
	done  chan struct{}
	left  error // why the fallback is not home; read it after done
	news  homecoming

	// of one pass
	epoch    *epoch
	out      map[uint64]Event // what was read and not acked: tag → what to tell when it is
	homeless error            // why a batch can neither be stored nor buried; it stays where it is
	skipped  int              // how many of those there are
	stays    int64            // and how many messages are in them
}

func newRecovery(br *branch, input Input) *recovery {
	return &recovery{
		br: br, input: input, last: make(chan struct{}), done: make(chan struct{}),
		kick: make(chan struct{}, 1), well: make(chan struct{}, 1),
		news: homecoming{log: br.r.log, plugin: br.spec.Fallback.Name},
	}
}

func (c *recovery) run() {
	defer close(c.done)
	wait := recoverBackoff()
	said := ""
	for {
		err := c.pass(&wait)
		if err == nil || c.br.stop.Err() != nil {
			return
		}
		if isClosed(c.last) {
			c.left = err
			return
		}
		if said != err.Error() {
			said = err.Error()
			c.br.r.log.Warn("fallback does not come home; trying again", "plugin", c.br.spec.Fallback.Name, "error", err)
		}
		if wait.wait(c.br.stop) != nil {
			return
		}
	}
}

// pass opens the fallback, brings home what it holds, and waits for more. It returns nil when there will be no more.
func (c *recovery) pass(wait *backoff) error {
	c.epoch = newEpoch(c.br.spec.Fallback.Name, newWindow(Capacity{}), func(Event) {})
	c.out, c.homeless, c.skipped, c.stays = map[uint64]Event{}, nil, 0, 0
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
		if end, err := c.step(wait); end || err != nil {
			return err
		}
	}
	return c.lastDeadLetters()
}

// step reads and writes one batch. end says that the pass is over.
func (c *recovery) step(wait *backoff) (end bool, err error) {
	b := &Batch{}
	last := isClosed(c.last) // asked before reading: what falls back later is not for this pass
	err = guard(func() error { return c.input.Read(c.br.stop, b) })
	switch {
	case err == nil && len(b.Messages) > 0:
		return !c.home(b, wait), nil
	case err == io.EOF:
		return c.rest(last)
	case err == nil:
		err = errors.New("no message and no error")
	}
	return false, fmt.Errorf("read: %w", err)
}

// home writes one batch. It returns false when the pass is over because the output fails.
func (c *recovery) home(b *Batch, wait *backoff) bool {
	c.epoch.admit(b, time.Now())
	c.out[b.Tag] = Event{Kind: Recovered, Plugin: c.br.spec.Fallback.Name, Messages: len(b.Messages), Bytes: b.Bytes()}
	if b.ID == "" {
		b.ID = c.br.r.newID()
	}
	if b.Time.IsZero() {
		b.Time = b.Messages[0].Time.UTC()
	}
	had := len(b.Messages)
	for c.br.stop.Err() == nil {
		err := c.br.tryOutput(b)
		switch {
		case err == nil || c.br.bury(b, err):
			release(b.Messages)
			wait.reset()
			return true
		case Futile(err):
			c.homeless = err
			c.stay(b, had)
			return true // the others need not wait for it
		case isClosed(c.last):
			c.left = err
			return false
		}
		c.pause(wait.delay(), c.well)
	}
	// The pipeline stops. The batch stays where it is, and so does not wait for a dead letter.
	c.skipped++
	return true
}

// stay leaves what is left of a batch in the fallback. When a part of it is stored, the rest becomes a batch of its own there: else
// the next pass would write the good part again, and so would every pass after it.
func (c *recovery) stay(b *Batch, had int) {
	if len(b.Messages) < had && c.br.fallBack(b, c.homeless) == nil {
		release(b.Messages)
		return
	}
	c.skipped++
	c.stays += int64(len(b.Messages))
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
	if len(c.out) == 0 {
		c.news.done()
	}
	switch {
	case last && len(c.out) > c.skipped: // dead letters are on their way
		c.await(c.br.stop)
		return false, nil
	case last || c.skipped > 0:
		if !last {
			c.pause(recoverEvery, c.kick)
		}
		return true, c.homeless
	}
	c.pause(recoverEvery, c.kick)
	return false, nil
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
	select {
	case <-timer.C:
	case <-early:
	case <-c.epoch.acks.wake: // settle asks for the tags, not for this
	case <-c.last:
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

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
