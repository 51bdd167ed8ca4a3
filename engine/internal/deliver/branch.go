package deliver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/signal"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Branch is one way to an output: processors, workers, and what takes over when the output fails. A pipeline that names no branches has
// one, which begins at the readers.
type Branch struct {
	Life       *life.Life
	Spec       engine.Branch
	tries.Ends // those of the run, but without a fallback soft is hard

	Queue *Queue             // before it; unused where there is no fork
	In    chan *engine.Batch // to its first processor

	output   engine.Output // policies around attempt
	Attempt  *Attempt      // to write to the output
	Fallback *Attempt      // nil: none
	Burier   *Burier       // its own, or the pipeline's; nil: none
	Holder   *Holder

	// For who brings the fallback home:
	FellBack chan struct{} // something fell back
	IsWell   chan struct{} // the output works again

	Busy atomic.Int64 // workers that have a batch

	saidCut  atomic.Bool               // that the output takes no batch of some size
	lastHeld atomic.Pointer[time.Time] // when a batch was last held, for the log
}

// NewBranch builds policies( attempt( output ) ), and the attempt of the fallback. Policies leave the processors of its spec. dead takes what
// is rejected.
func NewBranch(r *life.Life, spec engine.Branch, dead *Burier) *Branch {
	br := &Branch{Life: r, Spec: spec, In: make(chan *engine.Batch), Burier: dead, FellBack: make(chan struct{}, 1), IsWell: make(chan struct{}, 1)}
	br.Holder, br.Queue = newHolder(br), newQueue(br)
	br.Attempt = &Attempt{r: r, br: br, Role: engine.RoleOutput, Name: spec.Output.Name, Next: spec.Output.Output}
	br.output = br.Attempt
	if spec.Fallback != nil {
		br.Fallback = &Attempt{r: r, br: br, Role: engine.RoleFallback, Name: spec.Fallback.Name, Next: spec.Fallback.Output}
	}
	for i := len(spec.Processors) - 1; i >= 0; i-- {
		policy, ok := spec.Processors[i].Processor.(engine.Policy)
		if !ok {
			br.Spec.Processors = spec.Processors[:i+1]
			return br
		}
		br.output = policy.Wrap(br.output)
	}
	br.Spec.Processors = nil
	return br
}

// Attempts are the branch's own outputs: the output, the fallback and the dead letter, as far as there are such.
func (br *Branch) Attempts() []*Attempt {
	all := []*Attempt{br.Attempt}
	if br.Fallback != nil {
		all = append(all, br.Fallback)
	}
	if br.Spec.DeadLetter != nil {
		all = append(all, br.Burier.Attempt)
	}
	return all
}

// Start starts the branch's goroutines, behind its processors.
func (br *Branch) Start(batches <-chan *engine.Batch, workers *sync.WaitGroup) {
	for range max(1, br.Spec.Workers) {
		workers.Go(func() { br.work(batches) })
	}
	go br.Holder.run()
}

// Close closes the outputs, the first one with its policies.
func (br *Branch) Close(ctx context.Context) {
	br.Attempt.Shut(ctx, br.output)
	for _, a := range br.Attempts()[1:] {
		a.Shut(ctx, a)
	}
}

// Purge has the batches looked at that are held, because a connection died.
func (br *Branch) Purge() {
	signal.Poke(br.Holder.purges)
	signal.Poke(br.Queue.purges)
}
