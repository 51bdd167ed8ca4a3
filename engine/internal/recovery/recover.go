package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/books"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/life"
	"github.com/logpipe/logpipe/engine/internal/settle"
	"github.com/logpipe/logpipe/engine/internal/signal"
	"github.com/logpipe/logpipe/engine/internal/tries"
)

// How long recovery waits before it asks an empty fallback again, when nothing wakes it.
const recoverEvery = 10 * time.Second

// How many messages may be in batches that came home but for their dead letters. Then recovery waits for these.
const recoverHeld = 1000

// lastDoubts is how many batches the last pass tries before it takes their failures for an outage.
const lastDoubts = 3

// deadLetterPatience is how long another try of what is refused waits for dead letters of what came home.
const deadLetterPatience = time.Hour

// Recovery brings batches of the fallback home, one at a time, each under its own id and straight to the output's policies. It is
// its own probe: an idle pipeline has no other sign that the output is well. A batch leaves the fallback when all of it is
// settled, its dead letters included; others need not wait for these.
//
// No batch keeps the others from coming home. One that fails stays where it is, and the next is tried: at once when others are stored
// meanwhile, for then it is refused for its own sake and waits for a back-off of its own; after a back-off of all when nothing is, for
// then it looks like an outage. A pass reads the fallback from its beginning to its end. What failed is read again in the next.
type Recovery struct {
	br    *deliver.Branch
	input engine.Input
	Last  chan struct{} // closed when nothing more can fall back: go on to the end of the fallback, then return
	Done  chan struct{}
	Left  error // why the fallback is not home; read it after done
	news  homecoming

	Refused Refusals
	wait    tries.Backoff // while nothing is stored
	number  int           // of passes

	// of one pass
	epoch    *books.Epoch
	final    bool                    // it began when nothing more could fall back: what is left after it stays
	out      map[uint64]engine.Event // what was read and not acked: tag → what to tell when it is
	homeless error                   // why a batch stays where it is
	skipped  int                     // how many of those there are
	stays    int64                   // and how many messages are in them
	doubts   int                     // how many of them failed while nothing was stored
	again    bool                    // something was stored since: they are worth another pass now
	wanted   time.Time               // since when another pass is due
}

// errAgain ends a pass because the next has something to do.
var errAgain = errors.New("what failed is tried again")

// New makes what brings home to br what input gives, the recovery of its fallback.
func New(br *deliver.Branch, input engine.Input) *Recovery {
	return &Recovery{
		br: br, input: input, Last: make(chan struct{}), Done: make(chan struct{}),
		wait:    tries.RecoverBackoff(),
		Refused: Refusals{all: map[string]*refusal{}},
		news:    homecoming{log: br.Life.Log, plugin: br.Spec.Fallback.Name},
	}
}

// Run brings home what there is, until there will be no more or the pipeline stops.
func (c *Recovery) Run() {
	defer close(c.Done)
	said := ""
	for {
		err := c.pass()
		switch {
		case err == nil || c.br.Stop.Err() != nil:
			return
		case err == errAgain:
			continue
		case c.final:
			c.Left = err
			return
		}
		if said != err.Error() {
			said = err.Error()
			c.br.Life.Log.Warn("fallback does not come home; trying again", "plugin", c.br.Spec.Fallback.Name, "error", err)
		}
		c.pause(c.wait.Delay(), nil)
	}
}

// pass opens the fallback, brings home what it holds, and waits for more. It returns nil when there will be no more.
func (c *Recovery) pass() error {
	c.epoch = books.NewEpoch(c.br.Spec.Fallback.Name, books.NewWindow(books.Amount{}), func(*books.Receipt) {})
	c.out, c.homeless, c.skipped, c.stays, c.doubts, c.again, c.wanted = map[uint64]engine.Event{}, nil, 0, 0, 0, false, time.Time{}
	c.number++
	if c.final = signal.IsClosed(c.Last); c.final {
		c.Refused.hurry()
	}
	defer c.close()
	if err := fault.Guard(func() error { return c.input.Open(c.br.Stop) }); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for c.br.Stop.Err() == nil {
		if err := c.settle(); err != nil {
			return err
		}
		if c.epoch.Unsettled.Load()-c.stays >= recoverHeld {
			c.await(c.br.Stop)
			continue
		}
		end, err := c.step()
		if !end && err == nil {
			continue
		}
		if serr := c.settle(); serr != nil { // what is home must not come again
			return serr
		}
		return err
	}
	return c.lastDeadLetters()
}

// step reads and writes one batch. end says that the pass is over.
func (c *Recovery) step() (end bool, err error) {
	b := &engine.Batch{}
	last := signal.IsClosed(c.Last) // asked before reading: what falls back later is not for this pass
	err = fault.Guard(func() error { return c.input.Read(c.br.Stop, b) })
	switch {
	case err == nil && len(b.Messages) > 0:
		c.home(b)
		switch {
		case c.final && c.doubts >= lastDoubts:
			return true, c.homeless
		case signal.IsClosed(c.Last) && c.doubts >= lastDoubts:
			return true, errAgain
		case c.again && c.doubts > 0:
			return c.nextPass()
		}
		return false, nil
	case err == io.EOF:
		return c.rest(last)
	case err == nil:
		err = errors.New("no message and no error")
	}
	return false, fmt.Errorf("read: %w", err)
}

// home writes one batch, or leaves it where it is.
func (c *Recovery) home(b *engine.Batch) {
	settle.Admit(c.epoch, b, time.Now())
	c.out[b.Tag] = engine.Event{Kind: engine.Recovered, Plugin: c.br.Spec.Fallback.Name, Messages: len(b.Messages), Bytes: b.Bytes()}
	if b.ID == "" {
		b.ID = c.br.Life.NewID()
	}
	if b.Time.IsZero() {
		b.Time = b.Messages[0].Time.UTC()
	}
	known, due := c.Refused.meet(b.ID, c.number)
	if !due || c.br.Stop.Err() != nil {
		c.stay(len(b.Messages))
		return
	}
	mark := c.br.Attempt.Evidence.Mark()
	if known != nil {
		mark, settle.StateOf(b).Guilty = known.mark, known.guilty
	}
	whole := refused{b.ID, engine.Capacity{Messages: len(b.Messages), Bytes: b.Bytes()}, mark}
	left := c.br.Put(b, mark)
	switch {
	case len(left) == 0:
		settle.Release(b.Messages)
		if c.Refused.forget(whole.id) {
			c.news.accepted()
		}
		c.wait.Reset()
		c.again = true
	case c.br.Stop.Err() != nil:
		c.stay(messagesOf(left))
	default:
		c.failed(whole, left)
	}
}

// refused names a batch that was tried.
type refused struct {
	id   string
	of   engine.Capacity
	mark uint64 // of the evidence, before the first try
}

// failed is for what is left of a batch that was tried. When a part of it is stored, the rest becomes batches of their own in the
// fallback: else the next pass would write the good part again, and so would every pass after it.
func (c *Recovery) failed(whole refused, left []deliver.Piece) {
	stays := messagesOf(left)
	guilty := c.note(whole, left[0].Err, stays == whole.of.Messages)
	if stays < whole.of.Messages {
		c.again = true // the output works
		for _, p := range left {
			n := len(p.Batch.Messages)
			if c.br.FallBack(p.Batch, p.Err) != nil {
				continue
			}
			c.note(refused{p.Batch.ID, engine.Capacity{Messages: n, Bytes: p.Batch.Bytes()}, whole.mark}, p.Err, true)
			settle.Release(p.Batch.Messages)
			stays -= n
		}
		if stays > 0 { // the fallback takes none now, so the batch stays as it is, and is due again as one that is refused
			c.note(whole, left[0].Err, true)
		}
	}
	if stays > 0 {
		c.stay(stays)
	}
	if guilty {
		return
	}
	if c.doubts++; !c.final {
		c.pause(c.wait.Delay(), c.br.IsWell)
	}
}

// note remembers a batch that failed, if it is one of the fallback, and reports whether that was for its own sake.
func (c *Recovery) note(b refused, err error, there bool) (guilty bool) {
	guilty = c.br.Attempt.Evidence.Against(err, b.mark)
	c.homeless = err
	if there && c.Refused.failed(b.id, b.of, b.mark, guilty, c.number) {
		c.news.refused(b.id, b.of.Messages, err)
	}
	return guilty
}

func messagesOf(pieces []deliver.Piece) (n int) {
	for _, p := range pieces {
		n += len(p.Batch.Messages)
	}
	return n
}

// stay leaves a batch, of which so many messages are not settled, where it is.
func (c *Recovery) stay(messages int) {
	c.skipped++
	c.stays += int64(messages)
}

// settle lets the batches leave the fallback of which everything is settled.
func (c *Recovery) settle() error {
	tags := c.epoch.Acks.Take(nil)
	if len(tags) == 0 {
		return nil
	}
	if err := fault.Guard(func() error { return c.input.Ack(c.br.Hard, tags) }); err != nil {
		return fmt.Errorf("%d batches came home but cannot leave the fallback; they will come again under the same id: %w", len(tags), err)
	}
	for _, tag := range tags {
		c.br.Life.Observe(c.out[tag])
		c.news.came(c.out[tag].Messages)
		delete(c.out, tag)
	}
	return nil
}

// rest is for the end of the fallback: it waits until it is worth asking again.
func (c *Recovery) rest(last bool) (end bool, err error) {
	c.Refused.missed(c.number)
	if len(c.out) == 0 {
		c.news.done()
	}
	switch {
	case last && len(c.out) > c.skipped: // dead letters are on their way
		c.await(c.br.Stop)
		return false, nil
	case last && c.skipped == 0:
		return true, nil
	case last && c.final:
		return true, c.homeless
	case last:
		return true, errAgain
	case c.skipped == 0:
		c.pause(recoverEvery, c.br.FellBack)
		return false, nil
	}
	due := c.Refused.next()
	if due > 0 {
		c.pause(min(due, recoverEvery), c.br.FellBack)
		return false, nil
	}
	end, err = c.nextPass()
	if !end {
		c.pause(recoverEvery, c.br.FellBack)
	}
	return end, err
}

// nextPass ends this pass, unless dead letters of what it brought home are on their way: their batches would be written again. It waits
// for these no longer than an hour.
func (c *Recovery) nextPass() (end bool, err error) {
	if err := c.settle(); err != nil {
		return true, err
	}
	if c.wanted.IsZero() {
		c.wanted = time.Now()
	}
	if len(c.out) > c.skipped && time.Since(c.wanted) < deadLetterPatience {
		return false, nil
	}
	return true, errAgain
}

// await waits until a batch is settled, or ctx ends.
func (c *Recovery) await(ctx context.Context) {
	select {
	case <-c.epoch.Acks.Wake:
	case <-ctx.Done():
	}
}

// lastDeadLetters gives the dead letters of a pass some time when the pipeline stops: else they, and their batches, come again.
func (c *Recovery) lastDeadLetters() error {
	for len(c.out) > c.skipped && c.epoch.Unsettled.Load() > 0 && c.br.Soft.Err() == nil && !c.br.DeadLetterFails() {
		c.await(c.br.Soft)
		if err := c.settle(); err != nil {
			return err
		}
	}
	return c.settle()
}

// pause waits for a time, or until early sends or a batch is settled.
func (c *Recovery) pause(d time.Duration, early <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	last := c.Last
	if c.final {
		last = nil
	}
	select {
	case <-timer.C:
	case <-early:
	case <-c.epoch.Acks.Wake: // settle asks for the tags, not for this
	case <-last:
	case <-c.br.Stop.Done():
	}
}

// close gives back what was read and not acked. Its dead letters, if some are still on their way, are void.
func (c *Recovery) close() {
	c.epoch.Kill()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.br.Stop), life.CloseTimeout)
	defer cancel()
	if err := fault.Guard(func() error { return c.input.Close(ctx) }); err != nil {
		c.br.Life.Log.Debug("closing the fallback's recovery", "error", err)
	}
}
