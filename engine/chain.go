package engine

import "sync"

// startProcessors strings processors behind in: neighbouring transforms share a goroutine, each stage has one. What they reject goes to
// dead. The last of them sends to out, and closes it.
func startProcessors(r *life, wg *sync.WaitGroup, steps []ProcessorStep, in chan *Batch, dead *burier) (out chan *Batch) {
	var transforms []*transformer
	link := func(start func(in <-chan *Batch, out chan<- *Batch)) {
		from, out := in, make(chan *Batch)
		in = out
		wg.Go(func() { start(from, out) })
	}
	flush := func() {
		if steps := transforms; len(steps) > 0 {
			transforms = nil
			link(func(in <-chan *Batch, out chan<- *Batch) { runTransforms(r, steps, in, out) })
		}
	}
	for _, step := range steps {
		switch p := step.Processor.(type) {
		case Transform:
			transforms = append(transforms, &transformer{r: r, dead: dead, name: step.Name, t: p})
		case Stage:
			flush()
			link(func(in <-chan *Batch, out chan<- *Batch) { runStage(r, step.Name, p, in, out) })
		}
	}
	flush()
	return in
}
