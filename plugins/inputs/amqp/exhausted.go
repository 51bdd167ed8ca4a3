package amqp

import (
	"context"
	"slices"

	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
)

// Exhausted implements engine.Bounded: the broker gives no more than the prefetch before acks come, and acks come in the order of the deliveries.
func (in *input) Exhausted(ctx context.Context) ([]uint64, error) { return in.session.exhausted(ctx) }

// exhausted waits until the prefetch of a consumer is nearly used up, and returns the tags of the chunks that keep it so. Each consumer
// counts for itself: what one has left is of no use for the messages of another. A prefetch that is about to grow does not count: the
// first ones are small because the size of messages is not known yet, and batches would be cut for nothing at each start.
func (s *session) exhausted(ctx context.Context) (tags []uint64, err error) {
	for {
		s.mu.Lock()
		consumers := slices.Clone(s.consumers)
		var last []*consumer
		if s.reason != nil { // nothing is read until these are settled
			last = slices.Clone(s.orphans)
		}
		s.mu.Unlock()
		for _, c := range last {
			from := len(tags)
			tags = c.acks.Unsettled(tags)
			for i := range tags[from:] {
				tags[from+i] = c.tag(tags[from+i])
			}
		}
		for _, c := range consumers {
			if c.credit.Due() != credit.Same {
				continue // more comes with the next subscription, and tells again when that is used up
			}
			from := len(tags)
			tags = c.acks.Awaited(tags)
			for i := range tags[from:] {
				tags[from+i] = c.tag(tags[from+i])
			}
		}
		if len(tags) > 0 {
			return tags, nil
		}
		select {
		case <-s.short:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// shorten wakes who waits in exhausted.
func (s *session) shorten() {
	select {
	case s.short <- struct{}{}:
	default:
	}
}

// tag names a chunk of the consumer to the engine.
func (c *consumer) tag(number uint64) uint64 { return number<<idBits | c.id }
