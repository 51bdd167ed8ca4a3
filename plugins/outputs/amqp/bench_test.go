package amqp

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// BenchmarkWrite publishes batches of 1000 messages of 250 bytes to a real broker, side by side with the library alone with the same
// window of confirms.
func BenchmarkWrite(b *testing.B) {
	for _, kind := range []string{"quorum", "classic"} {
		b.Run(kind+"/library", func(b *testing.B) { benchLibrary(b, kind) })
		for _, workers := range []int{1, 5} {
			b.Run(fmt.Sprintf("%s/output/workers=%d", kind, workers), func(b *testing.B) { benchOutput(b, kind, workers) })
		}
	}
}

const perBatch = 1000

var body = bytes.Repeat([]byte("x"), 250)

func report(b *testing.B) {
	b.ReportMetric(float64(b.N*perBatch)/b.Elapsed().Seconds(), "msg/s")
}

func benchOutput(b *testing.B, kind string, workers int) {
	v := rabbittest.New(b)
	cfg := config(v)
	cfg.QueueType = kind
	o := newOutput(b, cfg, env(b, engine.RoleOutput))
	full := batch()
	for range perBatch {
		full.Messages = append(full.Messages, engine.Message{Body: body, Time: full.Time})
	}
	if err := write(b, o, batch("x")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	turns := make(chan struct{}, b.N)
	for range b.N {
		turns <- struct{}{}
	}
	close(turns)
	for range workers {
		wg.Go(func() {
			for range turns {
				if err := write(b, o, full); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	report(b)
}

func benchLibrary(b *testing.B, kind string) {
	v := rabbittest.New(b)
	v.Declare("stored", amqp091.Table{"x-queue-type": kind})
	ch := v.Channel()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		confirms := make([]*amqp091.DeferredConfirmation, perBatch)
		for i := range confirms {
			var err error
			if confirms[i], err = ch.PublishWithDeferredConfirm("", "stored", true, false, amqp091.Publishing{Body: body, DeliveryMode: 2}); err != nil {
				b.Fatal(err)
			}
		}
		for _, c := range confirms {
			c.Wait()
		}
	}
	report(b)
}
