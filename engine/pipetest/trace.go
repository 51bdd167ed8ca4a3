package pipetest

import (
	"context"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
)

// Step is what a processor did to one message, or that a stage sealed its batch.
type Step struct {
	Processor string   `json:"processor"` // as in "processor.json"
	Did       string   `json:"did"`       // one of the Did constants
	Sent      int      `json:"sent"`      // which of the messages that were sent it is; -1 is not known
	Before    string   `json:"before,omitempty"`
	After     string   `json:"after,omitempty"`   // DidChange
	Changes   []string `json:"changes,omitempty"` // DidChange: see difference
	Reason    string   `json:"reason,omitempty"`  // DidReject and DidFail
	Batch     string   `json:"batch,omitempty"`   // DidGroup: its id
	Partition string   `json:"partition,omitempty"`
	SealedBy  string   `json:"sealed_by,omitempty"`
}

// What a processor may do to a message.
const (
	DidPass   = "passed"
	DidChange = "changed"
	DidLeave  = "taken out" // dropped, or split: then its parts go on
	DidReject = "rejected"
	DidFail   = "failed" // it cannot work now, and is tried again
	DidGroup  = "grouped"
)

// tracer notes steps.
type tracer struct {
	mu     sync.Mutex
	steps  []Step
	failed map[string]bool // processors that failed: once is enough to know
}

func (t *tracer) note(s Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, s)
}

// trace puts the processors of a pipeline between eyes.
func trace(p *flow.Pipeline) *tracer {
	t := &tracer{failed: map[string]bool{}}
	t.watch(p.Processors)
	for _, b := range p.Branches {
		t.watch(b.Processors)
	}
	return t
}

func (t *tracer) watch(steps []engine.ProcessorStep) {
	for i := range steps {
		step := &steps[i]
		switch real := step.Processor.(type) {
		case engine.Transform:
			step.Processor = tracedTransform{t, step.Name, real}
		case engine.Stage:
			step.Processor = tracedStage{t, step.Name, real}
		}
	}
}

type tracedTransform struct {
	t    *tracer
	name string
	real engine.Transform
}

// Process notes what became of each message. What the real one says of them stands in the batch already.
func (t tracedTransform) Process(ctx context.Context, b *engine.Batch) error {
	before := make([]string, len(b.Messages))
	for i, m := range b.Messages {
		before[i] = string(m.Body)
	}
	if err := t.real.Process(ctx, b); err != nil || len(before) != len(b.Messages) {
		t.fails(b, before, err)
		return err
	}
	leaving, rejected := engine.Marks(b)
	gone := map[int]bool{}
	for _, i := range leaving {
		gone[i] = true
	}
	for i := range b.Messages {
		s := Step{Processor: t.name, Did: DidPass, Sent: indexOf(&b.Messages[i]), Before: before[i]}
		switch now := string(b.Messages[i].Body); {
		case rejected[i] != nil:
			s.Did, s.Reason = DidReject, rejected[i].Error()
		case gone[i]:
			s.Did = DidLeave
		case now != before[i]:
			s.Did, s.After, s.Changes = DidChange, now, changes(before[i], now)
		}
		t.t.note(s)
	}
	return nil
}

// fails notes that a transform could not work.
func (t tracedTransform) fails(b *engine.Batch, before []string, err error) {
	if err == nil || t.t.failed[t.name] {
		return
	}
	t.t.failed[t.name] = true
	for i := range min(len(before), len(b.Messages)) {
		t.t.note(Step{Processor: t.name, Did: DidFail, Sent: indexOf(&b.Messages[i]), Before: before[i], Reason: err.Error()})
	}
}

type tracedStage struct {
	t    *tracer
	name string
	real engine.Stage
}

// Run notes what comes out.
func (t tracedStage) Run(ctx context.Context, in <-chan *engine.Batch, out chan<- *engine.Batch) error {
	mid, done := make(chan *engine.Batch), make(chan struct{})
	go func() {
		defer close(done)
		for b := range mid {
			t.note(b)
			select {
			case out <- b:
			case <-ctx.Done():
			}
		}
	}()
	defer func() { close(mid); <-done }()
	return t.real.Run(ctx, in, mid)
}

func (t tracedStage) note(b *engine.Batch) {
	for i := range b.Messages {
		t.t.note(Step{Processor: t.name, Did: DidGroup, Sent: indexOf(&b.Messages[i]), Before: string(b.Messages[i].Body),
			Batch: b.ID, Partition: b.Partition, SealedBy: b.SealedBy})
	}
}
