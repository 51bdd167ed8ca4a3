package amqp

import (
	"time"

	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
)

const (
	// fillAtMost is how long it is tried to use the prefetch up before a subscription is cancelled. A broker that has the messages sends thousands in
	// that time. Where it has not, there is little on its way.
	fillAtMost = 100 * time.Millisecond
	// holdAtMost is how long acks are held back from the beginning of filling on, whatever happens: what is stored and not acked is stored twice
	// after a crash.
	holdAtMost = time.Second
)

// fill sees to it that nothing is on its way when the subscription is cancelled.
//
// A quorum queue takes back what it has sent and what has not yet passed the channel when the cancel does: that is delivered once more, to the next
// subscription, behind messages that were published after it, and counts as a delivery (measured: 3.10 and 4.0; 4.3 does not count it). A change of
// the prefetch in a full flow broke the order of up to hundreds of messages so. But nothing is on its way when all that the prefetch allows has come and
// nothing of it is acked. A prefetch that is not used up although no acks go out is large enough.
//
// One change is made without: to a smaller prefetch, because what comes is larger than memory allows. It cannot be waited for.
func (c *consumer) fill() (phase, error) {
	c.acks.Hold(holdAtMost)
	timer := time.NewTimer(fillAtMost)
	defer timer.Stop()
	for {
		switch {
		case c.gone.Load():
			return orphaned, nil
		case c.wants() == wantEnd:
			return filling, nil
		case c.credit.UsedUp(c.acks.Acked()), c.wants() == wantAll && c.credit.Due() == credit.Smaller:
			return leaving, c.cancel()
		}
		select {
		case _, ok := <-c.sub.ended:
			return c.over(ok)
		case <-c.poke:
			if err := c.clear(); err != nil {
				return lost, err
			}
		case <-timer.C:
			if c.wants() != wantAll {
				return leaving, c.cancel()
			}
			c.credit.Suffices()
			return reading, nil
		}
	}
}
