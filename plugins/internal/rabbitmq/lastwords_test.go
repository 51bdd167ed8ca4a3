package rabbitmq

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// An operator closes a connection while acks go out. The write of one fails before what the broker said is read: without it the log has "connection reset by peer" for a cause, and
// whoever looks for it looks at the network.
func TestLastWordsOfTheBroker(t *testing.T) {
	said := closeFrame(320, "CONNECTION_FORCED - Closed via management plugin")
	for _, cut := range []int{0, 5, 9, len(said) - 1} { // it comes in two pieces
		reader, broker := io.Pipe()
		w := &wire{Conn: brokenConn{Reader: reader}, over: make(chan struct{})}
		w.tap = newTap(w.Conn)
		c := &Connection{wire: w, Connection: &amqp.Connection{}}
		var all sync.WaitGroup
		all.Go(func() { io.Copy(io.Discard, w) })
		wrote := make(chan error)
		go func() {
			_, err := w.Write([]byte("ack"))
			wrote <- err
		}()
		broker.Write(said[:cut])
		broker.Write(said[cut:])
		err := <-wrote
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the write ended with %v", err)
		}
		for _, err := range []error{err, &amqp.Error{Code: amqp.FrameError, Reason: err.Error()}} {
			if got := c.Explain(err); got == nil || !strings.Contains(got.Error(), "operator") {
				t.Errorf("cut at %d: %v becomes %v", cut, err, got)
			}
		}
		broker.Close()
		all.Wait()
	}
}

// Where the broker said nothing, a write that fails does not wait for it, and its own error stands.
func TestNoLastWords(t *testing.T) {
	w := &wire{Conn: brokenConn{Reader: bytes.NewReader(nil)}, over: make(chan struct{})}
	w.tap = newTap(w.Conn)
	if _, err := w.Read(make([]byte, 10)); err != io.EOF {
		t.Fatal(err)
	}
	_, err := w.Write([]byte("ack"))
	if got := (&Connection{wire: w}).Explain(err); !errors.Is(got, syscall.ECONNRESET) {
		t.Errorf("%v becomes %v", err, got)
	}
}

func closeFrame(code int, text string) []byte {
	payload := []byte{0, 10, 0, 50, byte(code >> 8), byte(code), byte(len(text))}
	payload = append(append(payload, text...), 0, 0, 0, 0)
	frame := append([]byte{1, 0, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload))}, payload...)
	return append(frame, 0xCE)
}

// brokenConn can be read, and not written.
type brokenConn struct {
	io.Reader
	net.Conn
}

func (c brokenConn) Read(p []byte) (int, error)      { return c.Reader.Read(p) }
func (c brokenConn) Write(p []byte) (int, error)     { return 0, syscall.ECONNRESET }
func (c brokenConn) SetReadDeadline(time.Time) error { return nil }
