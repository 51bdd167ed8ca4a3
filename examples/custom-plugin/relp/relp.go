// Package relp is an input that takes logs from rsyslog by RELP, in which each message is answered once it is stored.
package relp

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

const doc = `Takes logs from rsyslog (module omrelp), or from whoever else speaks RELP.

A message is answered when logpipe has stored it; what is not answered when a connection ends, its sender sends again. The time of a
message in the format of RFC 5424 is the one that stands in it. RELP: https://github.com/rsyslog/librelp/blob/master/doc/relp.html`

// Plugin is the input "relp".
var Plugin = engine.NewInput("relp", doc, func() Config { return Config{Listen: "127.0.0.1:2514", MaxMessage: 1 << 20} }, New)

// Config is the configuration of the input.
type Config struct {
	Listen     string       `hcl:"listen,optional" doc:"Address and port, or unix: and the path of a socket."`
	MaxMessage engine.Bytes `hcl:"max_message,optional" doc:"The largest message; a sender of a larger one is sent away, and keeps it."`
}

// Validate finds an address that cannot be listened on.
func (c Config) Validate() error {
	if network, address := c.address(); network == "tcp" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return engine.AttrErrorf("listen", `%q is neither an address with a port, such as "127.0.0.1:2514", nor unix: and a path`, c.Listen)
		}
	}
	return nil
}

// Traits says that messages may have line breaks in them: RELP counts bytes.
func (c Config) Traits() engine.Traits { return engine.Traits{AnyBody: true} }

func (c Config) address() (network, address string) {
	if path, ok := strings.CutPrefix(c.Listen, "unix:"); ok {
		return "unix", path
	}
	return "tcp", c.Listen
}

// New makes the input. It listens when it is opened.
func New(c Config, env engine.Env) (engine.Input, error) { return &input{Config: c, env: env}, nil }

type input struct {
	Config
	env engine.Env
	*session
}

// session is the time between Open and Close.
type session struct {
	listener net.Listener
	arrived  chan arrival // without room: a sender waits until its message is read, and so do those behind it
	ended    chan struct{}
	senders  sync.WaitGroup

	mu      sync.Mutex
	conns   map[*sender]bool
	tag     uint64
	unacked map[uint64][]arrival // by the tag of their chunk
}

// arrival is a message, and whom to answer.
type arrival struct {
	from *sender
	txn  string
	body []byte
}

// maxChunk is how many messages that are there at once become one chunk.
const maxChunk = 500

// Open listens.
func (in *input) Open(ctx context.Context) error {
	network, address := in.address()
	if network == "unix" {
		_ = os.Remove(address) // of a process that was killed
	}
	listener, err := new(net.ListenConfig).Listen(ctx, network, address)
	if err != nil {
		return err
	}
	in.session = &session{
		listener: listener, arrived: make(chan arrival), ended: make(chan struct{}),
		conns: map[*sender]bool{}, unacked: map[uint64][]arrival{},
	}
	s := in.session
	s.senders.Go(func() { in.accept(s) })
	return nil
}

func (in *input) accept(s *session) {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, for example: it passes
			in.env.Log.Warn("accept connection", "error", err)
			select {
			case <-time.After(time.Second):
				continue
			case <-s.ended:
				return
			}
		}
		p := &sender{conn: conn, in: bufio.NewReader(conn)}
		s.mu.Lock()
		s.conns[p] = true
		s.mu.Unlock()
		s.senders.Go(func() {
			if err := p.receive(s, int64(in.MaxMessage)); err != nil {
				in.env.Log.Warn("connection ended", "sender", conn.RemoteAddr().String(), "error", err)
			}
			_ = conn.Close() // what it has not been answered, it sends again
			s.mu.Lock()
			delete(s.conns, p)
			s.mu.Unlock()
		})
	}
}

// Read waits for a message, and takes what else is there.
func (in *input) Read(ctx context.Context, b *engine.Batch) error {
	var all []arrival
	select {
	case a := <-in.arrived:
		all = append(all, a)
	case <-ctx.Done():
		return ctx.Err()
	}
	for more := true; more && len(all) < maxChunk; {
		select {
		case a := <-in.arrived:
			all = append(all, a)
		default:
			more = false
		}
	}
	for _, a := range all {
		b.Messages = append(b.Messages, engine.Message{Body: a.body, Time: timeOf(a.body)})
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.tag++
	b.Tag = in.tag
	in.unacked[b.Tag] = all
	return nil
}

// Ack answers the senders. One that is gone sends again, which is its right; it is no reason to open the input again.
func (in *input) Ack(_ context.Context, tags []uint64) error {
	for _, tag := range tags {
		in.mu.Lock()
		chunk := in.unacked[tag]
		delete(in.unacked, tag)
		in.mu.Unlock()
		for i, a := range chunk {
			last := i == len(chunk)-1 || chunk[i+1].from != a.from
			a.from.answer(a.txn, "200 OK", last)
		}
	}
	return nil
}

// Close sends the senders away; they keep what was not answered.
func (in *input) Close(context.Context) error {
	if in.session == nil {
		return nil // it could not be opened
	}
	s := in.session
	in.session = nil
	close(s.ended)
	err := s.listener.Close()
	s.mu.Lock()
	for p := range s.conns {
		_ = p.conn.Close() // receive ends
	}
	s.mu.Unlock()
	s.senders.Wait()
	return err
}

// timeOf is the time of a message in the format of RFC 5424, zero for others: "<34>1 2003-10-11T22:14:15.003Z …".
func timeOf(body []byte) time.Time {
	head := strings.SplitN(string(body[:min(len(body), 64)]), " ", 3)
	if len(head) < 3 || !strings.HasPrefix(head[0], "<") || !strings.HasSuffix(head[0], ">1") {
		return time.Time{}
	}
	at, _ := time.Parse(time.RFC3339, head[1]) // a message without a time has "-" there
	return at
}
