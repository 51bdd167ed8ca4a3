package amqp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
)

// session is one Open: its connections and what came through them.
type session struct {
	in        *input
	conns     []*rabbitmq.Connection
	mu        sync.Mutex     // held while consumers grows, and by who is not Read, Ack, Stop or Close
	consumers []*consumer    // all of them once Open is over
	wake      chan struct{}  // something came, or ended
	dead      chan error     // why the first connection or channel died
	following sync.WaitGroup // of the queue's length; it ends with the connection

	stopping atomic.Bool // no more deliveries are wanted, for good

	end  sync.Once
	over atomic.Bool           // the broker has ended a consumer
	gone atomic.Pointer[error] // the same, and why

	// of Read alone
	turn   int       // the consumer that is asked first
	last   time.Time // when a chunk was handed over
	timer  *time.Timer
	paused bool

	// of Ack alone
	sorted [][]uint64 // the numbers of chunks for each consumer
}

func newSession(in *input) *session {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &session{in: in, wake: make(chan struct{}, 1), dead: make(chan error, 1), timer: timer}
}

func (s *session) consume(conn *rabbitmq.Connection) error {
	cfg := &s.in.cfg
	c := &consumer{
		queue: cfg.Queue, wake: s.poke, dead: s.dead, ended: func() { s.ended(conn) }, over: &s.over,
		index:  len(s.consumers),
		name:   fmt.Sprintf("%s-%d", cfg.ConsumerTag, len(s.consumers)+1),
		credit: newCredit(s.in.prefetch, s.in.bytesEach()),
	}
	if err := c.start(conn); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consumers = append(s.consumers, c)
	if s.over.Load() { // the ones before were told already
		c.ending.Store(true)
		c.nudge()
	}
	s.sorted = append(s.sorted, nil)
	return nil
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// A chunk is handed over at once when little comes. When one follows the other within busy, it may grow for as long as
// grow: every chunk costs the pipeline the same, however small it is.
const (
	busy = 5 * time.Millisecond
	grow = 2 * time.Millisecond
)

// read fills b with the next chunk.
func (s *session) read(ctx context.Context, b *engine.Batch) error {
	s.pause(false)
	for hold := true; ; {
		if err := s.lost(); err != nil {
			return err
		}
		hold = hold && time.Since(s.last) < busy
		if c, p := s.next(hold); p != nil {
			s.last = time.Now()
			s.fill(b, c, p)
			return nil
		}
		if s.stopping.Load() && s.drained() && !s.unread() {
			return io.EOF
		}
		var atMost time.Duration
		if hold && s.unread() {
			atMost = grow
		} else if err := s.finished(); err != nil {
			return err
		}
		elapsed, err := s.wait(ctx, atMost)
		if err != nil {
			s.pause(true) // nobody takes more for now: it is for other readers of the queue
			return err
		}
		hold = hold && !elapsed
	}
}

// next returns a chunk: a full one, or else, unless one that is not full shall be held, any.
func (s *session) next(hold bool) (*consumer, *part) {
	for _, full := range [...]bool{true, false} {
		if !full && hold {
			break
		}
		for i := range s.consumers {
			n := (s.turn + i) % len(s.consumers)
			if p := s.consumers[n].inbox.take(full); p != nil {
				s.turn = n + 1
				return s.consumers[n], p
			}
		}
	}
	return nil, nil
}

func (s *session) unread() bool {
	for _, c := range s.consumers {
		if !c.inbox.empty() {
			return true
		}
	}
	return false
}

// fill makes a chunk of a part. Its tag names the consumer and the chunk's number there.
func (s *session) fill(b *engine.Batch, c *consumer, p *part) {
	b.Tag = c.acks.add(p.first(), p.last(), p.bytes)*maxConnections + uint64(c.index)
	b.MetaBytes = p.bytes - p.bodies
	b.Messages = slices.Grow(b.Messages, len(p.deliveries))
	for i := range p.deliveries {
		d := &p.deliveries[i]
		b.Messages = append(b.Messages, engine.Message{Body: d.Body, Time: s.last, Meta: &d.Meta})
	}
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

// pause stops or starts the deliveries. Messages that were delivered stay to be read, or go back to the queue at Close.
func (s *session) pause(on bool) {
	if s.paused == on {
		return
	}
	s.paused = on
	for _, c := range s.consumers {
		c.paused.Store(on)
		c.nudge()
	}
}

// stop ends the deliveries. What came before is still to be read.
func (s *session) stop() {
	s.stopping.Store(true)
	for _, c := range s.consumers {
		c.ending.Store(true)
		c.nudge()
	}
}

// drained reports whether everything that was delivered is in the inboxes, or was read, and no more will come.
func (s *session) drained() bool {
	for _, c := range s.consumers {
		if !c.drained.Load() {
			return false
		}
	}
	return true
}

// lost is why one of the connections is dead. What it has brought is the broker's again.
func (s *session) lost() error {
	for _, c := range s.consumers {
		if err := c.lost.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// ack hands the tags of settled chunks to the consumers that they came from. An ack of a dead connection goes nowhere.
func (s *session) ack(ctx context.Context, tags []uint64) error {
	if err := s.lost(); err != nil {
		return err
	}
	for _, tag := range tags {
		i := tag % maxConnections
		if i >= uint64(len(s.consumers)) {
			return fmt.Errorf("chunk %d is not known", tag)
		}
		s.sorted[i] = append(s.sorted[i], tag/maxConnections)
	}
	var errs []error
	for i, c := range s.consumers {
		if len(s.sorted[i]) == 0 {
			continue
		}
		release := c.ch.Conn.Guard(ctx)
		err := c.ack(s.sorted[i])
		if aborted := release(); aborted != nil {
			err = aborted
		}
		errs = append(errs, err)
		s.sorted[i] = s.sorted[i][:0]
	}
	s.poke() // a reader that waits for the last acks
	return errors.Join(errs...)
}

// close ends the connections and everything that runs.
func (s *session) close(ctx context.Context) error {
	s.grace(ctx)
	for _, c := range s.consumers {
		c.stop()
	}
	errs := make([]error, len(s.conns))
	var wg sync.WaitGroup
	for i, conn := range s.conns {
		wg.Go(func() { errs[i] = conn.Shut(ctx) })
	}
	wg.Wait()
	for _, c := range s.consumers {
		<-c.done
	}
	s.following.Wait()
	return errors.Join(errs...)
}
