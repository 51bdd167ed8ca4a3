package enginetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// OutputSuite says how to test an output.
type OutputSuite struct {
	// New makes an output for a store that is empty at the first call in a test and the same at later calls in that test.
	New func(t *testing.T) engine.Output
	// Stored reads the store from outside and returns the bodies of all messages in it.
	Stored func(t *testing.T) [][]byte
	// Idempotent says that a batch that is written twice under one id is stored once.
	Idempotent bool
	// Break takes the store away and Mend brings it back. Nil: not tested.
	Break, Mend func(t *testing.T)
}

// TestOutput runs what every output must pass.
func TestOutput(t *testing.T, s OutputSuite) {
	t.Run("stores every message, byte for byte", s.storesAll)
	t.Run("stores odd bodies or rejects them", s.oddBodies)
	t.Run("a rehearsal rejects what a write rejects, and stores nothing", s.rehearsal)
	t.Run("writes from many goroutines", s.manyWriters)
	t.Run("keeps nothing of a batch", s.keepsNothing)
	t.Run("the same batch again", s.again)
	t.Run("an ended context stores nothing and says so", s.endedContext)
	t.Run("close without write", s.closeAlone)
	if s.Break != nil {
		t.Run("a store that is away is no permanent failure", s.away)
	}
}

// NewBatch makes a sealed batch of these bodies.
func NewBatch(bodies ...[]byte) *engine.Batch {
	now := time.Now().UTC()
	b := &engine.Batch{ID: engine.NewID(), Partition: engine.JoinPartition([]string{"source"}, []string{"app1"}), Time: now}
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: slices.Clip(bytes.Clone(body)), Time: now})
	}
	return b
}

func (s OutputSuite) make(t *testing.T) engine.Output {
	t.Helper()
	o := s.New(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := o.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return o
}

func (s OutputSuite) write(t *testing.T, o engine.Output, b *engine.Batch) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := o.Write(ctx, b); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func (s OutputSuite) compare(t *testing.T, want ...[]byte) {
	t.Helper()
	count := map[string]int{}
	for _, body := range want {
		count[string(body)]++
	}
	for _, body := range s.Stored(t) {
		count[string(body)]--
	}
	for body, n := range count {
		if n > 0 {
			t.Errorf("message %.80q is not stored", body)
		} else if n < 0 {
			t.Errorf("message %.80q is stored %d times too often", body, -n)
		}
	}
}

func (s OutputSuite) storesAll(t *testing.T) {
	o, all := s.make(t), Bodies(500)
	for part := range slices.Chunk(all, 100) {
		s.write(t, o, NewBatch(part...))
	}
	s.compare(t, all...)
}

func oddBodies() [][]byte {
	return [][]byte{
		{}, []byte("\x00"), []byte("\xff\xfe\x80"), []byte("a\nb"), []byte("c\r\n"), []byte("\n"), []byte(" "), []byte("é\u2028"),
		[]byte(`{"a":"\n"}`), bytes.Repeat([]byte("x"), 1<<20), []byte(strings.Repeat(`"`, 1000)),
	}
}

// rehearsal is for an engine.Rehearser: a test of a pipeline believes it.
func (s OutputSuite) rehearsal(t *testing.T) {
	o, first := s.make(t), []byte("first")
	r, ok := o.(engine.Rehearser)
	if !ok {
		return
	}
	s.write(t, o, NewBatch(first))
	b := NewBatch(oddBodies()...)
	if _, err := r.Rehearse(b); err != nil {
		t.Fatalf("rehearse: %v", err)
	}
	s.compare(t, first)
	_, rehearsed := engine.Marks(b)
	b = NewBatch(oddBodies()...)
	s.write(t, o, b)
	_, rejected := engine.Marks(b)
	for i, body := range oddBodies() {
		if (rehearsed[i] == nil) != (rejected[i] == nil) {
			t.Errorf("body %.20q: the rehearsal says %v, the write %v", body, rehearsed[i], rejected[i])
		}
	}
}

func (s OutputSuite) oddBodies(t *testing.T) {
	o, odd := s.make(t), oddBodies()
	b := NewBatch(odd...)
	s.write(t, o, b)
	_, rejected := engine.Marks(b)
	for i, why := range rejected {
		if why == nil {
			t.Errorf("body %.20q was rejected without a reason", odd[i])
		}
	}
	var want [][]byte
	for i, body := range odd {
		if _, ok := rejected[i]; !ok {
			want = append(want, body)
		}
	}
	s.compare(t, want...)
}

func (s OutputSuite) manyWriters(t *testing.T) {
	o, all := s.make(t), Bodies(2000)
	var wg sync.WaitGroup
	for part := range slices.Chunk(all, 50) {
		wg.Go(func() {
			if err := o.Write(t.Context(), NewBatch(part...)); err != nil {
				t.Errorf("write: %v", err)
			}
		})
	}
	wg.Wait()
	s.compare(t, all...)
}

func (s OutputSuite) keepsNothing(t *testing.T) {
	o, all := s.make(t), Bodies(20)
	b := NewBatch(all...)
	s.write(t, o, b)
	for i := range b.Messages {
		clear(b.Messages[i].Body) // the engine gives the memory to others now
		b.Messages[i] = engine.Message{}
	}
	other := []byte("other")
	s.write(t, o, NewBatch(other))
	s.compare(t, append(all, other)...)
}

func (s OutputSuite) again(t *testing.T) {
	o, all := s.make(t), Bodies(20)
	b := NewBatch(all...)
	s.write(t, o, b)
	if len(b.Messages) != len(all) {
		t.Fatalf("write changed the batch: it has %d messages", len(b.Messages))
	}
	s.write(t, o, b)
	if s.Idempotent {
		s.compare(t, all...)
		return
	}
	s.compare(t, append(all, all...)...)
}

func (s OutputSuite) endedContext(t *testing.T) {
	o := s.make(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := NewBatch(Bodies(3)...)
	if err := o.Write(ctx, b); err == nil {
		s.compare(t, Bodies(3)...) // it was quick enough: then it must be stored
	} else if engine.IsPermanent(err) {
		t.Errorf("an ended context is called permanent: %v", err)
	}
}

func (s OutputSuite) closeAlone(t *testing.T) { s.make(t) }

func (s OutputSuite) away(t *testing.T) {
	o := s.make(t)
	first := []byte("before")
	s.write(t, o, NewBatch(first))
	s.Break(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	b := NewBatch([]byte("meanwhile"))
	err := o.Write(ctx, b)
	switch {
	case err == nil:
		t.Error("write says nil although the store is away")
	case engine.IsPermanent(err):
		t.Errorf("a store that is away is called permanent: %v", err)
	case len(b.Messages) != 1 || string(b.Messages[0].Body) != "meanwhile":
		t.Error("write changed a batch that it did not store")
	}
	s.Mend(t)
	deadline := time.Now().Add(patience)
	for {
		err := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			return o.Write(ctx, b)
		}()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("write after the store came back: %v", err)
		}
	}
	got := fmt.Sprintf("%q", s.Stored(t))
	if !strings.Contains(got, `"before"`) || !strings.Contains(got, `"meanwhile"`) {
		t.Errorf("the store has %s", got)
	}
}
