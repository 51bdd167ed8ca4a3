package enginetest

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// Source is an Input that behaves like a queue of a message broker: what is not acked when a connection ends is
// delivered again, and tags start at 1 on each connection. It outlives pipelines, as a broker does.
type Source struct {
	// Chunk is the greatest number of messages a Read gives; 0 is 10.
	Chunk int
	// Follow makes Read wait for more at the end of the queue instead of returning io.EOF.
	Follow bool
	// Rand makes the chunks' lengths random. Nil: always as long as can be.
	Rand *rand.Rand
	// Prefetch is how many messages may be unacked; 0 is no bound. With a bound chunks are acked in the order of their reading, as an
	// ack of several does it: a chunk that is settled keeps its place until all before it are settled, and the source, which is an
	// engine.Bounded, says when it can give no more.
	Prefetch int
	// Alone is how long a chunk may keep what is settled behind it from being acked while the prefetch is used up; then
	// these are acked one by one. 0: for ever.
	Alone time.Duration

	ledger *Ledger

	mu       sync.Mutex
	ready    []string
	unacked  map[uint64][]string // of the open connection
	settled  map[uint64]bool     // those of unacked that are acked when all before them are
	stood    time.Time           // since when the prefetch is used up by a chunk that stands
	standing uint64              // that chunk
	tag      uint64
	dead     error         // the open connection is cut; nil while it lives
	changed  chan struct{} // closed and made anew whenever something changes
	opens    int
	requeued int
	most     int
	bytes    int64
	openErrs []error
	reading  bool
	acking   bool
	open     bool
	lost     chan error
}

// NewSource returns a source with these messages in its queue.
func NewSource(l *Ledger, bodies ...string) *Source {
	s := &Source{ledger: l, changed: make(chan struct{}), unacked: map[uint64][]string{}, settled: map[uint64]bool{}}
	s.Send(bodies...)
	return s
}

// Send puts messages at the end of the queue.
func (s *Source) Send(bodies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range bodies {
		s.ledger.Sent(b)
	}
	s.ready = append(s.ready, bodies...)
	s.wake()
}

// Cut breaks the connection: everything unacked goes back to the front of the queue at once, as with a broker.
func (s *Source) Cut(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open && s.dead == nil {
		s.dead = err
		s.requeue()
		s.wake()
		s.lost <- err
	}
}

// Lost implements engine.Watcher.
func (s *Source) Lost() <-chan error { s.mu.Lock(); defer s.mu.Unlock(); return s.lost }

// FailOpen makes the next calls of Open return these errors.
func (s *Source) FailOpen(errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.openErrs = append(s.openErrs, errs...)
}

// End makes Read return io.EOF once the queue is empty.
func (s *Source) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Follow = false
	s.wake()
}

// Opens is how many connections there were.
func (s *Source) Opens() int { s.mu.Lock(); defer s.mu.Unlock(); return s.opens }

// Unacked is how many messages are delivered and not acked now.
func (s *Source) Unacked() int { s.mu.Lock(); defer s.mu.Unlock(); return s.count() }

// Requeued is how many messages were delivered again after a connection ended.
func (s *Source) Requeued() int { s.mu.Lock(); defer s.mu.Unlock(); return s.requeued }

// MostHeld is the greatest number so far of messages in chunks that were not settled.
func (s *Source) MostHeld() int { s.mu.Lock(); defer s.mu.Unlock(); return s.most }

// MostBytesHeld is the greatest sum so far of the bodies' lengths in chunks that were not settled.
func (s *Source) MostBytesHeld() int64 { s.mu.Lock(); defer s.mu.Unlock(); return s.bytes }

// Ready is how many messages are in the queue and not delivered now.
func (s *Source) Ready() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.ready) }

// Open implements engine.Input.
func (s *Source) Open(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open || s.reading || s.acking {
		s.ledger.Violation("Open beside an open connection, a Read or an Ack")
	}
	s.open = true
	if len(s.openErrs) > 0 {
		err := s.openErrs[0]
		s.openErrs = s.openErrs[1:]
		s.dead = err
		return err
	}
	s.opens++
	s.tag, s.dead, s.lost = 0, nil, make(chan error, 1)
	return nil
}

// Read implements engine.Input.
func (s *Source) Read(ctx context.Context, b *engine.Batch) error {
	s.mu.Lock()
	s.reading = true
	defer func() { s.reading = false; s.mu.Unlock() }()
	for {
		again := s.aroundWhatStands()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case s.dead != nil:
			return s.dead
		case len(s.ready) > 0 && s.free() > 0:
			s.deliver(b)
			return nil
		case !s.Follow && len(s.ready) == 0:
			return io.EOF
		}
		s.wait(ctx, again)
	}
}

// wait gives the lock away until something changes, at most for d unless that is 0.
func (s *Source) wait(ctx context.Context, d time.Duration) {
	changed := s.changed
	s.mu.Unlock()
	var timer <-chan time.Time
	if d > 0 {
		timer = time.After(d)
	}
	select {
	case <-changed:
	case <-timer:
	case <-ctx.Done():
	}
	s.mu.Lock()
}

func (s *Source) deliver(b *engine.Batch) {
	n := s.Chunk
	if n == 0 {
		n = 10
	}
	n = min(n, len(s.ready), s.free())
	if s.Rand != nil {
		n = 1 + s.Rand.IntN(n)
	}
	s.tag++
	b.Tag = s.tag
	s.unacked[s.tag] = append([]string(nil), s.ready[:n]...)
	for _, body := range s.ready[:n] {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body)})
	}
	s.ready = append([]string(nil), s.ready[n:]...)
	held, bytes := s.held()
	s.most, s.bytes = max(s.most, held), max(s.bytes, bytes)
	if s.Prefetch > 0 {
		s.wake() // who waits in Exhausted
	}
}

// Ack implements engine.Input.
func (s *Source) Ack(ctx context.Context, tags []uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acking {
		s.ledger.Violation("two calls of Ack at once")
	}
	s.acking = true
	defer func() { s.acking = false }()
	if s.dead != nil {
		return s.dead
	}
	for _, tag := range tags {
		if _, ok := s.unacked[tag]; !ok || s.settled[tag] {
			s.ledger.Violation("tag %d was acked, which is unknown to this connection or acked already", tag)
		}
		s.settled[tag] = true
		if s.Prefetch == 0 {
			s.acked(tag)
		}
	}
	if s.Prefetch > 0 {
		for tag := range s.inOrder() {
			if !s.settled[tag] {
				break
			}
			s.acked(tag)
		}
		s.wake()
	}
	return nil
}

// acked is an ack that the queue has.
func (s *Source) acked(tag uint64) {
	for _, body := range s.unacked[tag] {
		s.ledger.Acked(body)
	}
	delete(s.unacked, tag)
	delete(s.settled, tag)
}

// inOrder gives the tags of unacked chunks, that which was read first at first.
func (s *Source) inOrder() iter.Seq[uint64] {
	return slices.Values(slices.Sorted(maps.Keys(s.unacked)))
}

// free is how many messages the queue may give.
func (s *Source) free() int {
	if s.Prefetch == 0 {
		return len(s.ready)
	}
	return s.Prefetch - s.count()
}

// Exhausted implements engine.Bounded. It names the oldest eighth of what the prefetch allows, and an eighth more for each second that
// the first chunk stands.
func (s *Source) Exhausted(ctx context.Context) (tags []uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case s.dead != nil:
			return nil, s.dead
		}
		s.aroundWhatStands()
		if s.Prefetch > 0 && s.free() <= 0 {
			span := (1 + int(time.Since(s.stood)/time.Second)) * max(1, s.Prefetch/8)
			for tag := range s.inOrder() {
				if !s.settled[tag] {
					tags = append(tags, tag)
				}
				if span -= len(s.unacked[tag]); span <= 0 {
					break
				}
			}
			return tags, nil
		}
		s.wait(ctx, 0)
	}
}

// aroundWhatStands acks one by one when a chunk has stood for long enough, and returns when to look again.
func (s *Source) aroundWhatStands() time.Duration {
	first := uint64(0)
	for tag := range s.inOrder() {
		first = tag
		break
	}
	if s.Prefetch == 0 || s.free() > 0 || first == 0 {
		return 0
	}
	if s.standing != first {
		s.standing, s.stood = first, time.Now()
	}
	if s.Alone == 0 || len(s.settled) == 0 {
		return 0
	}
	if left := s.Alone - time.Since(s.stood); left > 0 {
		return left
	}
	for tag := range s.inOrder() {
		if s.settled[tag] {
			s.acked(tag)
		}
	}
	s.wake()
	return 0
}

// Close implements engine.Input.
func (s *Source) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.ledger.Violation("Close without Open")
	}
	if s.reading || s.acking {
		s.ledger.Violation("Close beside a Read or an Ack")
	}
	if s.dead == nil {
		s.requeue()
	}
	s.open, s.dead = false, errors.New("closed")
	return nil
}

// requeue puts the unacked messages in front of the others, in their old order.
func (s *Source) requeue() {
	var back []string
	for tag := uint64(1); tag <= s.tag; tag++ {
		back = append(back, s.unacked[tag]...)
	}
	s.requeued += len(back)
	s.ready = append(back, s.ready...)
	clear(s.unacked)
	clear(s.settled)
	s.standing = 0
}

func (s *Source) count() int {
	n := 0
	for _, bodies := range s.unacked {
		n += len(bodies)
	}
	return n
}

// held counts the messages of chunks of which some are nowhere yet: these must be in the pipeline's memory. What is only
// waiting for its ack does not count.
func (s *Source) held() (messages int, bytes int64) {
	for _, bodies := range s.unacked {
		if slices.ContainsFunc(bodies, func(b string) bool { return !s.ledger.IsSettled(b) }) {
			messages += len(bodies)
			for _, b := range bodies {
				bytes += int64(len(b))
			}
		}
	}
	return messages, bytes
}

func (s *Source) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}
