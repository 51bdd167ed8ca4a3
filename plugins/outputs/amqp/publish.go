package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/outbound"
)

// window is how many messages of one Write may wait for their confirm. Measured, more of them bring no more throughput.
const window = 2000

// publish is one Write.
type publish struct {
	out   *output
	link  *link
	ch    *channel
	batch *engine.Batch
	key   string
	began time.Time
	sent  []sent
	cause error // why some have no confirm, where that is not about each of them
	full  bool  // the broker has refused some
}

// sent is what became of one message.
type sent struct {
	name   name
	size   int             // of the body as it goes out
	number int             // plus one, of those that were published; 0: it was not
	status outbound.Status // what the broker said
	ours   bool            // the id is ours
	err    error           // not nil: it is not stored
}

// run publishes all messages, waits until the broker has confirmed or refused each, and notes what became of it.
//
// Writing knows no context and no time: it waits as long as the broker takes no more messages. When ctx ends, or when nothing
// moves for a while, the connection is cut: that ends every wait.
func (p *publish) run(ctx context.Context) {
	var late atomic.Bool
	patience := time.AfterFunc(p.link.timeout, func() {
		late.Store(true)
		p.link.conn.Abort()
	})
	release := p.link.conn.Guard(ctx)
	p.ch.pub.Begin(len(p.sent), func() { patience.Reset(p.link.timeout) })
	err := p.send()
	if err != nil && !p.ch.IsClosed() {
		p.link.conn.Abort() // a message was cut in the middle, or may be
	}
	p.ch.pub.Wait(0, p.ch.Done())
	statuses := p.ch.pub.End()
	patience.Stop()
	for i := range p.sent {
		if n := p.sent[i].number; n > 0 && n <= len(statuses) {
			p.sent[i].status = statuses[n-1]
		}
	}
	switch aborted := release(); {
	case aborted != nil:
		p.cause = aborted
	case late.Load():
		p.cause = &failure{fmt.Errorf("the broker has confirmed nothing for %v", p.link.timeout), classTimeout}
	case err != nil || p.ch.IsClosed():
		p.cause = p.ch.Explain(amqp091.ErrClosed)
	}
	if p.cause != nil {
		p.link.stale.Store(true) // it may be that something was deleted
	}
	p.settle(p.ch.returns())
}

// send publishes the messages, with at most a window of them unconfirmed. It stops when the channel fails.
func (p *publish) send() error {
	limit := p.link.conn.MaxProperties()
	var route *outbound.Route
	var routed string        // the key of route
	var m amqp091.Publishing // one for all: it is too large for one each
	number := 0
	for i := range p.sent {
		s := &p.sent[i]
		key, err := p.out.message(&m, p.batch, i, p.key, "", p.began, limit)
		if err == nil {
			s.size = len(m.Body)
			err = p.tooLarge(s.size)
		}
		if err == nil && (route == nil || key != routed) {
			route, err = p.ch.pub.Route(p.out.cfg.Exchange, key, p.out.cfg.Mandatory)
			routed = key
		}
		if err != nil {
			s.err = err
			continue
		}
		if p.ch.pub.Open() >= window {
			if err := p.ch.pub.Flush(); err != nil {
				return err
			}
			p.ch.pub.Wait(window/2, p.ch.Done())
		}
		s.name = name{m.MessageId, key}
		meta := p.batch.Messages[i].Meta
		s.ours = meta == nil || meta.ID() != m.MessageId
		err = p.ch.pub.Publish(route, &m)
		if err != nil && cannotEncode(err) {
			s.err = engine.Permanent(err)
			continue
		}
		number++
		s.number = number
		if err != nil {
			return err
		}
	}
	return p.ch.pub.Flush()
}

// cannotEncode reports whether err is about the message alone.
func cannotEncode(err error) bool {
	_, is := errors.AsType[*outbound.EncodeError](err)
	return is
}

var errNack error = &failure{errors.New("the broker did not take the message: the queue is full (and refuses more), or not available"), classFull}

// settle notes for each message why it is not stored.
func (p *publish) settle(back returned) {
	largest := rabbitmq.SizeLimit(p.cause)
	if largest > 0 {
		p.link.largest.Store(largest)
	}
	for i := range p.sent {
		s := &p.sent[i]
		if s.err != nil {
			continue
		}
		if s.status != outbound.Taken {
			switch {
			case largest > 0 && p.tooLarge(s.size) != nil:
				s.err = p.tooLarge(s.size)
			case p.cause != nil:
				s.err = p.cause
			default:
				s.err = errNack
				p.full = true
			}
			continue
		}
	}
	for _, i := range p.unroutable(&back) {
		s := &p.sent[i]
		s.err = &failure{fmt.Errorf("no queue gets messages from exchange %q with key %q (%s)", p.out.cfg.Exchange, s.name.key, back.text), classUnroutable}
		p.link.stale.Store(true)
	}
	for i := range p.sent {
		if s := &p.sent[i]; s.err != nil && s.ours {
			p.out.ids.keep(&p.batch.Messages[i], s.name.id)
		}
	}
}

// unroutable finds the messages that were returned among those that are taken. Where a name is that of
// one message only, that is it; where it is that of several, their contents tell them apart.
func (p *publish) unroutable(back *returned) (found []int) {
	if len(back.by) == 0 {
		return nil
	}
	named := map[name][]int{}
	for i := range p.sent {
		if s := &p.sent[i]; s.err == nil && back.by[s.name] != nil {
			named[s.name] = append(named[s.name], i)
		}
	}
	for n, places := range named {
		sums := back.by[n]
		if len(sums) >= len(places) {
			found = append(found, places...)
			continue
		}
		var others []int
		for _, i := range places {
			if at := slices.Index(sums, p.content(i)); at >= 0 {
				found = append(found, i)
				sums = slices.Delete(sums, at, at+1)
			} else {
				others = append(others, i)
			}
		}
		if len(sums) > 0 { // one came back other than it went: which one is not known, and twice is better than never
			found = append(found, others...)
		}
	}
	return found
}

// content is the sum over message i as it was published.
func (p *publish) content(i int) uint64 {
	var m amqp091.Publishing
	// It was published, so it is right.
	_, _ = p.out.message(&m, p.batch, i, p.key, p.sent[i].name.id, p.began, p.link.conn.MaxProperties())
	return content(m.Headers, m.Body)
}

// result is the error of the Write.
func (p *publish) result() error {
	var failed []engine.Failure
	permanent := false
	for i := range p.sent {
		if err := p.sent[i].err; err != nil {
			failed = append(failed, engine.Failure{Index: i, Err: fmt.Errorf("publish to %s: %w", p.where(), err)})
			permanent = permanent || engine.IsPermanent(err)
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) == len(p.sent) && !permanent:
		return failed[0].Err
	}
	return &engine.WriteError{Failed: failed}
}

func (p *publish) where() string {
	if p.out.cfg.Exchange == "" {
		return fmt.Sprintf("queue %q", p.key)
	}
	return fmt.Sprintf("exchange %q", p.out.cfg.Exchange)
}

// tooLarge is an error if the broker is known to refuse a body of this size. It closes the channel then, so it is asked only once.
func (p *publish) tooLarge(size int) error {
	if most := p.link.largest.Load(); most > 0 && int64(size) > most {
		err := fmt.Errorf("the message has %d bytes; the broker takes %d (its setting max_message_size)", size, most)
		return engine.Permanent(&failure{err, classTooLarge})
	}
	return nil
}
