package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
)

// subscribed makes a consumer whose subscriptions have brought these delivery tags, and ended.
func subscribed(now, old []uint64) *consumer {
	brought := func(tags []uint64) *subscription {
		if tags == nil {
			return nil
		}
		deliveries := make(chan amqp091.Delivery, len(tags))
		for _, tag := range tags {
			deliveries <- amqp091.Delivery{DeliveryTag: tag}
		}
		close(deliveries)
		return &subscription{deliveries: deliveries, cancelled: true}
	}
	return &consumer{next: 1, credit: newCredit(10, 0), wake: func() {}, now: brought(now), old: brought(old), over: &atomic.Bool{}}
}

// Two subscriptions bring the deliveries of one channel. An ack of several covers all before it, so none may be taken before its turn, and one that
// was overlooked would be acked with the next ones.
func TestDeliveriesOfTwoSubscriptions(t *testing.T) {
	for _, c := range []struct {
		now, old []uint64
		want     int // deliveries that are taken
		err      string
	}{
		{now: []uint64{1, 2, 3}, want: 3},
		{now: []uint64{1, 3}, want: 1, err: "delivery 3 came where 2 was due"},
		{now: []uint64{4, 6, 7}, old: []uint64{1, 2, 3, 5}, want: 7},
		{now: []uint64{5}, old: []uint64{1, 2, 3}, want: 3, err: "delivery 5 came where 4 was due"},
		{now: []uint64{2}, old: []uint64{3}, want: 0, err: "came where 1 was due"},
		{now: []uint64{}, old: []uint64{1, 2}, want: 2},
	} {
		for range 20 { // whichever subscription is looked at first
			consumer := subscribed(c.now, c.old)
			err := consumer.receive()
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v and %v: error %v", c.now, c.old, err)
			}
			var got []uint64
			for p := consumer.inbox.take(false); p != nil; p = consumer.inbox.take(false) {
				for i := range p.deliveries {
					got = append(got, p.first+uint64(i))
				}
			}
			if len(got) != c.want || !slices.IsSorted(got) {
				t.Errorf("%v and %v: took %v", c.now, c.old, got)
			}
		}
	}
}

// What came from a deleted queue is nowhere else. However long the output is down, it must not become void.
func TestDeletedQueueHasNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(nil)
		c := &consumer{acks: newAcker(func(uint64, bool) error { return errors.New("an ack of a deleted queue is sent") }, nil)}
		c.acks.abandon()
		c.drained.Store(true)
		s.consumers = []*consumer{c}
		number := c.acks.add(1, 10, 100)
		gone := fmt.Errorf("queue was deleted")
		s.gone.Store(&gone)

		day, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if err := s.read(day, &engine.Batch{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read ended with %v while messages are held", err)
		}
		if _, _, err := c.acks.settle([]uint64{number}); err != nil {
			t.Errorf("settle: %v", err)
		}
		if err := s.read(t.Context(), &engine.Batch{}); err != gone {
			t.Errorf("read ended with %v when all is settled", err)
		}
	})
}
