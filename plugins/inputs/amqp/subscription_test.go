package amqp

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/acks"
	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// receiving makes a consumer that is ready to get deliveries.
func receiving() *consumer {
	room := credit.New(10, 0, 0, &credit.Caution{})
	room.Begin()
	return &consumer{next: 1, credit: room, acks: acks.New(func(uint64, bool) error { return nil }, func(error) {}, nil), wake: func() {}, fail: func(error) {}, poke: make(chan struct{}, 1)}
}

func incoming(tags ...uint64) []rabbitmq.Incoming {
	list := make([]rabbitmq.Incoming, len(tags))
	for i, tag := range tags {
		list[i] = rabbitmq.Incoming{Tag: tag, Meta: rabbitmq.NewDelivery(amqp091.Delivery{})}
	}
	return list
}

// An ack of several covers all before it: a delivery that was overlooked would be acked with the next ones, stored by nobody.
func TestGapInTheDeliveries(t *testing.T) {
	for _, c := range []struct {
		came [][]uint64
		want []uint64 // what is taken
		err  string
	}{
		{came: [][]uint64{{1, 2}, {3}}, want: []uint64{1, 2, 3}},
		{came: [][]uint64{{1, 3}, {4}, {2, 3}}, want: []uint64{1}, err: "delivery 3 came where 2 was due"},
		{came: [][]uint64{{2}, {1}}, err: "delivery 2 came where 1 was due"},
		{came: [][]uint64{{1}, {1}, {2}}, want: []uint64{1}, err: "delivery 1 came where 2 was due"},
	} {
		consumer := receiving()
		for _, tags := range c.came {
			consumer.Receive(incoming(tags...))
		}
		var err error
		if lost := consumer.lost.Load(); lost != nil {
			err = *lost
		}
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: error %v", c.came, err)
		}
		var got []uint64
		for p := consumer.inbox.take(false); p != nil; p = consumer.inbox.take(false) {
			for i := range p.deliveries {
				got = append(got, p.deliveries[i].Tag)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: took %v", c.came, got)
		}
	}
}

// A message that came round the consumer would be acked with the next ones, stored by nobody.
func TestDeliveryThroughTheLibrary(t *testing.T) {
	through := make(chan amqp091.Delivery, 1)
	through <- amqp091.Delivery{DeliveryTag: 1}
	c := receiving()
	c.sub.ended = through
	if at, err := c.read(); err != errPassedOn || at != lost {
		t.Errorf("it was overlooked: %v, %v", at, err)
	}
}

// What came from a deleted queue is nowhere else. However long the output is down, and whatever happens to the connection meanwhile, it must not become void.
func TestDeletedQueueHasNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(&input{cfg: Defaults()})
		orphan := &consumer{id: 3, acks: acks.New(func(uint64, bool) error { return errors.New("an ack of a deleted queue is sent") }, nil, nil)}
		orphan.acks.Abandon()
		number := orphan.acks.Add(1, 10, 100)
		s.orphans, s.known[3] = []*consumer{orphan}, orphan
		gone := errors.New("the connection is lost")
		s.lose(gone)

		day, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if err := s.read(day, &engine.Batch{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read ended with %v while messages are held", err)
		}
		select {
		case err := <-s.dead:
			t.Errorf("the engine is told %v while messages are held", err)
		default:
		}
		if _, _, err := orphan.acks.Settle([]uint64{number}); err != nil {
			t.Errorf("settle: %v", err)
		}
		if err := s.read(t.Context(), &engine.Batch{}); err != gone {
			t.Errorf("read ended with %v when all is settled", err)
		}
	})
}

// From RabbitMQ 4.3 on a subscription ends both when its queue was deleted and when a message waited too long. In the first case what is here is nowhere else; in the second it comes again,
// so it must be known how long the oldest waits: to the acks, not to the last delivery.
func TestWaitsOfDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waits
		if w.longest() != 0 {
			t.Error("nothing waits")
		}
		w.began(1) // to 10
		time.Sleep(time.Minute)
		w.began(11) // to 20
		time.Sleep(time.Minute)
		w.began(21)
		if got := w.longest(); got != 2*time.Minute {
			t.Errorf("the oldest waits for %v", got)
		}
		for upTo, want := range map[uint64]time.Duration{9: 2 * time.Minute, 10: time.Minute, 15: time.Minute, 19: time.Minute, 20: 0, 25: 0} {
			c := waits{marks: slices.Clone(w.marks)}
			c.endedUpTo(upTo)
			if got := c.longest(); got != want {
				t.Errorf("after the ack of %d the oldest waits for %v, want %v", upTo, got, want)
			}
		}
	})
}
