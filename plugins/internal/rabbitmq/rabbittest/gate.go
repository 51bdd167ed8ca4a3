package rabbittest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Gate is a way to a broker that can be shut, and on which the broker's answers can be held up.
type Gate struct {
	Address string

	mu     sync.Mutex
	cond   *sync.Cond
	shut   bool
	held   bool
	closed bool
	open   map[net.Conn]bool
}

// NewGate makes an open gate to the broker at this address.
func NewGate(tb testing.TB, broker string) *Gate {
	tb.Helper()
	g := &Gate{open: map[net.Conn]bool{}}
	g.cond = sync.NewCond(&g.mu)
	g.Address = Serve(tb, func(c net.Conn) { g.pass(c, broker) })
	tb.Cleanup(func() { g.set(func() { g.closed = true }) }) // before Serve's own, which waits for the connections
	return g
}

// Shut cuts all connections, and lets no more through.
func (g *Gate) Shut() {
	g.set(func() {
		g.shut = true
		for c := range g.open {
			c.Close()
		}
	})
}

// Open lets connections through again.
func (g *Gate) Open() { g.set(func() { g.shut = false }) }

// Hold holds the broker's answers back, and Release lets them go.
func (g *Gate) Hold() { g.set(func() { g.held = true }) }

// Release ends Hold.
func (g *Gate) Release() { g.set(func() { g.held = false }) }

func (g *Gate) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	g.cond.Broadcast()
}

func (g *Gate) pass(c net.Conn, broker string) {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return
	}
	g.open[c] = true
	g.mu.Unlock()
	defer g.set(func() { delete(g.open, c) })
	b, err := net.Dial("tcp", broker)
	if err != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(b, c)
		b.Close()
	})
	g.answers(c, b)
	c.Close()
	wg.Wait()
}

// answers copies what the broker says, unless it is held.
func (g *Gate) answers(c, b net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := b.Read(buf)
		g.mu.Lock()
		for g.held && !g.closed && !g.shut && err == nil {
			g.cond.Wait()
		}
		g.mu.Unlock()
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}
