// Package progress says what a run has done so far: the status line and the summary.
package progress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/cmd/internal/console"
	"github.com/logpipe/logpipe/engine/config"
)

// The status line is drawn four times a second; its rate is that of the last two seconds.
const (
	Redraw      = 250 * time.Millisecond
	rateSamples = 8
)

// ShowStatus keeps the status line of the screen up to date until ctx ends, then takes it away.
func ShowStatus(ctx context.Context, s *console.Screen, width func() int, total func() Tally) {
	defer s.Status("")
	start := time.Now()
	ticker := time.NewTicker(Redraw)
	defer ticker.Stop()
	seen := []int64{total().Received} // one sample a tick, the newest last
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		t := total()
		if len(seen) > rateSamples {
			seen = seen[1:]
		}
		rate := PerSecond(t.Received-seen[0], time.Duration(len(seen))*Redraw)
		seen = append(seen, t.Received)
		s.Status(StatusText(t, rate, time.Since(start), width()))
	}
}

// StatusText is the line itself, as much of it as fits into a terminal of that width; 0 is unknown.
func StatusText(t Tally, rate int64, took time.Duration, width int) string {
	if width <= 0 {
		width = 80
	}
	parts := []string{
		console.Thousands(t.Received) + " messages",
		console.Thousands(rate) + "/s",
		console.Thousands(t.Batches) + " batches",
		console.Thousands(t.Unsettled) + " unsettled",
		console.Thousands(t.Retries) + " retries",
		config.DurationText(took.Truncate(time.Second)),
	}
	line := parts[0]
	for _, part := range parts[1:] {
		// A full last column makes some terminals go to the next line, which nobody would erase.
		if len(line)+2+len(part) >= width {
			break
		}
		line += "  " + part
	}
	return line[:max(0, min(len(line), width-1))]
}

// result is how one pipeline of a run came out.
type Result struct {
	Pipeline string
	Took     time.Duration
	Tally
}

// rows are the lines of the summary.
func (r Result) rows() [][2]string {
	return [][2]string{
		{"received", console.Thousands(r.Received)},
		{"written", console.Thousands(r.Written)},
		{"batches", console.Thousands(r.Batches)},
		{"recovered", console.Thousands(r.Recovered)},
		{"fell back", console.Thousands(r.FellBack)},
		{"dead letters", console.Thousands(r.DeadLetters)},
		{"dropped", console.Thousands(r.Dropped)},
		{"unsettled", console.Thousands(r.Unsettled)},
		{"time", r.Took.Round(time.Millisecond).String()},
		{"messages/s", console.Thousands(PerSecond(r.Received, r.Took))},
	}
}

// WriteSummary writes a small table with a column for each pipeline.
func WriteSummary(w io.Writer, results []Result) {
	lines := []string{strings.Repeat(" ", len("dead letters"))}
	for _, row := range results[0].rows() {
		lines = append(lines, fmt.Sprintf("%-*s", len(lines[0]), row[0]))
	}
	for _, r := range results {
		cells := []string{console.Escape(r.Pipeline)}
		for _, row := range r.rows() {
			cells = append(cells, row[1])
		}
		width := 0
		for _, cell := range cells {
			width = max(width, utf8.RuneCountInString(cell))
		}
		for i, cell := range cells {
			lines[i] += fmt.Sprintf("  %*s", width, cell)
		}
	}
	_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n") // nobody is left to be told
}

// LogSummary is the same for a log that machines read.
func LogSummary(log *slog.Logger, r Result) {
	log.Info("summary", "pipeline", r.Pipeline,
		"received", r.Received, "received_bytes", r.Bytes, "written", r.Written, "batches", r.Batches, "retries", r.Retries,
		"recovered", r.Recovered, "fell_back", r.FellBack, "dead_letters", r.DeadLetters, "dropped", r.Dropped,
		"unsettled", r.Unsettled, "seconds", r.Took.Seconds(), "messages_per_second", PerSecond(r.Received, r.Took))
}
