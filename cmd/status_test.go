package cmd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/cmd/internal/progress"
	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/stats"
)

// testStats counts for the steps that the tests of this file speak of.
func testStats() *stats.Pipeline {
	return stats.NewPipeline("logs", []stats.Place{
		{Name: "input.a", Role: engine.RoleInput}, {Name: "input.b", Role: engine.RoleInput}, {Name: "input.x", Role: engine.RoleInput},
		{Name: "processor.x", Role: engine.RoleProcessor},
		{Name: "output.s3", Role: engine.RoleOutput}, {Name: "output.x", Role: engine.RoleOutput},
		{Name: "fallback.file", Role: engine.RoleFallback}, {Name: "dead_letter.amqp", Role: engine.RoleDeadLetter},
	})
}

func TestShowStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := testStats()
		ctx, stop := context.WithCancel(t.Context())
		s := &console.Screen{W: &out}
		go progress.ShowStatus(ctx, s, func() int { return 100 }, func() progress.Tally { return progress.TallyOf(c) })
		time.Sleep(progress.Redraw / 2) // what happens, happens between two ticks
		for range 12 {                  // three seconds, 400 messages in each
			c.Observe(engine.Event{Kind: engine.Received, Plugin: "input.x", Messages: 100})
			c.Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.x", Messages: 100, Stored: 100})
			time.Sleep(progress.Redraw)
		}
		synctest.Wait()
		want := "1,200 messages  400/s  12 batches  1,200 unsettled  0 retries  3s"
		if got := s.Shown(); got != want {
			t.Errorf("status is\n%q, want\n%q", got, want)
		}
		stop()
		synctest.Wait()
		if s.Shown() != "" || !strings.HasSuffix(out.String(), console.ClearLine) {
			t.Errorf("the line is not taken away at the end: %q", s.Shown())
		}
	})
}

// A line that is longer than the terminal wraps, and its first part could not be erased any more.
func TestStatusTextFits(t *testing.T) {
	total := progress.Tally{Received: 1234567, Batches: 1200, Unsettled: 50}
	for width := 1; width < 120; width++ {
		if got := progress.StatusText(total, 52310, 75*time.Second, width); len(got) >= width {
			t.Errorf("%d columns for a width of %d: %q", len(got), width, got)
		}
	}
	want := "1,234,567 messages  52,310/s  1,200 batches  50 unsettled  0 retries"
	if got := progress.StatusText(total, 52310, 75*time.Second, 75); got != want {
		t.Errorf("narrow: %q, want %q", got, want)
	}
	if got := progress.StatusText(total, 52310, 75*time.Second, 0); got != want+"  1m15s" {
		t.Errorf("unknown width, which is taken for 80: %q", got)
	}
}

func TestSummary(t *testing.T) {
	results := []progress.Result{
		{Pipeline: "logs", Took: 12345678 * time.Microsecond, Tally: progress.Tally{
			Received: 1000000, Written: 999990, Batches: 20, Recovered: 5, FellBack: 6, DeadLetters: 10, Dropped: 7, Unsettled: 8}},
		{Pipeline: "a\x1bb", Took: time.Second},
	}
	var out bytes.Buffer
	progress.WriteSummary(&out, results)
	golden(t, "summary.txt", out.String())
}

// The numbers that people trust when they ask whether something is missing.
func TestCounters(t *testing.T) {
	c := testStats()
	for _, e := range []engine.Event{
		{Kind: engine.Opened, Plugin: "input.a"},
		{Kind: engine.Received, Plugin: "input.a", Messages: 100, Bytes: 5000},
		{Kind: engine.Received, Plugin: "input.b", Messages: 50, Bytes: 100},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: 40, Err: errors.New("down")},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: 40, Stored: 40},
		{Kind: engine.Attempt, Plugin: "output.s3", Messages: 10, Stored: 7, Err: &engine.WriteError{Failed: make([]engine.Failure, 3)}},
		{Kind: engine.Attempt, Plugin: "fallback.file", Messages: 9},
		{Kind: engine.Attempt, Plugin: "dead_letter.amqp", Messages: 2},
		{Kind: engine.FellBack, Plugin: "fallback.file", Messages: 9},
		{Kind: engine.Recovered, Plugin: "fallback.file", Messages: 8},
		{Kind: engine.DeadLettered, Plugin: "dead_letter.amqp", Messages: 2},
		{Kind: engine.Dropped, Plugin: "processor.x", Messages: 1},
		{Kind: engine.Settled, Plugin: "input.a", Messages: 60},
		{Kind: engine.Settled, Plugin: "input.b", Messages: 50},
	} {
		c.Observe(e)
	}
	want := progress.Tally{Received: 150, Bytes: 5100, Written: 47, Batches: 1, Retries: 2, FellBack: 9, Recovered: 8, DeadLetters: 2, Dropped: 1, Unsettled: 40}
	if diff := cmp.Diff(want, progress.TallyOf(c)); diff != "" {
		t.Error(diff)
	}

	c.Observe(engine.Event{Kind: engine.Lost, Plugin: "input.a"})
	c.Observe(engine.Event{Kind: engine.Settled, Plugin: "input.a", Messages: 40}) // was on its way
	if got := progress.TallyOf(c).Unsettled; got != 0 {
		t.Errorf("%d unsettled after the connection was lost: the source has them again", got)
	}
	c.Observe(engine.Event{Kind: engine.Opened, Plugin: "input.a"})
	c.Observe(engine.Event{Kind: engine.Received, Plugin: "input.a", Messages: 7})
	if got := progress.TallyOf(c).Unsettled; got != 7 {
		t.Errorf("%d unsettled on the new connection, want 7", got)
	}
}
