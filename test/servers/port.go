package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// port is a TCP port that is ours until it is released, also while the server
// that uses it is stopped.
type port struct {
	number int
	held   *os.File
}

// Ports are taken from below the range that systems give to outgoing
// connections: such a connection could else take the port of a stopped server.
const firstPort, lastPort = 20000, 29999

// reservePort finds a port that nobody listens on and keeps other processes
// that use this package from taking it.
func reservePort() (*port, error) {
	share, err := shareDir()
	if err != nil {
		return nil, err
	}
	for range 200 {
		if p := tryPort(share, firstPort+rand.IntN(lastPort-firstPort+1)); p != nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("find a free TCP port between %d and %d on 127.0.0.1: 200 tries were all in use", firstPort, lastPort)
}

// tryPort returns nil when the port is taken.
func tryPort(share string, number int) *port {
	path := filepath.Join(share, "port-"+strconv.Itoa(number))
	held, err := lock(path, false)
	if err != nil {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number)))
	if err != nil {
		held.Close()
		return nil
	}
	l.Close()
	return &port{number: number, held: held}
}

// release gives the port back. The lock's file stays: removing a file that
// another process is about to lock would let two processes have the port.
func (p *port) release() {
	if p != nil {
		p.held.Close()
	}
}

// String is the number, as command lines and files want it.
func (p *port) String() string { return strconv.Itoa(p.number) }

// address is where a local client reaches the port.
func (p *port) address() string { return net.JoinHostPort("127.0.0.1", p.String()) }
