package rabbitmq

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/framing"
)

// lastWords is why the broker has ended a connection, in its own words.
//
// The library tells the first error that it meets. While acks or messages go out, that is often the one of a write, "connection reset by peer", although
// what the broker said before it hung up has come, and only waits to be read.
type lastWords struct {
	said atomic.Pointer[amqp.Error]
	once sync.Once
	over chan struct{} // closed when they came, or nothing comes any more
}

// closeConnection is connection.close: https://www.rabbitmq.com/amqp-0-9-1-reference#connection.close
const closeConnection = 10<<16 | 50

// listenFor is how long a failed write waits for what the broker said: it was sent before, so it is here, unless the reader is held up.
const listenFor = 500 * time.Millisecond

// hear notes the last words: nil if nothing comes any more.
func (l *lastWords) hear(err *amqp.Error) {
	if err != nil {
		l.said.Store(err)
	}
	l.once.Do(func() { close(l.over) })
}

// get returns them, nil if there are none.
func (l *lastWords) get() *amqp.Error { return l.said.Load() }

// wait gives the reader a moment.
func (l *lastWords) wait() {
	timer := time.NewTimer(listenFor)
	defer timer.Stop()
	select {
	case <-l.over:
	case <-timer.C:
	}
}

// Write is the library's.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if err != nil {
		w.tap.words.wait() // before the library hears of the error and hangs up
	}
	return n, err
}

// closing reads a frame that is connection.close. ok is false when it is not all here.
func (t *tap) closing(b []byte, f framing.Frame) (ok bool, err error) {
	said, err := payload(b, f)
	if err != nil || said == nil {
		t.need = f.Total()
		return false, err
	}
	if args := said[framing.MethodHead:]; len(args) > 2 {
		if rest, whole := afterShort(args[2:]); whole {
			text := args[3 : len(args)-len(rest)]
			t.words.hear(&amqp.Error{Code: int(binary.BigEndian.Uint16(args)), Reason: string(text), Server: true})
		}
	}
	return true, nil
}
