package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// session is what stands between an Open and its Close. A request belongs to the one that it came to, so an ack of one can never answer a
// request of the next.
type session struct {
	in           *input
	certificates *certificates // nil without TLS
	server       *http.Server
	slots        chan struct{} // has one for each open request
	admit        chan *parcel  // to Read; nobody waits here for longer than admit_timeout
	stopping     chan struct{} // closed: nothing more is taken
	closing      chan struct{} // closed: nothing more will be acked
	stopOnce     sync.Once
	lost         chan error
	ended        chan struct{} // closed when nobody accepts connections any more

	mu    sync.Mutex
	tag   uint64
	taken map[uint64]*parcel // read and not acked
}

// parcel is the messages of one request.
type parcel struct {
	messages []engine.Message
	held     int64         // what they hold in memory, the bodies included
	settled  chan struct{} // closed by Ack
}

func newSession(in *input) *session {
	s := &session{
		in: in, slots: make(chan struct{}, in.MaxRequests), admit: make(chan *parcel),
		stopping: make(chan struct{}), closing: make(chan struct{}), lost: make(chan error, 1), ended: make(chan struct{}),
		taken: map[uint64]*parcel{},
	}
	s.server = &http.Server{
		Handler: s, ReadHeaderTimeout: min(in.ReadTimeout, headerTimeout), ReadTimeout: in.ReadTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: int(in.MaxHeaderBytes),
		// Scanners of ports and clients that hang up would fill the log.
		ErrorLog: slog.NewLogLogger(in.log.Handler(), slog.LevelDebug),
	}
	return s
}

const (
	headerTimeout = 10 * time.Second // a header fits into a packet or two
	idleTimeout   = 2 * time.Minute  // of a connection between two requests
	closeGrace    = 2 * time.Second  // for the last answers to be read
)

// serve answers requests until the session is closed.
func (s *session) serve(l net.Listener) {
	l = &limited{Listener: l, room: make(chan struct{}, s.in.MaxConnections), closed: make(chan struct{})}
	if s.certificates != nil {
		l = tls.NewListener(l, s.certificates.config())
	}
	go func() {
		defer close(s.ended)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.lost <- fmt.Errorf("accept connections: %w", err)
		}
	}()
}

// take makes a chunk of a request. From here on its messages are ours, whatever becomes of the client.
func (s *session) take(p *parcel, b *engine.Batch) {
	given := b.Messages
	b.Messages, p.messages = p.messages, nil
	spare(given) // the engine has the request's slice, and a later request the engine's
	b.MetaBytes = max(0, p.held-b.Bytes())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag++
	b.Tag = s.tag
	s.taken[b.Tag] = p
}

func (s *session) settle(tags []uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tag := range tags {
		p, ok := s.taken[tag]
		if !ok {
			return fmt.Errorf("ack: no request of tag %d waits for one", tag)
		}
		delete(s.taken, tag)
		close(p.settled)
	}
	return nil
}

func (s *session) stop() { s.stopOnce.Do(func() { close(s.stopping) }) }

// close answers the requests that wait, and then hangs up. Those that are acked are answered 200 first.
func (s *session) close(ctx context.Context) error {
	s.stop()
	close(s.closing)
	grace, cancel := context.WithTimeout(ctx, closeGrace)
	defer cancel()
	err := s.server.Shutdown(grace)
	if err != nil { // somebody is still sending, or reads no answer
		err = s.server.Close()
	}
	<-s.ended
	return err
}
