package amqp

import (
	"bytes"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// BenchmarkRead reads a filled queue of messages of 250 bytes and acks every chunk, side by side with the library alone, which acks every
// 256 messages and throws them away: the limit. One op is one message.
func BenchmarkRead(b *testing.B) {
	for _, kind := range []string{"quorum", "classic"} {
		b.Run(kind+"/library", func(b *testing.B) { benchLibrary(b, kind) })
		b.Run(kind+"/input", func(b *testing.B) { benchInput(b, kind, 0) })
		b.Run(kind+"/input/bytes", func(b *testing.B) { benchInput(b, kind, 64<<20) })
	}
}

const benchPrefetch = 5000

// fill makes a queue with n messages.
func fill(b *testing.B, kind string) *rabbittest.VHost {
	b.Helper()
	v := rabbittest.New(b)
	v.Declare("logs", amqp091.Table{"x-queue-type": kind})
	body := bytes.Repeat([]byte("x"), 250)
	for left := b.N; left > 0; left -= 2000 {
		bodies := make([][]byte, min(left, 2000))
		for i := range bodies {
			bodies[i] = body
		}
		v.Publish("logs", bodies...)
	}
	return v
}

func report(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s") }

func benchInput(b *testing.B, kind string, bytes int64) {
	v := fill(b, kind)
	cfg := config(v)
	cfg.QueueType, cfg.Prefetch = kind, benchPrefetch
	e := env(b)
	e.Window.Bytes = bytes
	in := newInput(b, cfg, e)
	b.ReportAllocs()
	b.ResetTimer()
	open(b, in)
	chunks := 0
	var batch engine.Batch
	for n := 0; n < b.N; chunks++ {
		batch.Messages = batch.Messages[:0]
		if err := in.Read(b.Context(), &batch); err != nil {
			b.Fatal(err)
		}
		n += len(batch.Messages)
		if err := in.Ack(b.Context(), []uint64{batch.Tag}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	report(b)
	b.ReportMetric(float64(b.N)/float64(chunks), "msg/chunk")
	shut(b, in)
}

func benchLibrary(b *testing.B, kind string) {
	v := fill(b, kind)
	conn, err := amqp091.Dial(v.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ReportAllocs()
	b.ResetTimer()
	ch, err := conn.Channel()
	if err != nil {
		b.Fatal(err)
	}
	if err := ch.Qos(benchPrefetch, 0, false); err != nil {
		b.Fatal(err)
	}
	deliveries, err := ch.Consume("logs", "", false, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	for n := 1; n <= b.N; n++ {
		d := <-deliveries
		if n%256 == 0 || n == b.N {
			if err := d.Ack(true); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	report(b)
}
