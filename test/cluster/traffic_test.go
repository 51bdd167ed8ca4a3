package cluster

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// traffic publishes numbered messages, and knows the last number that the broker has confirmed.
type traffic struct {
	t    *testing.T
	ch   *amqp.Channel
	last int
}

func newTraffic(t *testing.T, url string) *traffic {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &traffic{t: t, ch: ch}
}

// send publishes n more and returns when the broker has them.
func (s *traffic) send(n int) error {
	confirms := make([]*amqp.DeferredConfirmation, 0, n)
	for range n {
		s.last++
		c, err := s.ch.PublishWithDeferredConfirm("", "log_queue", true, false, amqp.Publishing{
			Body: fmt.Appendf(nil, `{"seq":%d,"source":"app%d","event":"login_failed"}`, s.last, s.last%3+1), DeliveryMode: amqp.Persistent,
		})
		if err != nil {
			return err
		}
		confirms = append(confirms, c)
	}
	for _, c := range confirms {
		if ok, err := c.WaitContext(s.t.Context()); err != nil || !ok {
			return fmt.Errorf("the broker did not take a message: %w", err)
		}
	}
	return nil
}

// flow sends so many messages a second until stop is called, which waits for the last.
func (s *traffic) flow(rate int) (stop func()) {
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for !over.Load() {
			<-tick.C
			if err := s.send(rate / 10); err != nil {
				s.t.Errorf("publish: %v", err)
				return
			}
		}
	}()
	return func() { over.Store(true); <-done }
}
