//go:build cluster

package rabbitcluster

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	perSecond = 1500 // messages, of all publishers together
	badEvery  = 20   // every so many is not JSON
	tick      = 20 * time.Millisecond
)

// load publishes from one publisher a node, so that the loss of one does not end the flow. It never sends a number again: what is stored
// twice, logpipe or the broker has made so.
type load struct {
	urls []string
	stop context.CancelFunc
	done sync.WaitGroup
	seq  atomic.Int64

	mu        sync.Mutex
	confirmed map[int]bool
}

// sent is a message that the broker has yet to answer.
type sent struct {
	seq    int
	answer *amqp.DeferredConfirmation
}

func startLoad(t *testing.T, urls []string) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{urls: urls, stop: cancel, confirmed: map[int]bool{}}
	for i := range urls {
		l.done.Go(func() { l.publish(ctx, i) })
	}
	t.Cleanup(l.end)
	return l
}

// end stops the flow and waits for what the broker still has to say.
func (l *load) end() {
	l.stop()
	l.done.Wait()
}

// publish goes on at the next node when one is lost.
func (l *load) publish(ctx context.Context, node int) {
	for ctx.Err() == nil {
		if l.connected(ctx, l.urls[node]) != nil {
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
		node = (node + 1) % len(l.urls)
	}
}

func (l *load) connected(ctx context.Context, url string) error {
	conn, err := amqp.DialConfig(url, amqp.Config{Heartbeat: 2 * time.Second, Dial: amqp.DefaultDial(2 * time.Second)})
	if err != nil {
		return err
	}
	defer conn.CloseDeadline(time.Now().Add(time.Minute))
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		return err
	}
	lost := conn.NotifyClose(make(chan *amqp.Error, 1))
	window := make(chan sent, 2*perSecond)
	var heard sync.WaitGroup
	heard.Go(func() { l.hear(window) })
	defer heard.Wait()
	defer close(window)
	beat := time.NewTicker(tick)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.last(conn, window)
		case err := <-lost:
			return err
		case <-beat.C:
		}
		for range perSecond * int(tick) / int(time.Second) / len(l.urls) {
			n := int(l.seq.Add(1))
			c, err := ch.PublishWithDeferredConfirm("", "log_queue", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body(n)})
			if err != nil {
				return err
			}
			select {
			case window <- sent{n, c}:
			case <-lost:
				return net.ErrClosed
			}
		}
	}
}

// last gives the broker time to confirm what is on its way.
func (l *load) last(conn *amqp.Connection, window chan sent) error {
	for end := time.Now().Add(30 * time.Second); len(window) > 0 && !conn.IsClosed() && time.Now().Before(end); {
		time.Sleep(tick)
	}
	return nil
}

// hear notes what the broker confirms. The library ends each confirmation when the connection does.
func (l *load) hear(window <-chan sent) {
	for s := range window {
		<-s.answer.Done()
		if s.answer.Acked() {
			l.mu.Lock()
			l.confirmed[s.seq] = true
			l.mu.Unlock()
		}
	}
}

// body is a log line; each badEvery-th is broken, and must become a dead letter.
func body(n int) []byte {
	if n%badEvery == 0 {
		return fmt.Appendf(nil, `{"seq":%d,"source":`, n)
	}
	return fmt.Appendf(nil, `{"seq":%d,"source":"app1","event":"login_failed"}`, n)
}
