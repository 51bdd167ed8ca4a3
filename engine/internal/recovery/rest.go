package recovery

import (
	"context"
	"time"

	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
)

// rest is for the end of the fallback: it waits until it is worth asking again.
func (c *Recovery) rest(last bool) (end bool, err error) {
	c.Refused.missed(c.number)
	if len(c.out) == 0 {
		c.news.done()
	}
	switch {
	case last && len(c.out) > c.skipped: // dead letters are on their way
		c.await(c.br.Stop)
		return false, nil
	case last && c.skipped == 0:
		return true, nil
	case last && c.final:
		return true, c.homeless
	case last:
		return true, errAgain
	case c.skipped == 0:
		c.pause(recoverEvery, c.br.FellBack)
		return false, nil
	}
	due := c.Refused.next()
	if due > 0 {
		c.pause(min(due, recoverEvery), c.br.FellBack)
		return false, nil
	}
	end, err = c.nextPass()
	if !end {
		c.pause(recoverEvery, c.br.FellBack)
	}
	return end, err
}

// nextPass ends this pass, unless dead letters of what it brought home are on their way: their batches would be written again. It waits
// for these no longer than an hour.
func (c *Recovery) nextPass() (end bool, err error) {
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
func (c *Recovery) await(ctx context.Context) {
	select {
	case <-c.epoch.Acks.Wake:
	case <-ctx.Done():
	}
}

// lastDeadLetters gives the dead letters of a pass some time when the pipeline stops: else they, and their batches, come again.
func (c *Recovery) lastDeadLetters() error {
	for len(c.out) > c.skipped && c.epoch.Unsettled.Load() > 0 && c.br.Soft.Err() == nil && !c.br.DeadLetterFails() {
		c.await(c.br.Soft)
		if err := c.settle(); err != nil {
			return err
		}
	}
	return c.settle()
}

// pause waits for a time, or until early sends or a batch is settled.
func (c *Recovery) pause(d time.Duration, early <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	last := c.Last
	if c.final {
		last = nil
	}
	select {
	case <-timer.C:
	case <-early:
	case <-c.epoch.Acks.Wake: // settle asks for the tags, not for this
	case <-last:
	case <-c.br.Stop.Done():
	}
}

// close gives back what was read and not acked. Its dead letters, if some are still on their way, are void.
func (c *Recovery) close() {
	c.epoch.Kill()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.br.Stop), life.CloseTimeout)
	defer cancel()
	if err := fault.Guard(func() error { return c.input.Close(ctx) }); err != nil {
		c.br.Life.Log.Debug("closing the fallback's recovery", "error", err)
	}
}
