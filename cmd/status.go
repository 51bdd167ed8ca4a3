package cmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/engine/config"
)

// The status line is drawn four times a second; its rate is that of the last two seconds.
const (
	redraw      = 250 * time.Millisecond
	rateSamples = 8
)

// showStatus keeps the status line of the screen up to date until ctx ends, then takes it away.
func showStatus(ctx context.Context, s *screen, width func() int, total func() tally) {
	defer s.Status("")
	start := time.Now()
	ticker := time.NewTicker(redraw)
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
		rate := perSecond(t.Received-seen[0], time.Duration(len(seen))*redraw)
		seen = append(seen, t.Received)
		s.Status(statusText(t, rate, time.Since(start), width()))
	}
}

// statusText is the line itself, as much of it as fits into a terminal of that width; 0 is unknown.
func statusText(t tally, rate int64, took time.Duration, width int) string {
	if width <= 0 {
		width = 80
	}
	parts := []string{
		thousands(t.Received) + " messages",
		thousands(rate) + "/s",
		thousands(t.Batches) + " batches",
		thousands(t.Unsettled) + " unsettled",
		thousands(t.Retries) + " retries",
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
type result struct {
	Pipeline string
	Took     time.Duration
	tally
}

// rows are the lines of the summary.
func (r result) rows() [][2]string {
	return [][2]string{
		{"received", thousands(r.Received)},
		{"written", thousands(r.Written)},
		{"batches", thousands(r.Batches)},
		{"recovered", thousands(r.Recovered)},
		{"fell back", thousands(r.FellBack)},
		{"dead letters", thousands(r.DeadLetters)},
		{"dropped", thousands(r.Dropped)},
		{"unsettled", thousands(r.Unsettled)},
		{"time", r.Took.Round(time.Millisecond).String()},
		{"messages/s", thousands(perSecond(r.Received, r.Took))},
	}
}

// writeSummary writes a small table with a column for each pipeline.
func writeSummary(w io.Writer, results []result) {
	lines := []string{strings.Repeat(" ", len("dead letters"))}
	for _, row := range results[0].rows() {
		lines = append(lines, fmt.Sprintf("%-*s", len(lines[0]), row[0]))
	}
	for _, r := range results {
		cells := []string{escape(r.Pipeline)}
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

// logSummary is the same for a log that machines read.
func logSummary(log *slog.Logger, r result) {
	log.Info("summary", "pipeline", r.Pipeline,
		"received", r.Received, "received_bytes", r.Bytes, "written", r.Written, "batches", r.Batches, "retries", r.Retries,
		"recovered", r.Recovered, "fell_back", r.FellBack, "dead_letters", r.DeadLetters, "dropped", r.Dropped,
		"unsettled", r.Unsettled, "seconds", r.Took.Seconds(), "messages_per_second", perSecond(r.Received, r.Took))
}
