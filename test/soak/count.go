package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/test/tally"
)

const queue, deadLetters = "log_queue", "log_dlq"

// emptied waits until the queue has nothing more to deliver and the fallback is home.
func (s *soak) emptied(ctx context.Context) error {
	for {
		taken, err := tally.Taken(s.url, queue)
		if err != nil {
			return err
		}
		inFile, err := s.inFallback()
		if err != nil {
			return err
		}
		if taken && inFile.Places == 0 {
			return nil
		}
		if err := sleep.For(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("the queue is empty: %v; %d messages are in the fallback: %w\n%s", taken, len(inFile.Count), err, s.replicas[0].p.Tail(10))
		}
	}
}

// inFallback counts the messages in the fallback's files.
func (s *soak) inFallback() (*tally.Tally, error) {
	found := tally.New()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.fallback()), "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it came home a moment ago
		}
		if err != nil {
			return nil, err
		}
		if err := found.Lines(bytes.NewReader(text)); err != nil {
			return nil, err
		}
		found.Places++
	}
	return found, nil
}

// count reads everything back, prints the table, and says what is lost.
func (s *soak) count(ctx context.Context) error {
	stored, dead, left := tally.New(), tally.New(), tally.New()
	if err := stored.Bucket(ctx, s.s3.Client(), s.bucket); err != nil {
		return err
	}
	if _, err := dead.Queue(s.url, deadLetters); err != nil {
		return err
	}
	if _, err := left.Queue(s.url, queue); err != nil {
		return err
	}
	inFile, err := s.inFallback()
	if err != nil {
		return err
	}
	for _, r := range s.replicas {
		s.repeats += r.lost()
	}
	missing := tally.Missing(1, s.messages, stored, dead, left, inFile)
	twice, bound := stored.Twice()+dead.Twice(), s.repeats*s.window
	fmt.Printf(`
  seed                 %10d
  faults               %10d
  sent                 %10d
  in S3                %10d   in %d objects
  dead letters         %10d
  fallback, queue      %10d
  twice                %10d   at most %d: %d windows of %d
  lost                 %10d

`, s.seed, len(s.happened), s.messages, len(stored.Count), stored.Places, len(dead.Count), inFile.Total()+left.Total(), twice, bound, s.repeats, s.window, len(missing))
	s.explain(missing)
	for seq := range dead.Count {
		if seq%invalidEvery != 0 {
			return fmt.Errorf("message %d is valid, and a dead letter", seq)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Errorf("%d messages are lost", len(missing))
	case twice > bound:
		return fmt.Errorf("%d messages are there twice; the bound is %d", twice, bound)
	}
	return nil
}

// explain prints the ledger of each lost message: when it was sent, and what happened then.
func (s *soak) explain(missing []int) {
	for i, seq := range missing {
		if i == 20 {
			fmt.Printf("  and %d more\n", len(missing)-i)
			return
		}
		at := time.Duration(seq) * time.Second / time.Duration(*rate)
		fmt.Printf("  lost: message %d, sent at about %.1fs\n", seq, at.Seconds())
		for _, e := range s.happened {
			if e.from-5*time.Second < at && at < e.to+5*time.Second {
				fmt.Printf("    %.1fs to %.1fs: %s\n", e.from.Seconds(), e.to.Seconds(), e.what)
			}
		}
	}
}
