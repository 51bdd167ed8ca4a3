package rabbitmq

import (
	"errors"
	"net"
	"time"
)

// Holder is a Receiver that can have no room.
type Holder interface {
	// Full returns nil while there is room for what comes next, else a channel that is closed when there is room again. It is called before
	// each read of the connection, and must not block.
	Full() <-chan struct{}
}

// heldAtMost is how long a Receiver may have no room. A broker that cannot send ends the connection after 30 s (measured on 3.10, 4.0 and 4.3:
// writer, send_failed, timeout), and says nothing, because it cannot. So it is ended here, a third earlier, with a reason.
const heldAtMost = 20 * time.Second

// errFull is why a connection ends whose Receiver had no room for too long.
var errFull = errors.New("the broker has sent more than max_in_flight_bytes, and nothing of it was settled for " + heldAtMost.String() +
	": all of it goes back to the queue")

// await returns when the Receiver has room. What the broker sends meanwhile stays in the network and with the broker: the prefetch counts
// messages, whatever their size is, so this is what bounds memory where they are larger than those before. Nothing else can come past it, also
// no heartbeat and no answer of the broker; who waits for one waits as long.
func (w *wire) await() error {
	to := w.tap.receiver.Load()
	if to == nil {
		return nil
	}
	holder, ok := to.Receiver.(Holder)
	if !ok {
		return nil
	}
	full := holder.Full()
	switch {
	case w.gaveUp: // tap hands over what it has of a frame before it comes back for the error
		return errFull
	case full == nil:
		return nil
	}
	timer := time.NewTimer(heldAtMost)
	defer timer.Stop()
	for {
		select {
		case <-full:
			if full = holder.Full(); full == nil {
				return nil
			}
		case <-w.over:
			return net.ErrClosed
		case <-timer.C:
			w.gaveUp = true
			return errFull
		}
	}
}

// Close ends the connection and frees who waits for room.
func (w *wire) Close() error {
	w.end()
	return w.Conn.Close()
}

// abort is Close without a word to the other side.
func (w *wire) abort() {
	w.end()
	w.socket.Close()
}

func (w *wire) end() { w.once.Do(func() { close(w.over) }) }
