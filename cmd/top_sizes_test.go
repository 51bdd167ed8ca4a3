package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/logpipe/logpipe/cmd/internal/top"
	"github.com/logpipe/logpipe/engine/admin/page"
)

// troubled is a process with so many pipelines, of which each third cannot write.
func troubled(n int) *page.Status {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(-d); return &t }
	s := &page.Status{Version: "v1.22.333-0.20260301120000-0123456789ab", Host: "logpipe-7d9f8b6c5d-x2x4z", Started: now.Add(-50 * time.Hour), Now: now, State: page.Fail}
	for i := range n {
		p := page.Pipeline{Name: fmt.Sprintf("tenant-%03d-%s", i, []string{"web", "billing-and-invoices-of-europe", "auth"}[i%3]), State: page.OK, Word: "well",
			Received: page.Rate{Messages: 123_456.7, Bytes: 45_678_901}, Written: page.Rate{Messages: 98_765.4, Bytes: 34_567_890},
			Unsettled: 1_234_567, Oldest: at(25 * time.Hour), DeadLetters: 12_345}
		if i%3 == 0 {
			p.State, p.Word = page.Fail, "output fails"
			p.Says = []string{"output.s3: connection refused: nothing listens at 10.11.12.13:9000 (put object … into bucket logs); it fails for 1h 2m; it is tried again, and fallback.file takes what it cannot store"}
			p.Steps = []page.Step{{Name: "input.amqp", Role: "input", State: page.OK, Word: "reads", Flow: page.Rate{Messages: 123_456.7, Bytes: 45_678_901}},
				{Name: "output.s3", Role: "output", State: page.Fail, Word: "fails for 1h 2m", Writes: 1500, Failed: 31}}
			p.Errors = []page.Failure{{Step: "output.s3", Text: "put object x: connection refused", Cause: "connection refused: nothing listens at 10.11.12.13:9000 (put object …)", Count: 31, Last: now}}
		}
		s.Pipelines = append(s.Pipelines, p)
	}
	return s
}

// Who looks at a terminal at night has the window that there is. How many fail, and why, must be in what it shows, and no line may be longer.
func TestTopSaysTheCauseInEverySize(t *testing.T) {
	for _, n := range []int{1, 6, 30, 500} {
		for _, width := range []int{60, 80, 100, 140} {
			lines := top.TopView{Width: width, Height: 23}.Lines(troubled(n))
			text := strings.Join(lines, "\n")
			if folder := os.Getenv("LOGPIPE_TEST_SCREENS"); folder != "" {
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("top-%d-%d.txt", n, width)), []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if len(lines) > 23 {
				t.Errorf("%d pipelines, %d columns: %d lines", n, width, len(lines))
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) >= width {
					t.Errorf("%d pipelines, %d columns: a line of %d: %s", n, width, utf8.RuneCountInString(line), line)
				}
			}
			if want := fmt.Sprintf("%d FAILS", (n+2)/3); !strings.HasPrefix(lines[0], want) {
				t.Errorf("%d pipelines, %d columns begin with %q, want %q", n, width, lines[0], want)
			}
			head := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "STATE ") })
			table := lines[head : head+3] // the first row, with what is the matter beside or below it
			if said := strings.Join(table, "\n"); !strings.Contains(said, "FAILS    tenant-000-web") || !strings.Contains(said, "output.s3: connection refused: nothing listens at") {
				t.Errorf("%d pipelines, %d columns: the cause is not in the first rows:\n%s", n, width, text)
			}
		}
	}
}
