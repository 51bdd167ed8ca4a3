package servers

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
)

// mapper is Erlang's port mapper, epmd, for one node of a cluster. A node asks
// its mapper where another one is, and this one names the way that it shall
// take: so there can be something between the nodes that loses packets. The
// protocol is in the chapter "Distribution Protocol" of Erlang's manual.
type mapper struct {
	listener net.Listener
	ends     sync.WaitGroup

	mu    sync.Mutex
	ways  map[string]uint16 // other nodes of the cluster
	alive map[string]uint16 // who lives and has said so: the node, and tools such as rabbitmqctl
	open  map[net.Conn]bool
}

// What is asked, by the first byte.
const (
	askNames = 110
	askAlive = 120
	askPort  = 122
)

// startMapping starts a mapper that knows these ways. The caller closes it.
func startMapping(address string, ways map[string]uint16) (*mapper, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	m := &mapper{listener: l, ways: ways, alive: map[string]uint16{}, open: map[net.Conn]bool{}}
	m.ends.Go(m.accept)
	return m, nil
}

func (m *mapper) close() {
	m.listener.Close()
	m.mu.Lock()
	for c := range m.open {
		c.Close()
	}
	m.open = nil // no more
	m.mu.Unlock()
	m.ends.Wait()
}

func (m *mapper) accept() {
	for {
		c, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.mu.Lock()
		closed := m.open == nil
		if !closed {
			m.open[c] = true
		}
		m.mu.Unlock()
		if closed {
			c.Close()
			return
		}
		m.ends.Go(func() {
			// Whoever asks wrongly hears nothing, as from epmd.
			_ = m.serve(c)
			c.Close()
			m.mu.Lock()
			delete(m.open, c)
			m.mu.Unlock()
		})
	}
}

// serve answers the one request of a connection.
func (m *mapper) serve(c net.Conn) error {
	r := bufio.NewReader(c)
	var size uint16
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return err
	}
	request := make([]byte, size)
	if _, err := io.ReadFull(r, request); err != nil {
		return err
	}
	if len(request) == 0 {
		return errors.New("an empty request")
	}
	switch request[0] {
	case askNames:
		return m.names(c)
	case askPort:
		return m.port(c, string(request[1:]))
	case askAlive:
		return m.register(c, r, request)
	}
	return fmt.Errorf("request %d is not known", request[0])
}

// names lists who lives: a node that starts looks whether its name is free.
func (m *mapper) names(c net.Conn) error {
	_, port, _ := net.SplitHostPort(m.listener.Addr().String())
	var number uint32
	_, _ = fmt.Sscan(port, &number) // it is the port of a listener
	answer := binary.BigEndian.AppendUint32(nil, number)
	m.mu.Lock()
	for name, port := range m.alive {
		answer = fmt.Appendf(answer, "name %s at port %d\n", name, port)
	}
	m.mu.Unlock()
	_, err := c.Write(answer)
	return err
}

// port says where a node is. The way to another node is there also while that
// one is not.
func (m *mapper) port(c net.Conn, name string) error {
	m.mu.Lock()
	port, ok := m.ways[name]
	if !ok {
		port, ok = m.alive[name]
	}
	m.mu.Unlock()
	if !ok {
		_, err := c.Write([]byte{119, 1})
		return err
	}
	answer := binary.BigEndian.AppendUint16([]byte{119, 0}, port)
	answer = append(answer, 77, 0, 0, 6, 0, 5) // a normal node, TCP over IPv4, versions 5 to 6
	answer = binary.BigEndian.AppendUint16(answer, uint16(len(name)))
	_, err := c.Write(append(append(answer, name...), 0, 0))
	return err
}

// register keeps a name for as long as the connection lives.
func (m *mapper) register(c net.Conn, r io.Reader, request []byte) error {
	const fixed = 11 // kind, port, type, protocol, two versions, length of the name
	if len(request) < fixed {
		return errors.New("a short registration")
	}
	length := int(binary.BigEndian.Uint16(request[9:]))
	if len(request) < fixed+length {
		return errors.New("a short name")
	}
	name, newest := string(request[fixed:fixed+length]), binary.BigEndian.Uint16(request[5:])
	m.mu.Lock()
	m.alive[name] = binary.BigEndian.Uint16(request[1:])
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.alive, name)
		m.mu.Unlock()
	}()
	// The number tells this life of the node from the last one.
	life := rand.Uint32() | 4
	answer := binary.BigEndian.AppendUint32([]byte{118, 0}, life)
	if newest < 6 {
		answer = binary.BigEndian.AppendUint16([]byte{121, 0}, uint16(life&3)|1)
	}
	if _, err := c.Write(answer); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, r)
	return err
}
