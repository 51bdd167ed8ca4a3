package flow

import (
	"errors"
	"fmt"
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/process"
	"github.com/logpipe/logpipe/engine/internal/settle"
)

// errUnmatched is why a message that no branch takes is a dead letter.
var errUnmatched = errors.New("no branch takes this message")

// fork is the goroutine behind the common processors: it gives each message to the branches that take it.
//
// It never waits for a branch. What a branch has no room for waits in the branch's queue, so that one that is down keeps nothing from the
// others; the queues are bounded because all that is in them is unsettled, and counts in the windows of the inputs.
type fork struct {
	r      *run
	rest   int             // the branch that takes what no other takes; -1: none
	taken  []bool          // by each branch, of one message
	parts  []*engine.Batch // what each branch gets of one batch; nil: nothing
	copies []int           // how many branches have each message of it
}

// startFork starts the fork, and the goroutine of each branch's queue.
func (r *run) startFork(wg *sync.WaitGroup) {
	f := &fork{r: r, rest: -1, taken: make([]bool, len(r.branches)), parts: make([]*engine.Batch, len(r.branches))}
	for i, br := range r.branches {
		if br.Spec.Default {
			f.rest = i
		}
		wg.Go(br.Queue.Feed)
	}
	in := process.Start(r.Life, wg, r.p.Processors, r.inputs.Head, r.burier)
	wg.Go(func() { f.run(in) })
}

func (f *fork) run(in <-chan *engine.Batch) {
	defer func() {
		for _, br := range f.r.branches {
			br.Queue.End()
		}
	}()
	for b := range in {
		if len(b.Messages) == 0 {
			for _, br := range f.r.branches {
				br.Queue.Put(&engine.Batch{SealedBy: b.SealedBy}) // a sweep is for all
			}
			b.Recycle()
			continue
		}
		if !f.route(b) {
			break
		}
	}
	for range in { // so that nobody waits to send; the pipeline ends, and what comes stays unsettled
	}
}

// route gives the messages of a batch to their branches. It returns false when the pipeline has to end.
func (f *fork) route(b *engine.Batch) bool {
	var dropped, rejected []engine.Message
	var reasons []error
	f.copies = f.copies[:0]
	for i := range b.Messages {
		n, err := f.choose(&b.Messages[i])
		if n == 0 && err == nil && f.rest >= 0 {
			n, f.taken[f.rest] = 1, true
		}
		if n == 0 && err == nil && !f.r.p.DropUnmatched {
			err = errUnmatched
		}
		switch m := b.Messages[i]; {
		case err != nil:
			rejected, reasons = append(rejected, m), append(reasons, err)
		case n == 0:
			dropped = append(dropped, m)
		default:
			f.give(b, m)
		}
		f.copies = append(f.copies, n)
	}
	partition, at := b.Partition, b.Time
	settle.GrowBy(b.Messages, f.copies) // before the first branch can settle its own
	f.send(b)
	if n := len(dropped); n > 0 {
		settle.Release(dropped)
		f.r.Observe(engine.Event{Kind: engine.Dropped, Plugin: engine.ForkStep, Messages: n})
	}
	if len(rejected) == 0 {
		return true
	}
	return deliver.Reject(f.r.Life, f.r.burier, &engine.Batch{Partition: partition, Time: at, Messages: rejected, Reasons: reasons}, engine.ForkStep)
}

// choose asks each branch whether it takes m, and returns how many do. After an error none does.
func (f *fork) choose(m *engine.Message) (n int, err error) {
	clear(f.taken)
	for i, br := range f.r.branches {
		if i == f.rest {
			continue
		}
		took, err := f.ask(br, m)
		if err != nil {
			return 0, fmt.Errorf("branch %q: when %q: %w", br.Spec.Name, br.Spec.When.String(), err)
		}
		if took {
			f.taken[i] = true
			n++
		}
	}
	return n, nil
}

// ask is one question. A condition that panics has no answer.
func (f *fork) ask(br *deliver.Branch, m *engine.Message) (took bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			took, err = false, fmt.Errorf("panic: %v", v)
		}
	}()
	return br.Spec.When.Match(m)
}

// give puts a message of b into the parts of the branches that take it.
func (f *fork) give(b *engine.Batch, m engine.Message) {
	for i, took := range f.taken {
		if !took {
			continue
		}
		if f.parts[i] == nil {
			f.parts[i] = settle.NewChunk()
			f.parts[i].Partition, f.parts[i].SealedBy = b.Partition, b.SealedBy
		}
		f.parts[i].Messages = append(f.parts[i].Messages, m)
	}
}

// send gives each branch its part. A batch that was sealed is sealed anew in each branch: two of them may write to one store, and the
// names of their batches must not be the same. It keeps its name where it goes to one branch alone, as a whole.
func (f *fork) send(b *engine.Batch) {
	some := 0
	for _, part := range f.parts {
		if part != nil {
			some++
		}
	}
	for i, part := range f.parts {
		if part == nil {
			continue
		}
		if len(part.Messages) == len(b.Messages) {
			part.Time = b.Time
			if some == 1 {
				part.ID = b.ID
			}
		}
		f.r.branches[i].Queue.Put(part)
		f.parts[i] = nil
	}
	b.Recycle()
}
