package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/tally"
)

// consume takes n messages from the queue, acks every hundredth with all before it, and throws them away.
func consume(ctx context.Context, url string, n int) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Qos(5000, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.ConsumeWithContext(ctx, queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for got := 1; got <= n; got++ {
		d, ok := <-deliveries
		if !ok {
			return fmt.Errorf("the consumer ended after %d messages", got-1)
		}
		if got%100 == 0 || got == n {
			if err := d.Ack(true); err != nil {
				return err
			}
		}
	}
	return nil
}

// emptied waits until no more than left messages are ready in the queue.
func emptied(ctx context.Context, p *process.Process, url string, left int) error {
	for {
		messages, consumers, err := tally.Depth(url, queue)
		if err != nil {
			return err
		}
		if messages <= left && consumers > 0 { // see tally.Taken
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.Ended() {
			return fmt.Errorf("logpipe ended early:\n%s", p.Tail(10))
		}
	}
}

// crash kills logpipe in the middle, starts it again, and counts.
func (b *bench) crash(ctx context.Context) error {
	url, err := b.fill(ctx)
	if err != nil {
		return err
	}
	bucket := fmt.Sprintf("load-%d-%d", os.Getpid(), b.vhosts)
	if err := b.s3.MakeBucket(ctx, bucket); err != nil {
		return err
	}
	env := b.environment(url, bucket)
	p, err := process.Start(b.bin, env, nil, "run", "pipeline.hcl")
	if err != nil {
		return err
	}
	if err := emptied(ctx, p, url, *messages/2); err != nil {
		p.Kill()
		return err
	}
	p.Kill()
	prefetch := "?"
	if l, ok := p.Find("prefetch"); ok {
		prefetch = l.Text("messages")
	}
	fmt.Printf("killed with SIGKILL when half of the queue was taken; prefetch %s; starting again\n", prefetch)
	if p, err = process.Start(b.bin, env, nil, "run", "pipeline.hcl"); err != nil {
		return err
	}
	if err := emptied(ctx, p, url, 0); err != nil {
		p.Kill()
		return err
	}
	if code, err := p.Stop(ctx); err != nil || code != 0 {
		return errors.Join(fmt.Errorf("exit code %d\n%s", code, p.Tail(10)), err)
	}
	stored := tally.New()
	if err := stored.Bucket(ctx, b.s3.Client(), bucket); err != nil {
		return err
	}
	missing := tally.Missing(1, *messages, stored)
	fmt.Printf("sent %d, in S3 %d, missing %d, twice %d; the bound is one window, the prefetch\n",
		*messages, len(stored.Count), len(missing), stored.Twice())
	if len(missing) > 0 {
		return fmt.Errorf("%d messages are missing", len(missing))
	}
	return errors.Join(b.s3.DeleteBucket(ctx, bucket), b.empty(ctx))
}
