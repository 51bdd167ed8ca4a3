package stats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

func logs() *Pipeline {
	return NewPipeline("logs", []Place{{Name: "input.a", Role: engine.RoleInput}, {Name: "output.s3", Role: engine.RoleOutput, Classes: []string{"missing"}}, {Name: "dead_letter.amqp", Role: engine.RoleDeadLetter}})
}

// A quantile that is far off would call people for nothing, or not at all.
func TestQuantiles(t *testing.T) {
	var h Histogram
	for i := 1; i <= 1000; i++ {
		h.Observe(float64(i) / 100)
	}
	c := h.Counts()
	for q, want := range map[float64]float64{0.5: 5, 0.99: 9.9, 1: 10} {
		if got := c.Quantile(q); got < want || got > want*1.2 {
			t.Errorf("quantile %v is %v, want %v and a fifth more at most", q, got, want)
		}
	}
	if c.Total() != 1000 || math.Abs(c.Sum-5005) > 0.01 {
		t.Errorf("%d numbers with the sum %v", c.Total(), c.Sum)
	}
	h.Observe(700)
	if got := h.Counts().Since(c); got.Total() != 1 || got.Quantile(0.5) < 700 || got.Quantile(0.5) > 840 {
		t.Errorf("after one of 700: %d numbers, the middle one %v", got.Total(), got.Quantile(0.5))
	}
}

// Every number is in the bucket whose bounds it lies between: what is exported adds up by these bounds.
func TestBucketsAndBounds(t *testing.T) {
	for _, v := range []float64{0, -1, 1e-9, 0.0001, 0.00010001, 1, 1.5, 2, 1000, 1e5, 1e12, math.Inf(1), math.NaN()} {
		i := bucket(v)
		if v > Bound(i)*(1+1e-8) || i > 0 && v <= Bound(i-1) {
			t.Errorf("%v is in bucket %d, from %v to %v", v, i, Bound(max(0, i-1)), Bound(i))
		}
	}
	for i := range bucketCount - 1 {
		if got := bucket(Bound(i)); got != i {
			t.Errorf("the bound %v of bucket %d is in bucket %d", Bound(i), i, got)
		}
	}
}

// One trouble is one line, however often it comes; another trouble is not hidden behind it.
func TestFailures(t *testing.T) {
	p := logs()
	fail := func(step, text string) {
		p.Observe(engine.Event{Kind: engine.Attempt, Plugin: step, Messages: 1, Err: errors.New(text)})
	}
	for i := range 100 {
		fail("output.s3", fmt.Sprintf("put object logs/2026-01-01/01JD%04dXYZ.ndjson: 503 SlowDown", i))
	}
	fail("output.s3", "put object logs/2026-01-01/01JD9999XYZ.ndjson: 403 AccessDenied")
	fail("dead_letter.amqp", "no route")
	var got []string
	for _, f := range p.Failures() {
		got = append(got, fmt.Sprint(f.Step, " ", f.Count, " ", f.Text))
	}
	want := []string{
		"dead_letter.amqp 1 no route",
		"output.s3 1 put object logs/2026-01-01/01JD9999XYZ.ndjson: 403 AccessDenied",
		"output.s3 100 put object logs/2026-01-01/01JD0099XYZ.ndjson: 503 SlowDown",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	p = logs()
	for i := range 2 * failuresMost { // S3 is down for all partitions
		fail("output.s3", fmt.Sprintf("put object logs/2026-01-%02d/app%d%s/01JD%04dXYZ.ndjson.gz into bucket logs: nothing listens at 127.0.0.1:9000",
			i%28+1, i, strings.Repeat(":é", i), i))
	}
	fail("output.s3", "put object logs/2026-01-01/app1/01JD9999XYZ.ndjson.gz into bucket old: there is no such bucket")
	fail("output.s3", "write /var/spool/a.ndjson: no space")
	fail("output.s3", "write /var/spool/b.ndjson: no space")
	got = nil
	for _, f := range p.Failures() {
		got = append(got, fmt.Sprint(f.Count, " ", f.Text[strings.LastIndex(f.Text, ": ")+2:]))
	}
	want = []string{"1 no space", "1 no space", "1 there is no such bucket", "40 nothing listens at 127.0.0.1:9000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	for i := range 2 * failuresMost {
		fail("output.s3", "trouble "+string(rune('a'+i)))
	}
	if n := len(p.Failures()); n != failuresMost {
		t.Errorf("%d failures are kept, want %d", n, failuresMost)
	}
}

type throttled struct{ error }

func (throttled) Class() string { return "throttled" }

// A class that begins with its first error is missing in the rate over the counter until the second.
func TestFailedBy(t *testing.T) {
	p := logs()
	for _, err := range []error{
		fmt.Errorf("put: %w", throttled{errors.New("slow")}), fmt.Errorf("put: %w", context.DeadlineExceeded),
		engine.Permanent(errors.New("too large")), errors.New("x"), nil,
	} {
		p.Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.s3", Messages: 1, Err: err})
	}
	want := map[string]int64{"throttled": 1, "timeout": 1, "permanent": 1, "other": 1, "canceled": 0, "panic": 0, "network": 0, "forbidden": 0, "full": 0, "missing": 0}
	if diff := cmp.Diff(want, p.Step("output.s3").FailedBy()); diff != "" {
		t.Error(diff)
	}
}

// An outage is told with its length while it lasts and after it: alerts and the status page go by it.
func TestOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := logs()
		s := p.Step("output.s3")
		p.Observe(engine.Event{Kind: engine.Outage, Plugin: "output.s3", Err: errors.New("down")})
		time.Sleep(time.Minute)
		if n, since, total := s.Outages(); n != 1 || time.Since(since) != time.Minute || total != time.Minute {
			t.Errorf("during it: %d, since %v, %v in all", n, since, total)
		}
		p.Observe(engine.Event{Kind: engine.Outage, Plugin: "output.s3", Took: time.Minute})
		time.Sleep(time.Minute)
		if n, since, total := s.Outages(); n != 1 || !since.IsZero() || total != time.Minute {
			t.Errorf("after it: %d, since %v, %v in all", n, since, total)
		}
	})
}

func TestLife(t *testing.T) {
	p := logs()
	broken := errors.New("broken")
	for _, step := range []struct {
		e    engine.Event
		want Life
	}{
		{engine.Event{Kind: engine.Started}, Life{Phase: Running, Starts: 1}},
		{engine.Event{Kind: engine.Failed, Err: broken, Took: time.Minute}, Life{Phase: Waiting, Starts: 1, Err: broken}},
		{engine.Event{Kind: engine.Started}, Life{Phase: Running, Starts: 2}},
		{engine.Event{Kind: engine.Draining}, Life{Phase: Draining, Starts: 2}},
		{engine.Event{Kind: engine.Ended}, Life{Phase: Ended, Starts: 2}},
	} {
		p.Observe(step.e)
		got := p.Life()
		if step.want.Phase == Waiting && time.Until(got.Next) < 50*time.Second {
			t.Errorf("it is started again at %v, want in a minute", got.Next)
		}
		got.Since, got.Next = time.Time{}, time.Time{}
		if got != step.want {
			t.Errorf("after event %d: %+v, want %+v", step.e.Kind, got, step.want)
		}
	}
}

// What is cut off at the end of a line must not be the reason.
func TestCauseOf(t *testing.T) {
	for text, want := range map[string]string{
		"put object logs/2026-11-25/app1/01M8XA2345.ndjson.gz into bucket logs: connection refused: nothing listens there": "connection refused: nothing listens there (put object … into bucket logs)",
		"put object logs/2026-11-25/app1/01M8XA2345.ndjson.gz":                                                             "put object …",
		"connect to amqp://localhost:5672/: connection refused":                                                            "connect to amqp://localhost:5672/: connection refused",
		"post http://10.0.0.1:9000/bucket/2026: the server answers 503 Service Unavailable":                                "post http://10.0.0.1:9000/bucket/2026: the server answers 503 Service Unavailable",
		"no space left on device": "no space left on device",
	} {
		if got := causeOf(text); got != want {
			t.Errorf("%s\n%s, want\n%s", text, got, want)
		}
	}
}
