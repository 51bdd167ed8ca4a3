// Package outbound publishes to a broker below the library: it writes the frames of many messages in one write, and counts their confirms
// itself.
//
// The library flushes the socket for each message and needs 28 allocations and a channel for it, which was most of what publishing cost. It stays for
// everything else: the handshake, opening and closing of channels, returned messages, heartbeats, errors. A Wire lies between it and the
// connection, so that both can write:
//
//	library ──frames──▶ Wire ──▶ connection       a frame is never cut in two by the other's
//	Channel ──frames──▶
//
//	library ◀──the rest── Wire ◀── connection
//	Channel ◀──confirms──
package outbound

import (
	"bufio"
	"encoding/binary"
	"net"
	"sync"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// Wire is a connection to a broker which the library and Channels share.
type Wire struct {
	net.Conn

	// of the library's reading goroutine
	in    *bufio.Reader
	pass  int  // the next bytes are the library's
	alien bool // the other side does not speak AMQP; the library will say so

	out    sync.Mutex // held while a frame is being written
	broken error      // why a frame was cut in the middle; guarded by out
	theirs parser     // what the library writes; guarded by the library's own lock of writing

	opening sync.Mutex // held while the library opens a channel
	mu      sync.Mutex // never held while something is written, so that reading goes on when writing does not
	opened  uint16     // the channel that the library has opened last; guarded by mu
	open    map[uint16]*Channel
}

// NewWire puts a Wire over conn. Nobody else may write to conn.
func NewWire(conn net.Conn) *Wire {
	return &Wire{Conn: conn, in: bufio.NewReader(conn), open: map[uint16]*Channel{}}
}

// Opened calls open, in which the library opens one channel, and returns the number of this channel, which the library does not tell. Open all
// channels of a connection in this way.
func (w *Wire) Opened(open func() error) (uint16, error) {
	w.opening.Lock()
	defer w.opening.Unlock()
	if err := open(); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened, nil
}

// Write is the library's.
func (w *Wire) Write(p []byte) (int, error) {
	if !w.theirs.within() {
		w.out.Lock()
	}
	err := w.broken
	n := 0
	if err == nil {
		w.theirs.read(p, w.see)
		n, err = w.Conn.Write(p)
		w.broken = err
	}
	if err != nil || !w.theirs.within() {
		w.theirs = parser{greeted: true}
		w.out.Unlock()
	}
	return n, err
}

// see notes what becomes of a channel before the broker knows of it. The library uses the number of a channel again once it has
// closed it: what is still to be written to the old one must not get into the new one.
func (w *Wire) see(channel uint16, method uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch method {
	case channelOpen:
		w.opened = channel
	case channelClose, channelCloseOK:
		if c := w.open[channel]; c != nil {
			delete(w.open, channel)
			c.close()
		}
	}
}

// write writes whole frames of a channel.
func (w *Wire) write(c *Channel, frames []byte) error {
	w.out.Lock()
	defer w.out.Unlock()
	if w.broken != nil {
		return w.broken
	}
	if c.isClosed() {
		return errClosed
	}
	_, w.broken = w.Conn.Write(frames)
	return w.broken
}

// Read is the library's. It gets everything but the confirms of Channels. A confirm is told to its Channel after the library has dealt with all that
// came before it, and before the library gets what came after it: the broker returns a message before it confirms it.
func (w *Wire) Read(p []byte) (int, error) {
	for w.pass == 0 {
		if err := w.next(); err != nil {
			return 0, err
		}
	}
	if w.alien {
		return w.in.Read(p)
	}
	n, err := w.in.Read(p[:min(len(p), w.pass)])
	w.pass -= n
	return n, err
}

// next looks at the next frame: it is a confirm, which it deals with, or is to be passed on.
func (w *Wire) next() error {
	b, err := w.in.Peek(framing.Head)
	if err != nil {
		if w.pass = len(b); w.pass > 0 {
			return nil // the library says that it is cut short
		}
		return err
	}
	f := framing.At(b)
	if !f.Known() {
		w.alien, w.pass = true, 1
		return nil
	}
	w.pass = f.Total()
	if f.Kind != framing.Method || f.Size != confirmSize {
		return nil
	}
	w.mu.Lock()
	c := w.open[f.Channel]
	w.mu.Unlock()
	if c == nil {
		return nil
	}
	if b, err = w.in.Peek(w.pass); err != nil {
		w.pass = len(b)
		return nil
	}
	method := framing.MethodAt(b)
	if (method == basicAck || method == basicNack) && b[w.pass-1] == framing.End {
		c.settle(binary.BigEndian.Uint64(b[framing.Head+4:]), b[framing.Head+12]&1 != 0, method == basicAck)
		_, err = w.in.Discard(w.pass)
		w.pass = 0
	}
	return err
}
