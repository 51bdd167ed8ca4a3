package amqp

import (
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// A consumer is in one phase at a time, and only its pump takes it to the next one. From outside comes a wish: what the session wants of it. This is all that
// can happen:
//
//	phase     what it means                  what ends it                                             next
//	reading   the broker delivers            the wish is not to deliver; the credit wants a larger    filling
//	                                         prefetch
//	                                         the credit wants a smaller one: basic.cancel             leaving
//	                                         the broker has ended the subscription, or another        orphaned
//	                                         consumer has seen that the queue is gone
//	filling   no acks go out, so that the    it is used up, or the wish is not to deliver and         leaving
//	          prefetch is used up            fillAtMost is over: basic.cancel
//	                                         the wish is to deliver, and fillAtMost is over           reading
//	                                         as in reading                                            orphaned
//	leaving   cancelled by us; what it       all of it has come, and the wish is to deliver           reading, or resting without room
//	          brought comes to its end       … to rest                                                resting
//	                                         … to drain                                               drained
//	                                         the broker has ended it at the same time                 orphaned
//	resting   no subscription for now        the wish is to deliver, and there is room                reading
//	                                         the wish is to drain                                     drained
//	drained   none any more; acks go on      –
//	orphaned  the broker has ended the       – (the session begins another consumer in its place;
//	          subscription; acks are void    see succeed.go)
//	lost      channel or connection is       –
//	          dead: all is the broker's
//
// In each of the first five the end of the channel or connection, or an error of a question to the broker, leads to lost; and the wish that all shall end to
// the end of the pump, which leaves the phase as it is. Deliveries come in reading, filling and leaving; acks go out in the first five, but those of filling and
// leaving at the end of them, or after holdAtMost.
type phase int32

const (
	reading phase = iota
	filling
	leaving
	resting
	drained
	orphaned
	lost
)

// wish is what a session wants of a consumer.
type wish int32

const (
	wantAll   wish = iota // deliver
	wantRest              // nothing for now: who reads has stopped
	wantDrain             // nothing ever again, but what came is read and acked
	wantEnd               // nothing at all: the session closes
)

func (c *consumer) wants() wish  { return wish(c.wish.Load()) }
func (c *consumer) phase() phase { return phase(c.at.Load()) }

// want changes the wish. To drain and to end are for good.
func (c *consumer) want(w wish) {
	for {
		now := c.wish.Load()
		if w <= wish(now) && wish(now) >= wantDrain || w == wish(now) {
			return
		}
		if c.wish.CompareAndSwap(now, int32(w)) {
			c.nudge()
			return
		}
	}
}

// over reports whether nothing comes from the broker any more, for good.
func (p phase) over() bool { return p >= drained }

// pump leads the consumer through its phases, and ends with the session, or when there is nothing left to do.
func (c *consumer) pump(at phase) {
	for {
		c.at.Store(int32(at))
		c.wake() // a reader that waits for the end
		if c.wants() == wantEnd {
			return
		}
		next, err := c.stay(at)
		switch {
		case rabbitmq.IsMissing(err): // the queue was deleted while there was no subscription
			c.orphan()
			return
		case err != nil:
			c.at.Store(int32(lost))
			c.lose(err)
			return
		case next == orphaned:
			c.orphan()
			return
		}
		if at = next; at != filling && at != leaving {
			c.acks.Release()
		}
	}
}

// stay is in a phase until it ends, and returns the next one.
func (c *consumer) stay(at phase) (phase, error) {
	switch at {
	case reading:
		return c.read()
	case filling:
		return c.fill()
	case leaving:
		return c.leave()
	case resting:
		return c.rest()
	}
	return c.drain()
}

func (c *consumer) read() (phase, error) {
	for {
		switch {
		case c.gone.Load():
			return orphaned, nil
		case c.wants() == wantEnd:
			return reading, nil
		case c.wants() != wantAll:
			return filling, nil
		}
		switch c.credit.Due() {
		case credit.Smaller:
			return leaving, c.cancel()
		case credit.Larger:
			return filling, nil
		}
		select {
		case _, ok := <-c.sub.ended:
			return c.over(ok)
		case <-c.poke:
			if err := c.clear(); err != nil {
				return lost, err
			}
		}
	}
}

func (c *consumer) leave() (phase, error) {
	for {
		select {
		case _, ok := <-c.sub.ended:
			if ok || c.cancelled() {
				return c.over(ok)
			}
			return c.resume()
		case <-c.poke:
			if err := c.clear(); err != nil {
				return lost, err
			}
			switch {
			case c.gone.Load():
				return orphaned, nil
			case c.wants() == wantEnd:
				return leaving, nil
			}
		}
	}
}

// resume is where a consumer without a subscription goes.
func (c *consumer) resume() (phase, error) {
	if c.gone.Load() {
		return orphaned, nil
	}
	switch c.wants() {
	case wantDrain, wantEnd:
		return drained, nil
	case wantAll:
		if prefetch := c.credit.Begin(); prefetch > 0 {
			return reading, c.subscribe(prefetch)
		}
	}
	return resting, nil
}

func (c *consumer) rest() (phase, error) {
	for {
		select {
		case <-c.poke:
			if at, err := c.resume(); at != resting || c.wants() == wantEnd {
				return at, err
			}
		case <-c.ch.Done():
			return c.cut()
		}
	}
}

// drain waits for the end of the channel: until then acks are good.
func (c *consumer) drain() (phase, error) {
	for c.wants() != wantEnd {
		select {
		case <-c.poke:
		case <-c.ch.Done():
			return c.cut()
		}
	}
	return drained, nil
}

// cancelled reports whether the broker has ended the last subscription, or the channel is at its end.
func (c *consumer) cancelled() bool { return len(c.cancels) > 0 || c.ch.IsClosed() }

// over is what follows when a subscription ends and we did not cancel it, or when it brings a delivery that was not to come this way.
func (c *consumer) over(passedOn bool) (phase, error) {
	if passedOn {
		return lost, errPassedOn
	}
	return c.cut()
}

// cut is what follows when the deliveries have ended, and not by us. The broker ends a subscription, and with that its messages are nobody's any more: where the
// queue was deleted they are nowhere else, so they must not become void. A message that has waited too long ends the channel, but for quorum queues from
// RabbitMQ 4.3 on, where it ends the subscription: then all of it is in the queue again.
func (c *consumer) cut() (phase, error) {
	if len(c.cancels) > 0 {
		if late := c.late(); late != nil {
			return lost, late
		}
		return orphaned, nil
	}
	return lost, c.ch.Explain(amqp091.ErrClosed)
}

// orphan is the last phase of one whose subscription the broker has ended.
func (c *consumer) orphan() {
	c.acks.Abandon()
	c.at.Store(int32(orphaned))
	c.ended(c)
}
