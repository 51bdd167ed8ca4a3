package world

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DeadLetters puts the dead letters 1 to n into log_dlq, which came from the queue home. Both queues are of this type.
func (w *World) DeadLetters(n int, kind string) {
	w.TB.Helper()
	ch := w.Channel()
	for _, queue := range []string{"log_dlq", "home"} {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
			w.TB.Fatal(err)
		}
	}
	for i := 1; i <= n; i++ {
		err := ch.PublishWithContext(w.TB.Context(), "", "log_dlq", true, false, amqp.Publishing{
			Body: fmt.Appendf(nil, `{"seq":%d`, i), DeliveryMode: amqp.Persistent,
			Headers: amqp.Table{"x-logpipe-reason": "rejected", "x-logpipe-pipeline": "logs", "x-logpipe-queue": "home"},
		})
		if err != nil {
			w.TB.Fatal(err)
		}
	}
	w.Until("the dead letters are there", func() bool { return w.Depth("log_dlq") == n })
}
