package rabbitmq

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// wire is the connection below the library. It takes deliveries out of what the broker sends; it remembers how the other side began to talk and why
// reading ended, because the library's errors do not say; and it sees to it that a broker that shows no sign of
// life is found out.
//
// The library does the last itself, but the deadline that it sets with the first frame is taken away again at the end of
// its handshake: a broker that falls silent right then is waited for for ever (measured, v1.16.0).
type wire struct {
	net.Conn
	socket net.Conn // below TLS, if there is any
	tap    *tap     // reads through lively

	silence atomic.Int64              // how long nothing may come, in ns; 0 is for ever
	by      atomic.Pointer[time.Time] // when reading must end at all; nil is never

	gaveUp bool // for want of room; of the reader alone

	once sync.Once
	over chan struct{} // closed when the connection is: see await

	mu      sync.Mutex
	first   []byte // at most the first 16 bytes that came
	readErr error
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.tap.Read(p)
	if err != nil || len(w.first) < 16 { // first is written here alone, by the one reader
		w.mu.Lock()
		w.first = append(w.first, p[:min(n, 16-len(w.first))]...)
		if err != nil && w.readErr == nil {
			w.readErr = err
		}
		w.mu.Unlock()
	}
	if err != nil {
		w.tap.words.hear(nil)
	}
	return n, err
}

// ended returns how the other side began to talk and why reading ended; nil while it goes on.
func (w *wire) ended() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first, w.readErr
}

// expectLife ends reading when nothing comes for one and a half times as long as heartbeat: the broker sends something twice in
// each.
func (w *wire) expectLife(heartbeat time.Duration) {
	w.silence.Store(int64(heartbeat * 3 / 2))
	w.extend() // the reader waits already
}

// extend moves the deadline of reading on.
func (w *wire) extend() {
	silence, by := w.silence.Load(), w.by.Load()
	if silence == 0 {
		return
	}
	deadline := time.Now().Add(time.Duration(silence))
	if by != nil && by.Before(deadline) {
		deadline = *by
	}
	// It fails on a closed connection only, and so does the read that follows.
	_ = w.Conn.SetReadDeadline(deadline)
}

// SetReadDeadline is the library's, for its heartbeats, and does nothing: see wire.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetDeadline is the library's, for the good-bye.
func (w *wire) SetDeadline(t time.Time) error {
	if t.IsZero() {
		w.by.Store(nil)
	} else {
		w.by.Store(&t)
	}
	return w.Conn.SetDeadline(t)
}

// lively reads from the connection itself.
type lively wire

func (l *lively) Read(p []byte) (int, error) {
	w := (*wire)(l)
	if err := w.await(); err != nil {
		return 0, err
	}
	w.extend()
	return w.Conn.Read(p)
}
