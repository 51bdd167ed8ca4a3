package main

import (
	"context"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/test/tally"
)

// count stops the producer, lets all of it through, and says what is in the bucket.
func (s *show) count(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.producer.Stop(ctx); err != nil {
		return err
	}
	summary, ok := s.producer.Find("summary")
	if !ok {
		return fmt.Errorf("the producer did not say how much it sent:\n%s", s.producer.Tail(5))
	}
	sent := summary.Int("written")
	for taken := false; !taken; {
		var err error
		if taken, err = tally.Taken(s.broker.URL(), "log_queue"); err != nil {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for an empty queue: %w", ctx.Err())
		}
	}
	if code, err := s.pipeline.Stop(ctx); err != nil || code != 0 {
		return fmt.Errorf("logpipe ended with exit code %d: %w\n%s", code, err, s.pipeline.Tail(10))
	}
	stored := tally.New()
	if err := stored.Bucket(ctx, s.s3.Client(), bucket); err != nil {
		return err
	}
	missing := tally.Missing(1, sent, stored)
	s.say("count", "sent %d, in S3 %d, of these twice %d, missing %d", sent, len(stored.Count), stored.Twice(), len(missing))
	if len(missing) > 0 {
		return fmt.Errorf("%d messages are missing, the first is number %d", len(missing), missing[0])
	}
	return nil
}
