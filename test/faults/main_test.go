// Package faults has a test for each row of the failure table in DESIGN.md: the real command, a real RabbitMQ and a real S3 server, and
// one fault. Each message carries a number; what was sent must be found again, and what is found twice is held against the bound.
//
// Rows that need a broker of their own have the build tag faults: make faults runs all of them.
package faults

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for most of their time, so more of them than there are processors may run at once.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	servers.Main(m)
}

// edited is the shipped pipeline.hcl with other text in the place of some.
func edited(t *testing.T, oldNew ...string) string {
	t.Helper()
	text, err := os.ReadFile("../../pipeline.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(oldNew); i += 2 {
		if strings.Count(string(text), oldNew[i]) != 1 {
			t.Fatalf("pipeline.hcl has not %q once", oldNew[i])
		}
	}
	return strings.NewReplacer(oldNew...).Replace(string(text))
}

// reading is the shipped pipeline.hcl with an input queue of this type.
func reading(t *testing.T, queueType string) string {
	t.Helper()
	queue := `queue = env("RABBITMQ_QUEUE", "log_queue")`
	return edited(t, queue, queue+"\n    queue_type = \""+queueType+"\"")
}

// queueTypes runs a row for each type of queue: what happens to unacked messages is quite another code in the broker.
func queueTypes(t *testing.T, row func(t *testing.T, queueType string)) {
	t.Parallel() // else the next row would wait for this one
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			row(t, kind)
		})
	}
}

// settles ends a row: the pipeline takes what is left and drains; each message from 1 to n is found, and no more are found twice than the
// bound. None of them may be a dead letter.
func settles(w *world.World, p *process.Process, n, twiceMost int) {
	w.TB.Helper()
	w.Taken("log_queue")
	w.Arrive(n)
	w.Until("the fallback is home", func() bool { return w.InFallback().Places == 0 })
	w.Stops(p, 0)
	within(w, n, twiceMost, "log_queue")
	if w.HasQueue("log_dlq") {
		if dead := w.Queue("log_dlq"); dead.Total() != 0 {
			w.TB.Errorf("%d good messages are dead letters", dead.Total())
		}
	}
}

// within accounts for all messages and holds what is there twice against the bound.
func within(w *world.World, n, twiceMost int, queues ...string) {
	w.TB.Helper()
	all := w.Account(n, queues...)
	w.TB.Logf("%d of %d messages are there twice; the bound is %d", all.Twice(), n, twiceMost)
	if all.Twice() > twiceMost {
		w.TB.Errorf("%d messages are there twice, the bound is %d", all.Twice(), twiceMost)
	}
}
