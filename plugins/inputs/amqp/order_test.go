package amqp

import (
	"errors"
	"io"
	"strconv"
	"sync"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// The prefetch grows while messages come and acks go, and nothing is overtaken or delivered twice: a queue's order is all that a reader of events can build on, and each
// delivery more is one that a delivery limit counts.
func TestOrderWhileThePrefetchGrows(t *testing.T) {
	for _, kind := range []string{rabbitmq.Quorum, rabbitmq.Classic} {
		t.Run(kind, func(t *testing.T) {
			v := rabbittest.New(t)
			cfg := config(v)
			cfg.QueueType = kind
			e := env(t)
			e.Capacity, e.Window = engine.Capacity{Messages: 15_000}, engine.Capacity{Messages: 15_000, Bytes: 160 << 20} // so that it grows in several steps
			in := start(t, cfg, e)
			const n = 40_000
			o := order{t: t}
			v.Publish("logs", counted(0, 1)...) // one alone: a queue that is only just declared may refuse some
			var all sync.WaitGroup
			all.Go(func() { v.Publish("logs", counted(1, n-1)...) })
			defer all.Wait()
			for o.next < n {
				b := read(t, in)
				o.take(b)
				ack(t, in, b)
			}
			if changes := in.session.all()[0].number; changes < 3 {
				t.Errorf("there were %d subscriptions, too few for the test", changes)
			}
		})
	}
}

// A backlog is read by one after the other, and each stops in the middle of it. What stops leaves the rest in its order, and not counted as delivered.
func TestOrderOverADrain(t *testing.T) {
	for _, kind := range []string{rabbitmq.Quorum, rabbitmq.Classic} {
		t.Run(kind, func(t *testing.T) {
			v := rabbittest.New(t)
			cfg := config(v)
			cfg.QueueType, cfg.Prefetch = kind, 500
			in := newInput(t, cfg, env(t))
			open(t, in)
			const n = 20_000
			v.Publish("logs", counted(0, 1)...)
			o := order{t: t}
			b := read(t, in)
			o.take(b)
			ack(t, in, b)
			v.Publish("logs", counted(1, n-1)...)
			for o.next < n {
				for from := o.next; o.next < min(n, from+n/5); {
					b := read(t, in)
					o.take(b)
					ack(t, in, b)
				}
				in.Stop()
				for {
					b := &engine.Batch{}
					if err := in.Read(t.Context(), b); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					o.take(b)
					ack(t, in, b)
				}
				shut(t, in)
				in = newInput(t, cfg, env(t))
				open(t, in)
			}
			shut(t, in)
		})
	}
}

// counted are the bodies of n numbers from the first on.
func counted(first, n int) (bodies [][]byte) {
	for i := range n {
		bodies = append(bodies, strconv.AppendInt(nil, int64(first+i), 10))
	}
	return bodies
}

// order sees whether numbers come one after the other.
type order struct {
	t    *testing.T
	next int
	told bool
}

func (o *order) take(b *engine.Batch) {
	o.t.Helper()
	for _, m := range b.Messages {
		got, err := strconv.Atoi(string(m.Body))
		if err != nil {
			o.t.Fatal(err)
		}
		if got != o.next && !o.told {
			o.told = true
			o.t.Errorf("message %d comes where %d was due, with the headers %v", got, o.next, m.Meta.(*rabbitmq.Delivery).Headers())
		}
		o.next++
	}
}
