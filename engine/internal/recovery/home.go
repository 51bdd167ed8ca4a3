package recovery

import (
	"fmt"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/internal/deliver"
	"github.com/logpipe/logpipe/engine/internal/fault"
	"github.com/logpipe/logpipe/engine/internal/settle"
)

// home writes one batch, or leaves it where it is.
func (c *Recovery) home(b *engine.Batch) {
	receipt, tag, block, largest, stayed := settle.Admit(c.epoch, b, time.Now()), b.Tag, b.Bytes(), largestOf(b), c.stays
	settle.StateOf(b).Block = block
	c.out[tag] = engine.Event{Kind: engine.Recovered, Plugin: c.br.Spec.Fallback.Name, Messages: len(b.Messages), Bytes: block}
	c.bring(b)
	c.late.note(tag, receipt.Left()-(c.stays-stayed), largest, block)
}

// bring is home without the books.
func (c *Recovery) bring(b *engine.Batch) {
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
		c.late.settled(tag)
	}
	return nil
}
