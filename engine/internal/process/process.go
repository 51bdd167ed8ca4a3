package process

import (
	"fmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// transformer runs one Transform over the batches that pass.
type transformer struct {
	r     *life.Life
	dead  *deliver.Burier // takes what it rejects; nil: nobody does
	name  string
	t     engine.Transform
	saved []engine.Message // the batch as it came, while Process works on it
}

// runTransforms runs consecutive transforms in one goroutine between two channels.
func runTransforms(r *life.Life, steps []*transformer, in <-chan *engine.Batch, out chan<- *engine.Batch) {
	defer close(out)
	for b := range in {
		if !processAll(r, steps, b, out) {
			break
		}
	}
	for range in { // so that nobody waits to send; the pipeline ends, and what comes stays unsettled
	}
}

// processAll passes one batch through the transforms and on. It returns false when the pipeline has to end.
func processAll(r *life.Life, steps []*transformer, b *engine.Batch, out chan<- *engine.Batch) bool {
	sweep := len(b.Messages) == 0
	for _, s := range steps {
		if len(b.Messages) > 0 && !s.process(b) {
			return false
		}
	}
	if len(b.Messages) == 0 && !sweep {
		b.Recycle()
		return true
	}
	return r.Send(out, b)
}

// process calls the transform until it can work, then carries out its marks. It returns false at the hard end.
func (s *transformer) process(b *engine.Batch) bool {
	s.saved = append(s.saved[:0], b.Messages...)
	defer func() { clear(s.saved) }()
	wait := tries.HeldBackoff()
	for failing := false; ; failing = true {
		err := fault.Guard(func() error { return s.t.Process(s.r.Hard, b) })
		if _, ok := fault.Panicked(err); ok {
			s.r.LogPanic(s.name, err)
			err = s.oneByOne(b)
		}
		if err == nil {
			err = s.check(b)
		}
		if err == nil {
			if failing {
				s.r.Log.Info("processor works again", "plugin", s.name)
			}
			return carryOut(s.r, b, s.dead, s.name)
		}
		if !failing {
			s.r.Log.Warn("processor cannot work now; trying again", "plugin", s.name, "error", err)
		}
		b.Messages = append(b.Messages[:0], s.saved...)
		settle.Unmark(b)
		if wait.Rest(s.r.Ends) != nil {
			return false
		}
	}
}

// check looks whether the batch has the messages that it had, in any order. Messages that a transform loses, has twice, or makes anew in
// the place of one that it got would be lost or settled twice: that is an error, which holds the batch. One that writes a message over its
// neighbour of the same chunk cannot be told from one that changes bodies.
func (s *transformer) check(b *engine.Batch) error {
	if len(b.Messages) != len(s.saved) {
		return fmt.Errorf("%s changed the number of messages from %d to %d; a processor must use Reject, Drop or Split",
			s.name, len(s.saved), len(b.Messages))
	}
	same := true
	for i := range b.Messages {
		same = same && settle.ReceiptOf(&b.Messages[i]) == settle.ReceiptOf(&s.saved[i])
	}
	if !same && !s.sorted(b.Messages) {
		return fmt.Errorf("%s made a message anew, or has one twice; a processor must change the Body, Time and Meta of the messages that it "+
			"got, and use Split for more", s.name)
	}
	for _, m := range settle.StateOf(b).Marks {
		if m.Why != nil && settle.ReceiptOf(&m.Msg) != settle.ReceiptOf(&b.Messages[m.Index]) {
			return fmt.Errorf("%s moved a message after it rejected it", s.name)
		}
	}
	return nil
}

// sorted reports whether these are the saved messages in another order, as far as their chunks tell.
func (s *transformer) sorted(messages []engine.Message) bool {
	over := map[*books.Receipt]int{}
	for i := range s.saved {
		over[settle.ReceiptOf(&s.saved[i])]++
		over[settle.ReceiptOf(&messages[i])]--
	}
	for _, n := range over {
		if n != 0 {
			return false
		}
	}
	return true
}

// oneByOne is the way after a panic: each message alone, and one that panics again is a dead letter.
func (s *transformer) oneByOne(b *engine.Batch) error {
	b.Messages = append(b.Messages[:0], s.saved...)
	settle.Unmark(b)
	for i := range b.Messages {
		one := *b
		one.Messages = b.Messages[i : i+1 : i+1]
		*settle.StateOf(&one) = settle.State{}
		err := fault.Guard(func() error { return s.t.Process(s.r.Hard, &one) })
		if _, ok := fault.Panicked(err); ok {
			b.Messages[i] = s.saved[i]
			b.Reject(i, fmt.Errorf("%s: %w", s.name, err))
			continue
		}
		if err != nil {
			return err
		}
		if len(one.Messages) != 1 {
			return fmt.Errorf("%s changed the number of messages; a processor must use Reject, Drop or Split", s.name)
		}
		b.Messages[i] = one.Messages[0]
		for _, m := range settle.StateOf(&one).Marks {
			m.Index = i
			settle.StateOf(b).Marks = append(settle.StateOf(b).Marks, m)
		}
	}
	return nil
}

// Bury hands what an input rejected of a chunk to the dead letter. Where there is none, that goes on as it is: it is no reason to stop, and must
// not be lost. It returns false at the hard end.
func Bury(r *life.Life, b *engine.Batch, to *deliver.Burier, step string) bool {
	marks := settle.StateOf(b).Marks
	kept, passed, why := marks[:0], 0, error(nil)
	for _, m := range marks {
		if m.Why != nil && to == nil {
			passed, why = passed+1, m.Why
			continue
		}
		m.Msg = b.Messages[m.Index] // with its receipt
		kept = append(kept, m)
	}
	r.LogPassedOn(step, passed, why)
	clear(marks[len(kept):])
	settle.StateOf(b).Marks = kept
	return carryOut(r, b, to, step)
}

// carryOut does what the marks of a batch say: rejects go to the dead letter, drops are settled, splits are put in
// place. It returns false at the hard end.
func carryOut(r *life.Life, b *engine.Batch, to *deliver.Burier, step string) bool {
	if len(settle.StateOf(b).Marks) == 0 {
		return true
	}
	marks := books.InOrder(settle.StateOf(b).Marks)
	dead := &engine.Batch{Partition: b.Partition, Time: b.Time}
	kept, extra := b.Messages[:0], 0
	for _, m := range marks {
		extra += max(0, len(m.Parts)-1)
	}
	if extra > 0 {
		kept = make([]engine.Message, 0, len(b.Messages)+extra)
	}
	dropped, from := 0, 0
	for _, m := range marks {
		kept = append(kept, b.Messages[from:m.Index]...)
		from = m.Index + 1
		old := b.Messages[m.Index]
		switch {
		case m.Why != nil:
			dead.Messages = append(dead.Messages, m.Msg)
			dead.Reasons = append(dead.Reasons, m.Why)
		case len(m.Parts) == 0:
			dropped++
			settle.Release([]engine.Message{old})
		default:
			receipt := settle.ReceiptOf(&old)
			if receipt != nil { // a stage may have made it itself
				receipt.Grow(len(m.Parts) - 1)
			}
			for _, part := range m.Parts {
				settle.Tie(&part, receipt)
				part.Body = part.Body[:len(part.Body):len(part.Body)] // see Message.Body
				if part.Time.IsZero() {
					part.Time = old.Time
				}
				kept = append(kept, part)
			}
		}
	}
	kept = append(kept, b.Messages[from:]...)
	if extra == 0 {
		clear(b.Messages[len(kept):])
	}
	b.Messages = kept
	settle.Unmark(b)
	if dropped > 0 {
		r.Observe(engine.Event{Kind: engine.Dropped, Plugin: step, Messages: dropped})
	}
	return len(dead.Messages) == 0 || deliver.Reject(r, to, dead, step)
}
