package pipetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/internal/sleep"
)

// store stands in place of an output, in one of its roles. It keeps what it is given, and fails where it is told to.
type store struct {
	real      engine.Output // names and packs batches, if it is an engine.Rehearser; never writes
	linesOnly bool          // where it is none: it can store no line break

	mu      sync.Mutex
	fails   []config.TestFail
	used    []int // how many writes each of them let fail
	batches []Batch
	read    int // how many of batches recovery has read since it was opened
	writes  int // tries
	failed  int // of these
}

// Batch is a batch where it was stored.
type Batch struct {
	ID        string    `json:"id,omitempty"`
	Partition string    `json:"partition,omitempty"`
	Time      time.Time `json:"time"`
	SealedBy  string    `json:"sealed_by,omitempty"`
	Address   string    `json:"address,omitempty"` // the name of the object, the path; "" where the output does not say
	Messages  []Message `json:"messages"`

	original []engine.Message // for the way home
	tag      uint64           // the number of its write
}

// Message is a message where it was stored.
type Message struct {
	Body   string `json:"body"`
	Reason string `json:"reason,omitempty"` // of a dead letter
	Sent   int    `json:"sent"`             // which of the messages that were sent it came from; -1 is not known
}

// What a write takes: long enough for others to come to rest, and for each batch another time, so that two never end at once.
const (
	writeTime  = time.Millisecond
	writeShift = time.Microsecond
)

// Write stores b, or fails.
func (s *store) Write(ctx context.Context, b *engine.Batch) error {
	if err := sleep.For(ctx, writeTime+time.Duration(number(b.ID))*writeShift); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	only, err := s.fault(b)
	if err != nil && only == nil {
		s.failed++
		return err
	}
	address, rehearsal := s.rehearse(b)
	if rehearsal != nil {
		s.failed++
		return rehearsal
	}
	s.keep(b, address, only)
	if err != nil {
		s.failed++
		return partial(only, err)
	}
	return nil
}

// fault is the error that this write ends with, and the messages of b that it is about; nil is all.
func (s *store) fault(b *engine.Batch) (only []int, err error) {
	for i, f := range s.fails {
		if f.Times > 0 && s.used[i] == f.Times {
			continue
		}
		only = nil
		for at := range b.Messages {
			if slices.Contains(f.Only, indexOf(&b.Messages[at])) {
				only = append(only, at)
			}
		}
		if f.Only != nil && only == nil {
			continue
		}
		s.used[i]++
		err = errors.New(f.Error)
		if f.Permanent {
			err = engine.Permanent(err)
		}
		return only, err
	}
	return nil, nil
}

func partial(only []int, err error) error {
	w := &engine.WriteError{}
	for _, i := range only {
		w.Failed = append(w.Failed, engine.Failure{Index: i, Err: err})
	}
	return w
}

// rehearse lets the real output look at a batch.
func (s *store) rehearse(b *engine.Batch) (address string, err error) {
	if r, ok := s.real.(engine.Rehearser); ok {
		return r.Rehearse(b)
	}
	for i, m := range b.Messages {
		if s.linesOnly && bytes.IndexByte(m.Body, '\n') >= 0 {
			b.Reject(i, errors.New("the message has a line break in it, which the output cannot store"))
		}
	}
	return "", nil
}

// keep stores the messages of b but those without.
func (s *store) keep(b *engine.Batch, address string, without []int) {
	_, rejected := engine.Marks(b)
	kept := Batch{ID: b.ID, Partition: b.Partition, Time: b.Time, SealedBy: b.SealedBy, Address: address, tag: uint64(s.writes)}
	for i, m := range b.Messages {
		if rejected[i] != nil || slices.Contains(without, i) {
			continue
		}
		stored := Message{Body: string(m.Body), Sent: indexOf(&m)}
		if b.Reasons != nil {
			stored.Reason = b.Reasons[i].Error()
		}
		kept.Messages = append(kept.Messages, stored)
		kept.original = append(kept.original, engine.Message{Body: m.Body, Time: m.Time, Meta: m.Meta})
	}
	if len(kept.Messages) > 0 {
		s.batches = append(s.batches, kept)
	}
}

// Close closes the real output, which has nothing open.
func (s *store) Close(ctx context.Context) error { return s.real.Close(ctx) }

// place is what it has at the end.
func (s *store) place(name string) *Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &Place{Name: name, Batches: s.batches, Writes: s.writes, Failed: s.failed}
	slices.SortStableFunc(p.Batches, func(a, b Batch) int {
		return cmp.Or(cmp.Compare(prefix(a.ID), prefix(b.ID)), cmp.Compare(number(a.ID), number(b.ID)))
	})
	for _, b := range p.Batches {
		p.Messages += len(b.Messages)
	}
	return p
}

// ids gives names that count, for each branch anew: which branch comes first is a matter of luck.
type ids struct {
	mu   sync.Mutex
	last map[string]int // by prefix
}

func (n *ids) next(prefix string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last == nil {
		n.last = map[string]int{}
	}
	n.last[prefix]++
	return fmt.Sprintf("%s-%04d", prefix, n.last[prefix])
}

// of names a batch of a branch.
func (n *ids) of(branch string) string { return n.next(cmp.Or(branch, "batch")) }

func prefix(id string) string { return id[:max(0, strings.LastIndexByte(id, '-'))] }

func number(id string) int {
	n, _ := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:]) // of a name that a processor made, 0
	return n
}
