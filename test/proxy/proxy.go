// Package proxy stands between logpipe and a real server and breaks the way there as networks and servers do.
package proxy

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes TCP connections on to a server. It may be told to break them from any goroutine.
type Proxy struct {
	// Addr is the host and port it listens on.
	Addr   string
	target string

	listener net.Listener
	ends     sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	links   map[*link]bool
	closed  bool
	cut     bool
	silent  bool
	rate    int // bytes a second, 0: no limit
}

// New makes a proxy for the server at target, host:port. It ends with the test.
func New(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p, err := Start(target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Start makes a proxy that the caller closes.
func Start(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, listener: l, links: map[*link]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.ends.Go(p.accept)
	return p, nil
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	p.listener.Close()
	p.set(func() {
		p.closed = true
		p.resetAll()
	})
	p.ends.Wait()
}

// Cut resets all connections, and each new one, until Heal.
func (p *Proxy) Cut() {
	p.set(func() {
		p.cut = true
		p.resetAll()
	})
}

// Reset resets the connections of this moment. New ones get through.
func (p *Proxy) Reset() { p.set(p.resetAll) }

// Vanish lets nothing through in either direction until Heal, without an end of any connection, as when packets vanish. New
// connections are accepted and stay silent. What was sent meanwhile arrives after Heal, as TCP sends it again.
func (p *Proxy) Vanish() { p.set(func() { p.silent = true }) }

// Slow bounds what passes in each direction of each connection, in bytes a second, until Heal.
func (p *Proxy) Slow(bytesPerSecond int) { p.set(func() { p.rate = bytesPerSecond }) }

// CutAfter resets each of the present connections when n more bytes of the server have passed: in the middle of what it says.
func (p *Proxy) CutAfter(n int64) {
	p.set(func() {
		for l := range p.links {
			l.budget = n
			l.limited = true
		}
	})
}

// Heal ends Cut, Vanish and Slow.
func (p *Proxy) Heal() { p.set(func() { p.cut, p.silent, p.rate = false, false, 0 }) }

// Connections is how many are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *Proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.changed.Broadcast()
}

// resetAll needs the lock.
func (p *Proxy) resetAll() {
	for l := range p.links {
		l.reset()
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.ends.Go(func() { p.pass(c.(*net.TCPConn)) })
	}
}

// link is one connection on both sides of the proxy.
type link struct {
	client, server *net.TCPConn
	limited        bool
	budget         int64 // of the server's bytes, if limited
}

// reset ends the link as a crash does: with RST, not with FIN.
func (l *link) reset() {
	for _, c := range []*net.TCPConn{l.client, l.server} {
		if c != nil {
			_ = c.SetLinger(0) // a connection that is gone already needs no reset
			_ = c.Close()
		}
	}
}

func (p *Proxy) pass(client *net.TCPConn) {
	l := &link{client: client}
	p.mu.Lock()
	dead := p.closed || p.cut
	if !dead {
		p.links[l] = true
	}
	p.mu.Unlock()
	defer p.set(func() { delete(p.links, l) })
	if dead || !p.open() {
		l.reset()
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		l.reset()
		return
	}
	p.mu.Lock()
	l.server = server.(*net.TCPConn)
	dead = p.closed || p.cut
	p.mu.Unlock()
	if dead {
		l.reset()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(l.server, l.client, l, false) })
	both.Go(func() { p.copy(l.client, l.server, l, true) })
	both.Wait()
	client.Close()
	server.Close()
}

// copy passes on what src says. An end of src is passed on too, unless packets vanish.
func (p *Proxy) copy(dst, src *net.TCPConn, l *link, fromServer bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if !p.open() {
			return
		}
		if n, ok := p.spend(l, n, fromServer); !ok {
			_, _ = dst.Write(buf[:n]) // the last bytes before the cut
			p.set(l.reset)
			return
		}
		if p.write(dst, buf[:n]) != nil {
			return
		}
		if err != nil {
			if err == io.EOF {
				_ = dst.CloseWrite()
			} else {
				p.set(l.reset)
			}
			return
		}
	}
}

// open waits while packets vanish. It returns false when the proxy ends.
func (p *Proxy) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.silent && !p.closed {
		p.changed.Wait()
	}
	return !p.closed
}

// spend takes n bytes from the link's budget. ok is false when that is not enough; n is then what is left of it.
func (p *Proxy) spend(l *link, n int, fromServer bool) (left int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !l.limited || !fromServer {
		return n, true
	}
	if int64(n) > l.budget {
		return int(l.budget), false
	}
	l.budget -= int64(n)
	return n, true
}

// write writes at the allowed rate, a twentieth of a second at a time.
func (p *Proxy) write(dst *net.TCPConn, b []byte) error {
	for len(b) > 0 {
		p.mu.Lock()
		rate := p.rate
		p.mu.Unlock()
		n := len(b)
		if rate > 0 {
			n = min(n, max(1, rate/20))
		}
		if _, err := dst.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if rate > 0 {
			time.Sleep(time.Second / 20)
		}
	}
	return nil
}
