package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/tally"
)

// crash kills logpipe in the middle, starts it again, and counts.
func (l *load) crash(ctx context.Context) error {
	p, err := l.pipeline()
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := l.emptied(ctx, p, *messages/2); err != nil {
		return err
	}
	p.Kill()
	prefetch := "?"
	if line, ok := p.Find("prefetch"); ok {
		prefetch = line.Text("messages")
	}
	fmt.Printf("killed with SIGKILL when half of the queue was taken; prefetch %s; starting again\n", prefetch)
	again, err := l.pipeline()
	if err != nil {
		return err
	}
	defer again.Kill()
	if err := l.arrived(ctx, again); err != nil {
		return err
	}
	if code, err := again.Stop(ctx); err != nil || code != 0 {
		return errors.Join(fmt.Errorf("exit code %d\n%s", code, again.Tail(10)), err)
	}
	return l.count(ctx)
}

// emptied waits until no more than left messages are ready in the queue.
func (l *load) emptied(ctx context.Context, p *process.Process, left int) error {
	for {
		messages, consumers, err := tally.Depth(l.broker.URL(), queue)
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

// arrived waits until all is stored. An empty queue would say less: the broker may not have noticed yet that the first process is
// gone, and hold what that one had.
func (l *load) arrived(ctx context.Context, p *process.Process) error {
	for {
		stored := tally.New()
		if err := stored.Bucket(ctx, l.s3.Client(), bucket); err != nil {
			return err
		}
		if len(stored.Count) >= *messages {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages are stored: %w", len(stored.Count), *messages, ctx.Err())
		}
		if p.Ended() {
			return fmt.Errorf("logpipe ended early:\n%s", p.Tail(10))
		}
	}
}

// count says what is in S3. A message that is missing is an error; one that is there twice is within the promise.
func (l *load) count(ctx context.Context) error {
	stored := tally.New()
	if err := stored.Bucket(ctx, l.s3.Client(), bucket); err != nil {
		return err
	}
	missing := tally.Missing(1, *messages, stored)
	fmt.Printf("sent %d, in S3 %d, missing %d, twice %d; the bound is one window, the prefetch\n",
		*messages, len(stored.Count), len(missing), stored.Twice())
	if len(missing) > 0 {
		return fmt.Errorf("%d messages are missing", len(missing))
	}
	return nil
}
