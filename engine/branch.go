package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// branch is one way to an output: processors, workers, and what takes over when the output fails. A pipeline that names no branches has
// one, which begins at the readers.
type branch struct {
	r    *life
	spec Branch
	ends // those of the run, but without a fallback soft is hard

	queue *queue      // before it; unused where there is no fork
	in    chan *Batch // to its first processor

	output   Output   // policies around attempt
	attempt  *attempt // to write to the output
	fallback *attempt // nil: none
	burier   *burier  // its own, or the pipeline's; nil: none
	holder   *holder

	// For who brings the fallback home:
	fellBack chan struct{} // something fell back
	isWell   chan struct{} // the output works again

	busy atomic.Int64 // workers that have a batch

	saidCut  atomic.Bool               // that the output takes no batch of some size
	lastHeld atomic.Pointer[time.Time] // when a batch was last held, for the log
}

// newBranch builds policies( attempt( output ) ), and the attempt of the fallback. Policies leave the processors of its spec. dead takes what
// is rejected.
func newBranch(r *life, spec Branch, dead *burier) *branch {
	br := &branch{r: r, spec: spec, in: make(chan *Batch), burier: dead, fellBack: make(chan struct{}, 1), isWell: make(chan struct{}, 1)}
	br.holder, br.queue = newHolder(br), newQueue(br)
	br.attempt = &attempt{r: r, br: br, role: RoleOutput, name: spec.Output.Name, next: spec.Output.Output}
	br.output = br.attempt
	if spec.Fallback != nil {
		br.fallback = &attempt{r: r, br: br, role: RoleFallback, name: spec.Fallback.Name, next: spec.Fallback.Output}
	}
	for i := len(spec.Processors) - 1; i >= 0; i-- {
		policy, ok := spec.Processors[i].Processor.(Policy)
		if !ok {
			br.spec.Processors = spec.Processors[:i+1]
			return br
		}
		br.output = policy.Wrap(br.output)
	}
	br.spec.Processors = nil
	return br
}

// attempts are the branch's own outputs: the output, the fallback and the dead letter, as far as there are such.
func (br *branch) attempts() []*attempt {
	all := []*attempt{br.attempt}
	if br.fallback != nil {
		all = append(all, br.fallback)
	}
	if br.spec.DeadLetter != nil {
		all = append(all, br.burier.attempt)
	}
	return all
}

// start starts the branch's goroutines, behind its processors.
func (br *branch) start(batches <-chan *Batch, workers *sync.WaitGroup) {
	for range max(1, br.spec.Workers) {
		workers.Go(func() { br.work(batches) })
	}
	go br.holder.run()
}

// close closes the outputs, the first one with its policies.
func (br *branch) close(ctx context.Context) {
	br.attempt.shut(ctx, br.output)
	for _, a := range br.attempts()[1:] {
		a.shut(ctx, a)
	}
}

// purge has the batches looked at that are held, because a connection died.
func (br *branch) purge() {
	poke(br.holder.purges)
	poke(br.queue.purges)
}
