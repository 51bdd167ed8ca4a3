package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/tally"
)

// finish waits until everything was sent, taken from the queue and brought home from the fallback; then it stops the pipeline, which drains.
func (d *demo) finish(ctx context.Context, producer, pipeline *process.Process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if code, err := producer.Wait(ctx); err != nil || code != 0 {
		return fmt.Errorf("the producer ended with exit code %d: %w\n%s", code, err, producer.Tail(5))
	}
	d.say("all %d messages are in the broker's care; waiting until the queue and the fallback are empty", messages)
	for {
		taken, err := tally.Taken(d.broker.URL(), "log_queue")
		if err != nil {
			return err
		}
		waiting, err := filepath.Glob(filepath.Join(filepath.Dir(d.fallback()), "*"))
		if err != nil {
			return err
		}
		if taken && len(waiting) == 0 {
			break
		}
		if pipeline.Ended() {
			return fmt.Errorf("the pipeline ended too early:\n%s", pipeline.Tail(10))
		}
		if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("the queue is empty: %v; the fallback has %v: %w", taken, waiting, err)
		}
	}
	d.say("stopping the pipeline: it drains")
	if code, err := pipeline.Stop(ctx); err != nil || code != 0 {
		return fmt.Errorf("the pipeline ended with exit code %d: %w\n%s", code, err, pipeline.Tail(10))
	}
	return nil
}

// count reads everything back and prints the table.
func (d *demo) count(ctx context.Context, pipeline *process.Process) error {
	stored, dead, left := tally.New(), tally.New(), tally.New()
	if err := stored.Bucket(ctx, d.s3.Client(), bucket); err != nil {
		return err
	}
	headers, err := dead.Queue(d.broker.URL(), "log_dlq")
	if err != nil {
		return err
	}
	if _, err := left.Queue(d.broker.URL(), "log_queue"); err != nil {
		return err
	}
	missing := tally.Missing(1, messages, stored, dead, left)
	summary, _ := pipeline.Find("summary")
	fmt.Printf(`
  sent                     %9d
  in S3                    %9d   in %d objects, %.1f MB
    of these, twice        %9d
    recovered from fallback%9d   after the outage
  dead letters             %9d   the first: %v
  still in the queue       %9d
  missing                  %9d

`, messages, len(stored.Count), stored.Places, float64(stored.Bytes)/1e6, stored.Twice(), summary.Int("recovered"),
		dead.Total(), headers["x-logpipe-error"], left.Total(), len(missing))
	fmt.Printf("  The objects lie under %s\n", filepath.Join(d.dir, "s3", bucket, "logs"))
	fmt.Printf("  Look at one:  zcat $(find %s -name '*.gz' | head -1) | head -3\n\n", filepath.Join(d.dir, "s3", bucket))
	switch {
	case len(missing) > 0:
		return fmt.Errorf("%d messages are missing, the first is number %d", len(missing), missing[0])
	case summary.Int("recovered") == 0:
		return errors.New("nothing went through the fallback, so the outage was not seen")
	case dead.Total() < messages/invalidEvery:
		return fmt.Errorf("%d dead letters, want %d", dead.Total(), messages/invalidEvery)
	}
	return nil
}
