package amqp

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// A chunk is handed over at once when little comes. When one follows the other within busy, it may grow for as long as
// grow: every chunk costs the pipeline the same, however small it is.
const (
	busy = 5 * time.Millisecond
	grow = 2 * time.Millisecond
)

// read fills b with the next chunk.
func (s *session) read(ctx context.Context, b *engine.Batch) error {
	s.rest(false)
	for hold := true; ; {
		if err := s.over(); err != nil {
			return err
		}
		hold = hold && time.Since(s.last) < busy
		all := s.all()
		if c, p := s.next(all, hold); p != nil {
			s.last = time.Now()
			s.fill(b, c, p)
			return nil
		}
		unread := slices.ContainsFunc(all, func(c *consumer) bool { return !c.inbox.empty() })
		if s.stopping.Load() && !unread && !slices.ContainsFunc(all, func(c *consumer) bool { return !c.phase().over() }) {
			return io.EOF
		}
		var atMost time.Duration
		if hold && unread {
			atMost = grow
		}
		elapsed, err := s.wait(ctx, atMost)
		if err != nil {
			s.rest(true) // nobody takes more for now: it is for other readers of the queue
			return err
		}
		hold = hold && !elapsed
	}
}

// next returns a chunk: a full one, or else, unless one that is not full shall be held, any.
func (s *session) next(all []*consumer, hold bool) (*consumer, *part) {
	for _, full := range [...]bool{true, false} {
		if !full && hold {
			break
		}
		for i := range all {
			n := (s.turn + i) % len(all)
			if p := all[n].inbox.take(full); p != nil {
				s.turn = n + 1
				return all[n], p
			}
		}
	}
	return nil, nil
}

// fill makes a chunk of a part. Its tag names the consumer and the chunk's number there.
func (s *session) fill(b *engine.Batch, c *consumer, p *part) {
	p.deliveries = rabbitmq.Compact(p.deliveries)
	b.Messages = slices.Grow(b.Messages, len(p.deliveries))
	more := int64(0) // that unpacking takes
	for i := range p.deliveries {
		d := &p.deliveries[i]
		b.Messages = append(b.Messages, engine.Message{Body: d.Body, Time: s.last, Meta: &d.Meta})
		if s.unpacker == nil {
			continue
		}
		if encoding := d.Meta.Encoding(); encoding != "" {
			more += s.unpack(b, i, d, encoding)
		}
		if p.bytes+more >= chunkBytes && more > 0 && i+1 < len(p.deliveries) {
			c.inbox.back(p.cut(i + 1))
			break
		}
	}
	c.credit.Grow(more)
	b.Tag = c.tag(c.acks.Add(p.first(), p.last(), p.bytes+more))
	b.MetaBytes = p.bytes + more - b.Bytes()
}

// wait waits until something happens, at most for d unless that is 0.
func (s *session) wait(ctx context.Context, d time.Duration) (elapsed bool, err error) {
	var timer <-chan time.Time
	if d > 0 {
		s.timer.Reset(d)
		defer s.timer.Stop()
		timer = s.timer.C
	}
	select {
	case <-s.wake:
	case <-timer:
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	return false, nil
}
