package process

import (
	"sync"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/life"
)

// Start strings processors behind in: neighbouring transforms share a goroutine, each stage has one. What they reject goes to
// dead. The last of them sends to out, and closes it.
func Start(r *life.Life, wg *sync.WaitGroup, steps []engine.ProcessorStep, in chan *engine.Batch, dead *deliver.Burier) (out chan *engine.Batch) {
	var transforms []*transformer
	link := func(start func(in <-chan *engine.Batch, out chan<- *engine.Batch)) {
		from, out := in, make(chan *engine.Batch)
		in = out
		wg.Go(func() { start(from, out) })
	}
	flush := func() {
		if steps := transforms; len(steps) > 0 {
			transforms = nil
			link(func(in <-chan *engine.Batch, out chan<- *engine.Batch) { runTransforms(r, steps, in, out) })
		}
	}
	for _, step := range steps {
		switch p := step.Processor.(type) {
		case engine.Transform:
			transforms = append(transforms, &transformer{r: r, dead: dead, name: step.Name, t: p})
		case engine.Stage:
			flush()
			link(func(in <-chan *engine.Batch, out chan<- *engine.Batch) { runStage(r, step.Name, p, in, out) })
		}
	}
	flush()
	return in
}
