package intake

import (
	"context"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// Receipts belong to chunks, so one message in an open batch keeps its whole chunk unsettled. With a partition that is rare, nearly
// each chunk has a message that waits for a batch that fills slowly. Sooner or later an input can read no more: its window is full, or its
// source gives nothing before something of what it gave is acked (Bounded). This is how the flow goes on:
//
//   - The chunks that the input waits for are marked: they press. These are the oldest ones, an eighth of what may be held.
//   - A sweep goes through the stages behind all that was read, and each stage passes on the groups that hold a message of a chunk that
//     presses. It touches no other group. So a batch is cut short only when its own message keeps an input from reading, after it was
//     open for seven eighths of what the input may have; and not at all when what presses is being written already, because then no
//     group holds it. That is why it does not matter how busy the workers are: a slow output needs no smaller batches and gets none, and
//     one input's full window does not wait until the workers have nothing to do for another.
//   - When as many chunks are settled as were marked and the input still waits, the next eighth presses. It also does when none of them is
//     settled for a while: what presses may be held because it can be written nowhere, and a message may have been between two stages. That
//     waits with a back-off from pressFirst to pressMost, so all that an input has is passed on within a minute and a half.
//
// Less than an eighth would need more rounds, each as long as a write takes, for the same groups; more would cut batches shorter. What
// presses and cannot be written is not this mechanism's to solve: the window counts chunks wherever they stand, so others go on; and an
// input whose source is acked in order needs a way of its own around a chunk that stands.
const pressParts = 8

// How soon the next eighth presses although nothing of the last one is settled. It is longer than most writes take, because the groups
// of the next eighth need not be cut while the ones before are written.
const (
	pressFirst = time.Second
	pressMost  = 10 * time.Second
)

// pressure is what an input asks of the stages. Its reader asks while the window is full, its presser while the source of a Bounded input
// gives nothing: often both at once, so they share it. It outlives what they wait for: a window that is full, has room for one chunk and is
// full again must not make an eighth more press each time.
type pressure struct {
	d *Reader

	mu   sync.Mutex
	wait tries.Backoff
	due  time.Time // when to ask again although nothing was settled
	had  int       // chunks that pressed before the last asking
	left int       // chunks that pressed when it was looked the last time
}

func newPressure(d *Reader) *pressure {
	return &pressure{d: d, wait: tries.Backoff{First: pressFirst, Most: pressMost}}
}

// ask has mark choose what presses, and sweeps the stages, if that is due. It returns after what time to look again, if nothing is settled before.
func (p *pressure) ask(done <-chan struct{}, mark func(*books.Window)) (again time.Duration) {
	if !p.d.r.Stages {
		return pressMost // nothing is held in groups
	}
	again, due := p.press(mark)
	if due {
		p.d.r.sweep(engine.SealedByPressure, done)
	}
	return again
}

// press marks what presses, and reports whether a sweep is due.
func (p *pressure) press(mark func(*books.Window)) (again time.Duration, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.d.Window.Pressed()
	if left < p.left {
		p.wait.Reset()
		p.due = time.Now().Add(p.wait.Delay())
	}
	p.left = left
	if left > p.had && time.Now().Before(p.due) {
		return time.Until(p.due), false
	}
	p.had = left
	mark(p.d.Window)
	p.left = p.d.Window.Pressed()
	again = p.wait.Delay()
	p.due = time.Now().Add(again)
	return again, p.left > 0
}

// startPresser starts the goroutine that asks a Bounded input whether its source can give no more. end ends and joins it.
func (d *Reader) startPresser(ctx context.Context) (end func()) {
	in, ok := d.Step.Input.(engine.Bounded)
	if !ok || !d.r.Stages {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.press(ctx, in)
	}()
	return func() {
		cancel()
		<-done
	}
}

// press asks until ctx ends. An error of the input is the end of the asking and no more: Read will say what is wrong.
func (d *Reader) press(ctx context.Context, in engine.Bounded) {
	for ctx.Err() == nil {
		var tags []uint64
		err := fault.Guard(func() (err error) { tags, err = in.Exhausted(ctx); return err })
		if _, ok := fault.Panicked(err); ok {
			d.r.LogPanic(d.Step.Name, err)
		}
		if err != nil || ctx.Err() != nil {
			return
		}
		timer := time.NewTimer(d.pressure.ask(ctx.Done(), func(w *books.Window) { w.PressTags(tags) }))
		select {
		case <-d.epoch.Took:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}
