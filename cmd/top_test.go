package cmd

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/cmd/internal/cli"
	"github.com/logpipe/logpipe/cmd/internal/top"
	"github.com/logpipe/logpipe/engine/admin/page"
	"github.com/logpipe/logpipe/engine/stats"
)

// sampleStatus is three pipelines: one in an outage, one that is well, one that has ended.
func sampleStatus() *page.Status {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) *time.Time { t := now.Add(-d); return &t }
	yes := true
	return &page.Status{
		Version: "v1.2.3", Host: "host\x1b[2J", Started: now.Add(-26 * time.Hour), Now: now, State: page.Fail,
		Pipelines: []page.Pipeline{
			{Name: "audit", State: page.OK, Word: "well", Received: page.Rate{Messages: 3.5, Bytes: 900}, Written: page.Rate{Messages: 3.4}},
			{
				Name: "logs", State: page.Fail, Word: "output fails",
				Says:     []string{"output.s3: refused\nagain (put object …); it fails for 12s; it is tried again", "fallback.file holds 1,200 messages, and takes more"},
				Received: page.Rate{Messages: 1234.4, Bytes: 1_250_000, Total: 99_999}, Unsettled: 480, Oldest: before(9 * time.Second), Workers: 5, Busy: 2, DeadLetters: 3,
				Steps: []page.Step{
					{Name: "input.amqp", Role: "input", About: "queue log_queue", State: page.OK, Word: "reads", Connected: &yes, Unsettled: 480, Window: 3000, Lost: 1,
						Flow: page.Rate{Messages: 1234.4, Bytes: 1_250_000}, Gauges: map[string]float64{"queue_messages": 12_000}},
					{Name: "processor.rate_limit", Role: "processor", Kind: "stage", State: page.OK, Word: "slows down", Flow: page.Rate{Messages: 1234},
						Gauges: map[string]float64{"waiting_messages": 2100}},
					{Name: "processor.batch", Role: "processor", Kind: "stage", State: page.OK, Word: "fills batches", Flow: page.Rate{Messages: 1234},
						Gauges: map[string]float64{"open_groups": 3, "fullest_ratio": 0.42}},
					{Name: "output.s3", Role: "output", About: "bucket logs", State: page.Fail, Word: "fails for 12s", Failing: before(12 * time.Second),
						Writes: 1500, Failed: 31, P50: 0.012, P99: 2.345, Outages: 2, Down: 75},
					{Name: "fallback.file", Role: "fallback", State: page.Warn, Word: "takes batches", Flow: page.Rate{Messages: 400, Total: 1200}},
					{Name: "dead_letter.amqp", Role: "dead_letter", State: page.OK, Word: "3 in all", Flow: page.Rate{Total: 3}},
				},
				Errors: []page.Failure{{Step: "output.s3", Class: "other", Text: "put object logs/a.gz: \x1b[31mrefused", Cause: "\x1b[31mrefused (put object …)", Count: 31, Last: now.Add(-time.Second)}},
			},
			{Name: "once", State: page.Note, Word: "ended", Says: []string{"it has ended, and left nothing"}},
		},
	}
}

// What the terminal shows is exactly what stands in the golden files: wide, and as narrow and low as a small window.
func TestTopText(t *testing.T) {
	s := sampleStatus()
	golden(t, "top.txt", strings.Join(top.TopView{Width: top.PlainWidth}.Lines(s), "\n")+"\n")
	small := top.TopView{Width: 60, Height: 9}.Lines(s)
	golden(t, "top-small.txt", strings.Join(small, "\n")+"\n")
	if len(small) > 9 {
		t.Errorf("%d lines in a window of 9", len(small))
	}
	for _, line := range small {
		if n := len([]rune(line)); n >= 60 {
			t.Errorf("%d columns in a window of 60: %q", n, line)
		}
	}
}

func TestTopColours(t *testing.T) {
	text := strings.Join(top.TopView{Width: 200, Color: true}.Lines(sampleStatus()), "\n")
	if !strings.Contains(text, "\x1b[31mFAILS") || !strings.Contains(text, "\x1b[33m  fallback.file") || strings.Contains(text, "\x1b[2J") {
		t.Errorf("%q", text)
	}
}

// serveStatus answers as a logpipe with one pipeline does, at the address that it returns.
func serveStatus(t *testing.T) string {
	t.Helper()
	return serveStatusBehind(t, func(next http.Handler) http.Handler { return next })
}

// serveStatusBehind is serveStatus with something in front.
func serveStatusBehind(t *testing.T, front func(http.Handler) http.Handler) string {
	t.Helper()
	set := &stats.Set{}
	set.Replace([]*stats.Pipeline{stats.NewPipeline("numbers", []stats.Place{{Name: "input.numbers", Role: "input"}, {Name: "output.sink", Role: "output"}})})
	mux := http.NewServeMux()
	page.New(page.Options{Set: set, Version: "v1.2.3"}).Register(mux.Handle)
	server := httptest.NewServer(front(mux))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func runTop(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), append([]string{"top"}, args...), Streams{Out: &o, Err: &e}, testPlugins()...)
	return code, o.String(), e.String()
}

func TestTopOnce(t *testing.T) {
	at := serveStatus(t)
	for _, args := range [][]string{{at}, {"--once", "http://" + at + "/"}, {at[strings.Index(at, ":"):]}} {
		code, out, errs := runTop(t, args...)
		if code != cli.ExitOK || !strings.Contains(out, "logpipe v1.2.3") || !strings.Contains(out, "at rest  numbers") || strings.Contains(out, "\x1b") {
			t.Errorf("%q: exit code %d, %q, %q", args, code, out, errs)
		}
	}
}

// Somebody who looks for a process that is not there must be told where to look.
func TestTopErrors(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(web.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, test := range []struct {
		at, want string
		code     int
	}{
		{strings.TrimPrefix(gone.URL, "http://"), `nothing listens at 127.0.0.1:`, cli.ExitRuntime},
		{other.URL, "answers 404 Not Found", cli.ExitRuntime},
		{web.URL, "is no logpipe", cli.ExitRuntime},
		{"ftp://x", `"ftp://x" is no address such as 127.0.0.1:9600`, cli.ExitUsage},
		{"u:p@host", "is no address", cli.ExitUsage},
	} {
		code, _, errs := runTop(t, test.at)
		if code != test.code || !strings.Contains(errs, test.want) {
			t.Errorf("%s: exit code %d, %s", test.at, code, errs)
		}
	}
}
