package admin

import (
	"net"
	"net/http"
	"sync"
)

// bounded is a listener with a bound on its connections. When there are too many, the one that has waited longest for a request of its
// client has to go: whoever opens connections and says nothing keeps nobody out. When all are at work, the new one has to go.
type bounded struct {
	net.Listener
	most int

	mu      sync.Mutex
	open    int
	waiting []net.Conn // new or idle, the longest first
}

func newBounded(l net.Listener, most int) *bounded { return &bounded{Listener: l, most: most} }

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.admit(c) {
			return &counted{Conn: c, leave: sync.OnceFunc(b.leave)}, nil
		}
		_ = c.Close() // nothing was said on it
	}
}

// admit counts a connection, and makes room for it.
func (b *bounded) admit(net.Conn) bool {
	b.mu.Lock()
	var gone net.Conn
	if b.open >= b.most {
		if len(b.waiting) == 0 {
			b.mu.Unlock()
			return false
		}
		gone, b.waiting = b.waiting[0], b.waiting[1:]
	}
	b.open++
	b.mu.Unlock()
	if gone != nil {
		_ = gone.Close() // it counts itself out
	}
	return true
}

func (b *bounded) leave() {
	b.mu.Lock()
	b.open--
	b.mu.Unlock()
}

// state is told by the server what becomes of each connection.
func (b *bounded) state(c net.Conn, now http.ConnState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.waiting {
		if b.waiting[i] == c {
			b.waiting = append(b.waiting[:i:i], b.waiting[i+1:]...)
			break
		}
	}
	if now == http.StateNew || now == http.StateIdle {
		b.waiting = append(b.waiting, c)
	}
}

// counted is a connection that counts itself out.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
