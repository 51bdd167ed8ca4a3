package rabbitmq

import (
	"io"
	"sync/atomic"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// Incoming is a message as the broker delivered it. Body and Meta point into memory that other messages share, so their bytes must not
// be changed.
type Incoming struct {
	Tag  uint64 // the delivery tag
	Body []byte
	Meta Delivery
	Size int // bytes that it holds in memory as long as it is not let go: those that it came in, and what keeps it

	own bool // its memory is shared with no other message
}

// keeping is what a message takes beside the bytes that it came in: an Incoming, and an engine.Message.
const keeping = 96 + 72

// Receiver gets the deliveries of a connection, in the order in which they came, from the goroutine that reads it. It must not block, not
// call the connection, and not keep the list.
type Receiver interface {
	Receive([]Incoming)
}

// tap is the reading side of a connection: the library reads through it. It takes the deliveries out of the stream and gives them to a
// Receiver; everything else, from the handshake to the answers to our questions, it passes on as it came.
//
// The library needs 28 to 50 allocations and two channels for a delivery, which was most of what a message cost. Here a message is not even
// copied: the connection is read into blocks of memory, and bodies and properties are parts of these. A block is given up when it is full, and
// is the garbage collector's when the last of its messages is let go: see Compact.
type tap struct {
	from     io.Reader
	words    lastWords
	receiver atomic.Pointer[receiver]

	// of the reading goroutine alone
	block  []byte
	r, w   int  // block[r:w] came and was not looked at
	need   int  // bytes from r on without which there is nothing to do
	pass   int  // the next bytes are the library's
	shared bool // messages are parts of block, so it must not be written over
	alien  bool // the other side does not speak AMQP; the library will say so
	open   content
	got    []Incoming // not given to the receiver yet
}

type receiver struct {
	Receiver
	queue   string // of all the deliveries
	channel uint16 // that the first of them came through; 0 before. Of the reading goroutine alone
}

const (
	blockSize = 64 << 10
	// readLeast is the room that is worth a read; the end of a block is left unused rather than read into in small pieces.
	readLeast = 4 << 10
)

func newTap(from io.Reader) *tap {
	return &tap{from: from, words: lastWords{over: make(chan struct{})}, block: make([]byte, blockSize), need: framing.Head}
}

// take gives the deliveries that come from now on to r. A connection reads one queue, through one channel.
func (t *tap) take(queue string, r Receiver) { t.receiver.Store(&receiver{Receiver: r, queue: queue}) }

// add takes a delivery that is complete. One of another channel than the first was asked for by nobody who wants to have it (IsStream): it is left out, and
// goes back to its queue with that channel.
func (t *tap) add(to *receiver, channel uint16, m Incoming) {
	if to.channel == 0 {
		to.channel = channel
	}
	if channel == to.channel {
		m.Size += keeping
		t.got = append(t.got, m)
	}
}

// Read is the library's. Deliveries that came before a byte that it returns have been given to the receiver.
func (t *tap) Read(p []byte) (n int, err error) {
	defer t.handOver()
	for n < len(p) {
		switch {
		case t.pass > 0 && t.r < t.w:
			k := copy(p[n:], t.block[t.r:min(t.w, t.r+t.pass)])
			n, t.r, t.pass = n+k, t.r+k, t.pass-k
		case t.pass == 0 && t.w-t.r >= t.need:
			if err := t.step(); err != nil {
				return n, err
			}
		case n > 0:
			return n, nil
		default:
			t.handOver()
			err := t.fill()
			if err != nil && t.r == t.w {
				return 0, err
			}
			if err != nil { // comes again, when the library has what there is of a frame
				t.giveUp()
			}
		}
	}
	return n, nil
}

// fill reads once.
func (t *tap) fill() error {
	if len(t.block)-t.w < t.room() {
		t.renew()
	}
	n, err := t.from.Read(t.block[t.w:])
	t.w += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// room is how much must fit in behind what came: what is missing, but of much no more than came already, because how long a frame is, is only a number
// before it is here.
func (t *tap) room() int {
	came := t.w - t.r
	return max(readLeast, min(t.need-came, max(came, mostAhead)))
}

// renew makes room in a block, with what was not looked at at its beginning.
func (t *tap) renew() {
	rest := t.block[t.r:t.w]
	size := max(blockSize, len(rest)+t.room()+readLeast)
	if t.shared || size > len(t.block) || len(t.block) > max(size, 4*blockSize) { // the last: it was made for a rare one
		t.block = make([]byte, size)
		t.shared = false
	}
	t.r, t.w = 0, copy(t.block, rest)
}

// step looks at the frame that is due: it is the library's, or belongs to a delivery. When it is not all here, need says how
// many bytes must be.
func (t *tap) step() error {
	b := t.block[t.r:t.w]
	if t.alien || !framing.At(b).Known() {
		t.giveUp()
		return nil
	}
	f := framing.At(b)
	t.need = framing.Head
	to := t.receiver.Load()
	switch {
	case t.open.on && f.Channel == t.open.channel:
		return t.next(b, f, to)
	case f.Kind == framing.Method && f.Size >= framing.MethodHead:
		if len(b) < framing.Head+framing.MethodHead {
			t.need = framing.Head + framing.MethodHead
			return nil
		}
		switch method := framing.MethodAt(b); {
		case to != nil && method == deliver:
			return t.deliver(b, f, to)
		case method == closeConnection:
			if ok, err := t.closing(b, f); !ok {
				return err
			}
		}
	}
	t.pass = f.Total()
	return nil
}

// giveUp leaves all that came and comes to the library.
func (t *tap) giveUp() { t.alien, t.need, t.pass = true, 1, t.w-t.r }

// handOver gives the receiver what came.
func (t *tap) handOver() {
	if len(t.got) == 0 {
		return
	}
	t.receiver.Load().Receive(t.got)
	clear(t.got) // else it keeps blocks alive
	t.got = t.got[:0]
}
