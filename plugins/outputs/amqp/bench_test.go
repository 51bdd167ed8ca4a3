package amqp

import (
	"bytes"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// BenchmarkWrite publishes batches of 1000 messages of 250 bytes to a real broker, side by side with the library alone with a window
// of 2000 unconfirmed messages.
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

// measure starts the clocks. The function that it returns reports messages a second and CPU seconds per million messages, of this process
// alone: the second is what can be compared when the machine is not quiet.
func measure(b *testing.B) func() {
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	return func() {
		used, n := cpu(b)-before, float64(b.N*perBatch)
		b.ReportMetric(n/b.Elapsed().Seconds(), "msg/s")
		b.ReportMetric(used.Seconds()/n*1e6, "cpu-s/M")
	}
}

// cpu is the CPU time that this process has used.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
	done := measure(b)
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
	done()
}

func benchLibrary(b *testing.B, kind string) {
	v := rabbittest.New(b)
	v.Declare("stored", amqp091.Table{"x-queue-type": kind})
	ch := v.Channel()
	done := measure(b)
	var confirms [2000]*amqp091.DeferredConfirmation
	for i := range b.N * perBatch {
		slot := &confirms[i%len(confirms)]
		if *slot != nil && !(*slot).Wait() {
			b.Fatal("the broker did not take a message")
		}
		var err error
		if *slot, err = ch.PublishWithDeferredConfirm("", "stored", true, false, amqp091.Publishing{Body: body, DeliveryMode: 2}); err != nil {
			b.Fatal(err)
		}
	}
	for _, c := range confirms {
		if c != nil && !c.Wait() {
			b.Fatal("the broker did not take a message")
		}
	}
	done()
}
