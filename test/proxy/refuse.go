package proxy

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// NewRefusing makes a proxy that does not listen yet, as a server that is not started: connections are refused until listen is called. The
// port is taken all the while, so that nobody else can have it meanwhile. Proxy and port end with the test.
func NewRefusing(tb testing.TB, target string) (p *Proxy, listen func()) {
	tb.Helper()
	socket, err := bound()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { socket.Close() })
	address, err := addressOf(socket)
	if err != nil {
		tb.Fatal(err)
	}
	p = &Proxy{Addr: address, target: target, links: map[*link]bool{}}
	p.changed = sync.NewCond(&p.mu)
	return p, func() {
		tb.Helper()
		if err := unix.Listen(int(socket.Fd()), 128); err != nil {
			tb.Fatal(err)
		}
		l, err := net.FileListener(socket)
		if err != nil {
			tb.Fatal(err)
		}
		p.listener = l
		p.ends.Go(p.accept)
		tb.Cleanup(p.Close)
	}
}

// bound is a socket that has a port and does not listen on it.
func bound() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "socket")
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		f.Close()
		return nil, fmt.Errorf("bind a socket: %w", err)
	}
	return f, nil
}

func addressOf(socket *os.File) (string, error) {
	name, err := unix.Getsockname(int(socket.Fd()))
	if err != nil {
		return "", fmt.Errorf("ask for the port of a socket: %w", err)
	}
	in := name.(*unix.SockaddrInet4)
	return fmt.Sprintf("127.0.0.1:%d", in.Port), nil
}
