package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/flow"
)

// patience is how long a suite waits for something that must happen. It is long because only a failing test waits so long.
const patience = 30 * time.Second

// InputSuite says how to test an input.
type InputSuite struct {
	// New makes a source that holds these messages, in this order, and an input for it. The source lives as long as the test.
	New func(t *testing.T, bodies [][]byte) engine.Input
	// Invents says that the input makes its own messages: as many as New is given, with other bodies.
	Invents bool
	// Unordered says that messages may come in another order.
	Unordered bool
	// WholeAgain says that after a Close with something unacked, what was acked may come again too.
	WholeAgain bool
}

// TestInput runs what every input must pass. What it checks is what the engine relies on: a fault here loses or doubles logs whatever
// the engine does.
func TestInput(t *testing.T, s InputSuite) {
	t.Run("delivers every message, byte for byte", s.deliversAll)
	t.Run("delivers again what was not acked", s.deliversAgain)
	t.Run("takes acks in any order beside reads", s.acksInAnyOrder)
	t.Run("read ends with its context", s.readEnds)
	t.Run("close without read", s.closeWithoutRead)
	t.Run("in a pipeline nothing is left", s.inPipeline)
}

func (s InputSuite) open(t *testing.T, n int) (engine.Input, [][]byte) {
	t.Helper()
	bodies := Bodies(n)
	in := s.New(t, bodies)
	reopen(t, in)
	return in, bodies
}

func reopen(t *testing.T, in engine.Input) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := in.Open(ctx); err != nil {
		t.Fatalf("open: %v", err)
	}
}

// Bodies makes n bodies that differ, as logs look.
func Bodies(n int) [][]byte {
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `{"seq":%d,"source":"app%d","event":"login_failed"}`, i, i%3)
	}
	return bodies
}

// chunk is one answer of Read.
type chunk struct {
	tag    uint64
	bodies []string
}

// read reads n messages, chunk by chunk.
func read(t *testing.T, in engine.Input, n int) (chunks []chunk) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tags := map[uint64]bool{}
	for got := 0; got < n; {
		var b engine.Batch
		err := in.Read(ctx, &b)
		if err != nil || len(b.Messages) == 0 {
			t.Fatalf("read after %d of %d messages: %d messages and error %v", got, n, len(b.Messages), err)
		}
		if tags[b.Tag] {
			t.Fatalf("tag %d names two chunks", b.Tag)
		}
		tags[b.Tag] = true
		c := chunk{tag: b.Tag}
		for _, m := range b.Messages {
			c.bodies = append(c.bodies, string(m.Body))
		}
		got += len(c.bodies)
		chunks = append(chunks, c)
	}
	return chunks
}

func (s InputSuite) compare(t *testing.T, want [][]byte, chunks []chunk) {
	t.Helper()
	var got, expect []string
	for _, c := range chunks {
		got = append(got, c.bodies...)
	}
	for _, b := range want {
		expect = append(expect, string(b))
	}
	if s.Invents {
		if len(got) != len(expect) {
			t.Errorf("%d messages, want %d", len(got), len(expect))
		}
		return
	}
	if s.Unordered {
		slices.Sort(got)
		slices.Sort(expect)
	}
	if !slices.Equal(got, expect) {
		t.Errorf("got %d messages that are not the %d sent; first got %.80q", len(got), len(expect), got[0])
	}
}

func tagsOf(chunks []chunk) (tags []uint64) {
	for _, c := range chunks {
		tags = append(tags, c.tag)
	}
	return tags
}

func shut(t *testing.T, in engine.Input) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := in.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func (s InputSuite) deliversAll(t *testing.T) {
	in, want := s.open(t, 1000)
	chunks := read(t, in, len(want))
	s.compare(t, want, chunks)
	if err := in.Ack(t.Context(), tagsOf(chunks)); err != nil {
		t.Errorf("ack: %v", err)
	}
	shut(t, in)
}

func (s InputSuite) deliversAgain(t *testing.T) {
	in, want := s.open(t, 600)
	first := read(t, in, len(want))
	shut(t, in) // nothing was acked
	reopen(t, in)
	second := read(t, in, len(want))
	s.compare(t, want, second)
	if !s.Invents && !s.Unordered && first[0].bodies[0] != second[0].bodies[0] {
		t.Errorf("first came %.80q, then %.80q", first[0].bodies[0], second[0].bodies[0])
	}
	if len(second) > 1 {
		s.deliversTheRest(t, in, second)
		return
	}
	shut(t, in)
}

// deliversTheRest acks the first half of the chunks and looks for the second after another connection.
func (s InputSuite) deliversTheRest(t *testing.T, in engine.Input, chunks []chunk) {
	half := len(chunks) / 2
	left := 0
	for _, c := range chunks[half:] {
		left += len(c.bodies)
	}
	if s.WholeAgain {
		left = 600
	}
	if err := in.Ack(t.Context(), tagsOf(chunks[:half])); err != nil {
		t.Errorf("ack: %v", err)
	}
	shut(t, in)
	reopen(t, in)
	rest := read(t, in, left)
	seen := map[string]bool{}
	for _, c := range rest {
		for _, b := range c.bodies {
			seen[b] = true
		}
	}
	for _, c := range chunks[half:] {
		for _, b := range c.bodies {
			if !seen[b] {
				t.Fatalf("message %.80q was not acked, and did not come again", b)
			}
		}
	}
	if err := in.Ack(t.Context(), tagsOf(rest)); err != nil {
		t.Errorf("ack: %v", err)
	}
	shut(t, in)
}

func (s InputSuite) acksInAnyOrder(t *testing.T) {
	in, want := s.open(t, 3000)
	tags := make(chan uint64, len(want))
	acked := make(chan error)
	go func() {
		var held []uint64
		for tag := range tags {
			if held = append(held, tag); len(held) == 3 {
				slices.Reverse(held)
				if err := in.Ack(t.Context(), held); err != nil {
					acked <- err
					return
				}
				held = nil
			}
		}
		acked <- in.Ack(t.Context(), held)
	}()
	for n := 0; n < len(want); {
		c := read(t, in, 1)[0]
		n += len(c.bodies)
		tags <- c.tag
	}
	close(tags)
	if err := <-acked; err != nil {
		t.Errorf("ack: %v", err)
	}
	shut(t, in)
}

func (s InputSuite) readEnds(t *testing.T) {
	in, _ := s.open(t, 1)
	chunks := read(t, in, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Read(ctx, &engine.Batch{}) }()
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("read gave a message that was never sent")
		}
	case <-time.After(patience):
		t.Fatal("read goes on although its context has ended")
	}
	if err := in.Ack(t.Context(), tagsOf(chunks)); err != nil {
		t.Errorf("ack after the end of reading, as in a drain: %v", err)
	}
	shut(t, in)
}

func (s InputSuite) closeWithoutRead(t *testing.T) {
	in, want := s.open(t, 10)
	shut(t, in)
	reopen(t, in)
	s.compare(t, want, read(t, in, len(want)))
	shut(t, in)
}

// inPipeline moves everything through an engine, and stops it once all is stored if the input never ends by itself.
func (s InputSuite) inPipeline(t *testing.T) {
	bodies := Bodies(2000)
	in := s.New(t, bodies)
	l := NewLedger()
	out := NewStore(l, "output")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := &flow.Pipeline{
		Name: "suite", Workers: 2, DrainTimeout: patience,
		Inputs:     []engine.InputStep{{Name: "input", Input: in, Window: engine.Capacity{Messages: 1500}}},
		Processors: []engine.ProcessorStep{{Name: "group", Processor: Group{Count: 100, Age: 50 * time.Millisecond}}},
		Output:     engine.OutputStep{Name: "output", Output: out},
		Observer:   stopAfter{len(bodies), out, cancel},
	}
	if err := p.Run(ctx); err != nil {
		t.Errorf("the pipeline left something: %v", err)
	}
	if n := len(out.Bodies()); n != len(bodies) {
		t.Errorf("%d of %d messages are stored", n, len(bodies))
	}
	reopen(t, in)
	defer shut(t, in)
	short, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	var b engine.Batch
	if err := in.Read(short, &b); err == nil && !s.Invents {
		t.Errorf("message %.80q comes again although it was settled", b.Messages[0].Body)
	} else if !s.Invents && !errors.Is(err, io.EOF) && short.Err() == nil {
		t.Errorf("read of an empty source: %v", err)
	}
}

type stopAfter struct {
	n    int
	out  *Store
	stop func()
}

func (s stopAfter) Observe(e engine.Event) {
	if e.Kind == engine.Attempt && len(s.out.Bodies()) >= s.n {
		s.stop()
	}
}
