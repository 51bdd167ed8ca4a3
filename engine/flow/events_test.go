package flow_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
)

// events is an observer that keeps everything.
type events struct {
	mu  sync.Mutex
	all []engine.Event
}

func (e *events) Observe(event engine.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// sum is the number of messages of all events of a kind.
func (e *events) sum(kind engine.EventKind) int {
	n := 0
	for _, event := range e.of(kind) {
		n += event.Messages
	}
	return n
}

func (e *events) of(kind engine.EventKind) []engine.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []engine.Event
	for _, event := range e.all {
		if event.Kind == kind {
			found = append(found, event)
		}
	}
	return found
}

// What an operator sees must add up: each message received is settled, and each event is told.
func TestEventsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(100).withFallback()
		g.source.Follow = true
		g.p.Workers = 1
		g.before(transform(func(b *engine.Batch) error {
			for i := range b.Messages {
				switch b.Messages[i].Body[5] {
				case '1':
					b.Reject(i, errors.New("no good"))
				case '2':
					g.ledger.Settled(string(b.Messages[i].Body), "dropped")
					b.Drop(i)
				}
			}
			return nil
		}))
		began := time.Now()
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			if time.Since(began) < time.Minute {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		g.fallback.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n < 2 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		stop := g.start(t)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
		for kind, want := range map[engine.EventKind]int{
			engine.Received: 100, engine.Rejected: 10, engine.DeadLettered: 10, engine.Dropped: 10, engine.Sealed: 80,
			engine.FellBack: 80, engine.Recovered: 80, engine.Settled: 100,
		} {
			if got := g.events.sum(kind); got != want {
				t.Errorf("events of kind %d are about %d messages, want %d", kind, got, want)
			}
		}
		stored := map[string]int{}
		for _, e := range g.events.of(engine.Attempt) {
			stored[e.Plugin] += e.Stored
		}
		if stored["output.store"] != 80 || stored["fallback.spool"] != 80 || stored["dead_letter.store"] != 10 {
			t.Errorf("attempts stored %v", stored)
		}
		for _, kind := range []engine.EventKind{engine.Opened, engine.Held, engine.Outage, engine.Acked} {
			if len(g.events.of(kind)) == 0 {
				t.Errorf("no event of kind %d", kind)
			}
		}
	})
}

// Retries are the writes beyond the first of each batch and place: what an operator reads a shaky output from. A batch that comes home, or
// goes from the output to the fallback, is not tried again.
func TestRetriesAreMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10).withFallback()
		g.source.Follow = true
		g.p.Workers = 1
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n == 0 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		g.fallback.Script = func(n int, b *engine.Batch) enginetest.Step { return enginetest.Step{} }
		stop := g.start(t)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
		failed, again := 0, 0
		for _, e := range g.events.of(engine.Attempt) {
			if e.Err != nil {
				failed++
			}
			if e.Again {
				again++
			}
		}
		if failed != 1 || again != 0 {
			t.Errorf("with a fallback: %d writes failed, %d were again; want 1, 0", failed, again)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := newRig(10)
		g.p.Workers = 1
		g.output.Script = func(n int, b *engine.Batch) enginetest.Step {
			if n < 3 {
				return enginetest.Step{Err: errDown}
			}
			return enginetest.Step{}
		}
		g.source.Follow = true
		stop := g.start(t)
		time.Sleep(time.Hour)
		g.finishNow(t, stop)
		again := 0
		for _, e := range g.events.of(engine.Attempt) {
			if e.Again {
				again++
			}
		}
		if again != 3 {
			t.Errorf("held and tried again: %d writes were again, want 3", again)
		}
	})
}

// weighty is a tap whose messages hold more than their bodies.
type weighty struct{ *tap }

func (w weighty) Read(ctx context.Context, b *engine.Batch) error {
	err := w.tap.Read(ctx, b)
	b.MetaBytes = 1000 * int64(len(b.Messages))
	return err
}

// What comes in and what is stored are compared by their bytes: where a message costs more memory than its body, that is the window's affair. With
// RabbitMQ the input would seem to bring four times what the output gets, and somebody would look for the rest.
func TestBytesOfEventsAreThoseOfBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := &events{}
		p := &flow.Pipeline{
			Name: "bytes", Inputs: []engine.InputStep{{Name: "input.tap", Input: weighty{&tap{body: make([]byte, 250), left: 1000}}}},
			Output: engine.OutputStep{Name: "output.sink", Output: sink{}}, Observer: events,
		}
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []engine.EventKind{engine.Received, engine.Attempt, engine.Settled} {
			var bytes int64
			for _, e := range events.of(kind) {
				bytes += e.Bytes
			}
			if bytes != 250*1000 {
				t.Errorf("events of kind %d are about %d bytes, want %d", kind, bytes, 250*1000)
			}
		}
	})
}
