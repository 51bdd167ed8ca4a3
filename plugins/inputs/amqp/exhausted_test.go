package amqp

import (
	"context"
	"testing"

	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/acks"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// At each start the first prefetch holds a few messages, because nothing is known of their size. Were that taken for all that the source can
// give, the first batches would be sealed with a message or two.
func TestAPrefetchThatGrowsIsNotUsedUp(t *testing.T) {
	c := &consumer{credit: credit.New(5000, 64<<20, 0, &credit.Caution{}), acks: acks.New(func(uint64, bool) error { return nil }, func(error) {}, nil)}
	s := &session{consumers: []*consumer{c}, short: make(chan struct{}, 1)}
	now, cancel := context.WithCancel(t.Context())
	cancel() // it looks once
	last := uint64(0)
	fill := func() (prefetch int) {
		prefetch = c.credit.Begin()
		c.acks.Prefetch(prefetch, last+1)
		list := make([]rabbitmq.Incoming, prefetch)
		for i := range list {
			list[i].Size = 300
		}
		c.credit.Take(list)
		c.acks.Add(last+1, last+uint64(prefetch), 300*int64(prefetch))
		last += uint64(prefetch)
		return prefetch
	}
	if first := fill(); first >= 5000 {
		t.Fatalf("the first prefetch is %d, so the test is about nothing", first)
	}
	if tags, err := s.exhausted(now); err == nil {
		t.Errorf("a prefetch that is about to grow is used up by %d chunks", len(tags))
	}
	for fill() < 5000 {
	}
	if tags, err := s.exhausted(now); err != nil || len(tags) == 0 {
		t.Errorf("all of the prefetch is used up, and nothing is said: %v", err)
	}
}
