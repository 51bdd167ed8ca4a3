package outbound

import (
	"errors"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// Channel publishes on one channel, in batches: Begin, Publish each message, Flush, Wait, End. It is used by one goroutine.
type Channel struct {
	wire     *Wire
	id       uint16
	frameMax int

	buf   []byte
	begun int // messages of the batch that are in buf, or written

	wake chan struct{}

	mu       sync.Mutex
	closed   bool
	base     uint64   // the tag of the last message before the batch
	states   []Status // of the messages of the batch that are written
	low      int      // the first of them that waits
	settled  int
	wanted   int // wake somebody when so many are settled
	progress func()
}

// Status is what became of a message.
type Status byte

// What becomes of a message.
const (
	Waiting Status = iota // the broker has said nothing
	Taken                 // confirmed
	Refused               // the broker said that it could not take it
)

var errClosed = errors.New("the channel is closed")

// flushAt is how much is collected before it is written. Measured, more of it saves nothing more.
const flushAt = 64 << 10

// Confirm puts a channel that the library has opened into confirm mode. Its number is that which Opened has returned, and frameMax the longest
// frame that was agreed upon. The library must not publish on it, nor know of its mode: it would expect the confirms of messages that it
// has not published.
func (w *Wire) Confirm(id uint16, frameMax int) (*Channel, error) {
	c := &Channel{wire: w, id: id, frameMax: frameMax, wake: make(chan struct{}, 1)}
	w.mu.Lock()
	w.open[id] = c
	w.mu.Unlock()
	return c, w.write(c, appendConfirmSelect(nil, id))
}

// Begin starts a batch of about n messages. No message of the one before may wait. What the broker takes, and each of its confirms, calls progress, which must
// not block.
func (c *Channel) Begin(n int, progress func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base += uint64(len(c.states))
	if cap(c.states) < n {
		c.states = make([]Status, 0, n)
	}
	c.states, c.low, c.settled, c.begun, c.progress = c.states[:0], 0, 0, 0, progress
}

// Publish adds a message to the batch; it is the next one for Status. It may write what was collected. With an
// EncodeError the message is not part of the batch, and all others are well.
func (c *Channel) Publish(r *Route, m *amqp.Publishing) error {
	n := len(c.buf)
	b, err := appendContentHeader(append(c.buf, r.frame...), c.id, m)
	if err != nil {
		c.buf = c.buf[:n]
		return err
	}
	c.buf = b
	c.begun++
	most := c.frameMax - framing.Head - 1
	for body := m.Body; len(body) > 0; {
		piece := body[:min(len(body), most)]
		c.buf, body = appendFrame(c.buf, framing.Body, c.id, piece), body[len(piece):]
		if len(c.buf) >= flushAt {
			if err := c.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush writes what was collected.
func (c *Channel) Flush() error {
	c.mu.Lock()
	for len(c.states) < c.begun {
		c.states = append(c.states, Waiting)
	}
	c.mu.Unlock()
	if len(c.buf) == 0 {
		return nil
	}
	err := c.wire.write(c, c.buf)
	if err == nil {
		c.mu.Lock()
		c.progress()
		c.mu.Unlock()
	}
	if c.buf = c.buf[:0]; cap(c.buf) > 2*flushAt {
		c.buf = nil // a large body is rare
	}
	return err
}

// Open is how many messages were published and not settled.
func (c *Channel) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun - c.settled
}

// Wait waits until at most n messages are open, or until done is closed. Flush before.
func (c *Channel) Wait(n int, done <-chan struct{}) {
	for {
		c.mu.Lock()
		c.wanted = len(c.states) - n
		enough := c.settled >= c.wanted
		c.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-c.wake:
		case <-done:
			return
		}
	}
}

// End ends the batch: what the broker says from now on counts no more. It returns what became of each message that was written; valid until Begin.
func (c *Channel) End() []Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress = nil
	return c.states
}

// settle notes a confirm.
func (c *Channel) settle(tag uint64, all, taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress == nil {
		return
	}
	to := len(c.states) // tag 0 stands for all
	if tag > 0 {
		if tag <= c.base || tag > c.base+uint64(len(c.states)) {
			return // nobody waits for it
		}
		to = int(tag - c.base)
	}
	status := Refused
	if taken {
		status = Taken
	}
	from := to - 1
	if all || tag == 0 {
		from = c.low
	}
	for i := from; i < to; i++ {
		if c.states[i] == Waiting {
			c.states[i] = status
			c.settled++
		}
	}
	for c.low < len(c.states) && c.states[c.low] != Waiting {
		c.low++
	}
	c.progress()
	if c.settled >= c.wanted {
		select {
		case c.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

func (c *Channel) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *Channel) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
