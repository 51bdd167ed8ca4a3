package amqp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/engine"
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
	sent  []sent
	cause error // why some have no confirm, where that is not about each of them
	full  bool  // the broker has refused some
}

// sent is what became of one message.
type sent struct {
	name    name
	confirm *amqp091.DeferredConfirmation // nil: not sent
	ours    bool                          // the id is ours
	err     error                         // not nil: it is not stored
}

// run publishes all messages, waits until the broker has confirmed or refused each, and notes what became of it.
//
// The library's calls know no context and no time: they wait as long as the broker takes no more messages. When ctx ends, or when nothing
// moves for a while, the connection is cut: that ends every wait, because the library then refuses what is not confirmed.
func (p *publish) run(ctx context.Context) {
	var late atomic.Bool
	patience := time.AfterFunc(p.link.timeout, func() {
		late.Store(true)
		p.link.conn.Abort()
	})
	release := p.link.conn.Guard(ctx)
	err := p.send(patience)
	for i := range p.sent {
		p.await(i, patience)
	}
	patience.Stop()
	switch aborted := release(); {
	case aborted != nil:
		p.cause = aborted
	case late.Load():
		p.cause = fmt.Errorf("the broker has confirmed nothing for %v", p.link.timeout)
	case p.ch.IsClosed():
		p.cause = p.ch.Explain(amqp091.ErrClosed)
	case err != nil:
		p.cause = p.ch.Explain(err)
	}
	if p.cause != nil {
		p.link.stale.Store(true) // it may be that something was deleted
	}
	p.settle(p.ch.returns())
}

// send publishes the messages, with at most a window of them unconfirmed. It stops when the channel fails.
func (p *publish) send(patience *time.Timer) error {
	limit := p.link.conn.MaxProperties()
	for i := range p.sent {
		if i >= window {
			p.await(i-window, patience)
		}
		m, key, err := p.out.message(p.batch, i, p.key, limit)
		if err == nil {
			err = p.tooLarge(len(m.Body))
		}
		if err != nil {
			p.sent[i].err = err
			continue
		}
		p.sent[i].name = name{m.MessageId, key}
		meta := p.batch.Messages[i].Meta
		p.sent[i].ours = meta == nil || meta.ID() != m.MessageId
		p.sent[i].confirm, err = p.ch.PublishWithDeferredConfirm(p.out.cfg.Exchange, key, p.out.cfg.Mandatory, false, m)
		if err != nil {
			if !p.ch.IsClosed() {
				p.link.conn.Abort() // the library does not end a connection that it cannot flush, and its confirms would not end
			}
			return err
		}
		patience.Reset(p.link.timeout)
	}
	return nil
}

// await waits for one confirm. Each message that the broker takes or confirms starts the patience anew.
func (p *publish) await(i int, patience *time.Timer) {
	if c := p.sent[i].confirm; c != nil && !c.Acked() {
		<-c.Done()
		patience.Reset(p.link.timeout)
	}
}

var errNack = errors.New("the broker did not take the message: the queue is full (and refuses more), or not available")

// settle notes for each message why it is not stored.
func (p *publish) settle(back returned) {
	largest := sizeLimit(p.cause)
	if largest > 0 {
		p.link.largest.Store(largest)
	}
	for i := range p.sent {
		s := &p.sent[i]
		if s.err != nil {
			continue
		}
		if s.confirm == nil || !s.confirm.Acked() {
			switch {
			case largest > 0 && p.tooLarge(len(p.batch.Messages[i].Body)) != nil:
				s.err = p.tooLarge(len(p.batch.Messages[i].Body))
			case p.cause != nil:
				s.err = p.cause
			default:
				s.err = errNack
				p.full = true
			}
			continue
		}
		if text, ok := back[s.name]; ok {
			s.err = fmt.Errorf("no queue gets messages from exchange %q with key %q (%s)", p.out.cfg.Exchange, s.name.key, text)
			p.link.stale.Store(true)
		}
	}
	for i := range p.sent {
		if s := &p.sent[i]; s.err != nil && s.ours {
			p.out.ids.keep(&p.batch.Messages[i], s.name.id)
		}
	}
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
		return engine.Permanent(fmt.Errorf("the message has %d bytes; the broker takes %d (its setting max_message_size)", size, most))
	}
	return nil
}

var maxSize = regexp.MustCompile(`message size \d+ is larger than configured max size (\d+)`)

// sizeLimit is the largest body that the broker takes, if it closed the channel because of a larger one; else 0.
func sizeLimit(cause error) int64 {
	var refused *amqp091.Error
	if !errors.As(cause, &refused) {
		return 0
	}
	m := maxSize.FindStringSubmatch(refused.Reason)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	return n
}
