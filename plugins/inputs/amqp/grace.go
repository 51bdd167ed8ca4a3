package amqp

import (
	"context"
	"sync"
	"time"
)

// A quorum queue gets its acks from a client that lives in the broker's channel. That client passes on a few dozen, waits until
// the queue has written them, and keeps the others; when the channel ends, it forgets what it kept, and the queue delivers those messages
// again (seen with RabbitMQ 3.10: up to thousands after a clean end on a busy broker). AMQP has no answer to an ack, so an orderly end
// stays for a moment: long enough in comparison with how fast the broker answers at all.
const (
	graceLeast = 250 * time.Millisecond
	graceMost  = 2 * time.Second
	graceTimes = 20                    // the slowest answer, as often
	gracePause = 25 * time.Millisecond // between two questions
)

// grace gives the broker time to take the last acks, if this is the end of a drain and there is somebody to take them.
func (s *session) grace(ctx context.Context) {
	if !s.stopping.Load() || s.over() != nil {
		return
	}
	var all sync.WaitGroup
	for _, c := range s.all() {
		if c.phase() == drained { // else its pump may be asking something of the channel
			all.Go(func() { c.grace(ctx) })
		}
	}
	all.Wait()
}

func (c *consumer) grace(ctx context.Context) {
	release := c.ch.Conn.Guard(ctx)
	defer release()
	began, slowest := time.Now(), time.Duration(0)
	for time.Since(began) < min(max(graceLeast, graceTimes*slowest), graceMost) {
		asked := time.Now()
		if c.ch.Qos(1, 0, false) != nil { // a question that changes nothing: there is no subscription any more
			return
		}
		slowest = max(slowest, time.Since(asked))
		select {
		case <-time.After(gracePause):
		case <-c.ch.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}
