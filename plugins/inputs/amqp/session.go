package amqp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logpipe/logpipe/plugins/inputs/amqp/internal/credit"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq"
	"github.com/logpipe/logpipe/plugins/internal/unpack"
)

// session is one Open: its connections and what came through them.
//
// It ends by Close, by the end of a drain (Read says io.EOF), or because a connection or a channel is lost. What the broker has of it comes again then, and is void here. But what came from a
// queue that was deleted is nowhere else, and void would be lost: a session that holds such messages, its orphans, lives until they are settled, and ends then. So does one whose temporary
// queue went with the connection; all that came from that is sealed and written at once, as nothing is read meanwhile.
type session struct {
	in        *input
	conns     []*rabbitmq.Connection
	wake      chan struct{}  // something came, or ended
	short     chan struct{}  // the prefetch of a consumer is nearly used up
	dead      chan error     // why the session is lost
	closing   chan struct{}  // closed by Close
	pumps     sync.WaitGroup // of the consumers
	following sync.WaitGroup // of the queue's length; it ends with the connection

	seen    rabbitmq.Seen
	credits []*credit.Credit // one for each connection

	count    atomic.Uint64 // of consumers
	stopping atomic.Bool   // no more deliveries are wanted, for good

	mu        sync.Mutex
	consumers []*consumer          // one for each connection
	orphans   []*consumer          // ended by the broker, with something that is not settled
	known     map[uint64]*consumer // all of them, by id
	closed    bool                 // by Close
	resting   bool                 // nobody reads for now
	reason    error                // why the session is lost, as soon as there are no orphans

	// of Ack alone
	sorted map[*consumer][]uint64 // numbers of chunks; empty between two calls

	// of Read alone
	unpacker *unpack.Unpacker // nil: bodies are taken as they come

	turn  int       // the consumer that is asked first
	last  time.Time // when a chunk was handed over
	timer *time.Timer
}

func newSession(in *input) *session {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	s := &session{in: in, wake: make(chan struct{}, 1), short: make(chan struct{}, 1), dead: make(chan error, 1), closing: make(chan struct{}), known: map[uint64]*consumer{}, sorted: map[*consumer][]uint64{}, timer: timer}
	if in.cfg.Unpack {
		s.unpacker = unpack.New(int64(in.cfg.MaxUnpackedBytes))
	}
	return s
}

// idBits are the lower bits of a chunk's tag, which name the consumer; the others are the chunk's number there.
const idBits = 16

var errConsumers = errors.New("the broker has ended the consumer too often")

// begin starts a consumer on a connection. It takes the place of old, if there was one.
func (s *session) begin(conn *rabbitmq.Connection, seen rabbitmq.Seen, room *credit.Credit, old *consumer) error {
	id := s.count.Add(1) - 1
	if id >= 1<<idBits {
		return errConsumers
	}
	room.Fix(seen)
	cfg := &s.in.cfg
	c := &consumer{
		id: id, queue: seen.Name, timeout: asked(conn.Broker, seen, cfg.ConsumerTimeout), credit: room,
		journal: seen.Type == rabbitmq.Classic && !conn.Broker.From(3, 12),
		name:    fmt.Sprintf("%s-%d", cfg.ConsumerTag, id+1),
		wake:    s.poke, short: s.shorten, fail: s.lose, ended: s.succeed,
	}
	at, err := c.start(conn)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[id] = c
	if i := slices.Index(s.consumers, old); i >= 0 {
		s.consumers[i] = c
	} else {
		s.consumers = append(s.consumers, c)
	}
	switch { // what it was not told
	case s.closed:
		c.want(wantEnd)
	case s.reason != nil || s.stopping.Load():
		c.want(wantDrain)
	case s.resting:
		c.want(wantRest)
	}
	s.pumps.Go(func() { c.pump(at) })
	return nil
}

// all are the consumers whose deliveries may be unread.
func (s *session) all() []*consumer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.orphans) == 0 {
		return s.consumers[:len(s.consumers):len(s.consumers)]
	}
	return slices.Concat(s.orphans, s.consumers)
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// rest stops or starts the deliveries. Messages that were delivered stay to be read, or go back to the queue at Close.
func (s *session) rest(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resting == on {
		return
	}
	s.resting = on
	for _, c := range s.consumers {
		if on {
			c.want(wantRest)
		} else {
			c.want(wantAll)
		}
	}
}

// stop ends the deliveries. What came before is still to be read.
func (s *session) stop() {
	s.stopping.Store(true)
	s.drain()
	s.poke()
}

func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.consumers {
		c.want(wantDrain)
	}
}

// ack hands the tags of settled chunks to the consumers that they came from. An ack of a dead connection goes nowhere.
func (s *session) ack(ctx context.Context, tags []uint64) error {
	if err := s.over(); err != nil {
		return err
	}
	s.mu.Lock()
	for _, tag := range tags {
		c := s.known[tag&(1<<idBits-1)]
		if c == nil {
			s.mu.Unlock()
			return fmt.Errorf("chunk %d is not known", tag)
		}
		s.sorted[c] = append(s.sorted[c], tag>>idBits)
	}
	s.mu.Unlock()
	var errs []error
	for c, numbers := range s.sorted {
		if len(numbers) == 0 {
			delete(s.sorted, c) // it has had none since the last time, and may be gone
			continue
		}
		s.sorted[c] = numbers[:0]
		release := c.ch.Conn.Guard(ctx)
		err := c.ack(numbers)
		if aborted := release(); aborted != nil {
			err = aborted
		}
		if c.lost.Load() == nil || s.over() != nil { // else it comes again, but the session lives on for its orphans
			errs = append(errs, err)
		}
	}
	s.settle()
	return errors.Join(errs...)
}

// close ends the connections and everything that runs.
func (s *session) close(ctx context.Context) error {
	s.grace(ctx)
	close(s.closing)
	s.end()
	errs := make([]error, len(s.conns))
	var wg sync.WaitGroup
	for i, conn := range s.conns {
		wg.Go(func() { errs[i] = conn.Shut(ctx) })
	}
	wg.Wait()
	s.pumps.Wait()
	s.following.Wait()
	return errors.Join(errs...)
}

func (s *session) end() {
	s.mu.Lock()
	s.closed = true
	known := slices.Collect(maps.Values(s.known))
	s.mu.Unlock() // an acker that says that it is lost has its own lock, and wants this one
	for _, c := range known {
		c.end()
	}
}
