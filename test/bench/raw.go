package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// beRaw makes this process one of the raw clients. It takes its orders from the variables that the programs beside it take theirs from.
func beRaw(ctx context.Context, role string) error {
	switch role {
	case "consumer":
		return consume(ctx, os.Getenv("RABBITMQ_URL"), os.Getenv("QUEUE"), number("MESSAGES"))
	case "publisher":
		to := route(inQueue(os.Getenv("QUEUE")))
		if exchange := os.Getenv("EXCHANGE"); exchange != "" {
			to = byKey(exchange)
		}
		return publish(ctx, os.Getenv("RABBITMQ_URL"), to, 1, number("MESSAGES"), number("MESSAGE_SIZE"))
	case "compressor":
		return compress(os.Getenv("LINES"), number("BATCH_SIZE"), number("COMPRESSION_LEVEL"))
	}
	return fmt.Errorf("there is no role %q", role)
}

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name)) // the bench itself set it
	return n
}

// consume takes n messages from the queue, acks every hundredth with all before it, and throws them away: the limit of the
// broker and the library on this machine.
func consume(ctx context.Context, url, queue string, n int) error {
	conn, ch, err := dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ch.Qos(5000, 0, false); err != nil {
		return fmt.Errorf("set the prefetch: %w", err)
	}
	deliveries, err := ch.ConsumeWithContext(ctx, queue, "", false, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("consume: %w", err)
	}
	for got := 1; got <= n; got++ {
		d, ok := <-deliveries
		if !ok {
			return fmt.Errorf("the consumer ended after %d messages", got-1)
		}
		if got%100 == 0 || got == n {
			if err := d.Ack(true); err != nil {
				return fmt.Errorf("ack: %w", err)
			}
		}
	}
	return nil
}

// window is how many messages the raw publisher has unconfirmed at most.
const window = 1000

// route says where a record goes.
type route func(seq int) (exchange, key string)

func inQueue(name string) route { return func(int) (string, string) { return "", name } }

// byKey gives each record one of a thousand keys.
func byKey(exchange string) route {
	return func(seq int) (string, string) { return exchange, "host-" + strconv.Itoa(seq%1000) }
}

// publish sends n persistent records of size bytes, numbered from first, and returns when the broker has confirmed all.
func publish(ctx context.Context, url string, to route, first, n, size int) error {
	conn, ch, err := dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ch.Confirm(false); err != nil {
		return fmt.Errorf("ask for confirms: %w", err)
	}
	// Logpipe's messages have an id and a time, and the broker is to say when no queue gets one. That costs the broker a tenth each.
	asLogpipe := os.Getenv("AS_LOGPIPE") != ""
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, window))
	for sent, confirmed := 0, 0; confirmed < n; {
		if sent < n && sent-confirmed < window {
			msg := amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "application/json", Body: record(first+sent, size)}
			if asLogpipe {
				msg.MessageId, msg.Timestamp = fmt.Sprintf("%026d", first+sent), time.Now()
			}
			exchange, key := to(first + sent)
			if err := ch.PublishWithContext(ctx, exchange, key, asLogpipe, false, msg); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			sent++
			continue
		}
		c, ok := <-confirms
		if !ok || !c.Ack {
			return fmt.Errorf("the broker confirmed only %d messages", confirmed)
		}
		confirmed++
	}
	return nil
}

func dial(url string) (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return nil, nil, fmt.Errorf("dial: %w", err)
	}
	ch, err := conn.Channel()
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("open a channel: %w", err)
	}
	return conn, ch, nil
}
