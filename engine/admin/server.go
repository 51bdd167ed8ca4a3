package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/engine/stats"
	"github.com/logpipe/logpipe/internal/sleep"
)

// Options are what a Server needs.
type Options struct {
	Listen  string       // address and port; port 0 is any that is free
	Pprof   bool         // give profiles under /debug/pprof/
	Log     *slog.Logger // nil: nothing is logged
	Set     *stats.Set   // what is shown
	Version string       // the release of this binary
	Started time.Time    // when the process began its work
}

// Server is the HTTP side of a process. Make it with New, add handlers, then Run it.
type Server struct {
	options Options
	mux     *http.ServeMux
	bound   atomic.Pointer[string]
}

// What a client may take. A header that is not there in time, or is too large, ends its connection.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	writeTimeout  = 30 * time.Second
	headerBytes   = 16 << 10
	connections   = 200
)

const (
	listenAgain  = 10 * time.Second
	lastRequests = time.Second // what runs when the server ends has so long to finish
)

// New makes a server that knows nothing but what this package answers.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Set == nil {
		o.Set = &stats.Set{}
	}
	s := &Server{options: o, mux: http.NewServeMux()}
	s.Handle("/metrics", s.metrics())
	s.Handle("/livez", http.HandlerFunc(s.livez))
	s.Handle("/readyz", http.HandlerFunc(s.readyz))
	if o.Pprof {
		s.handleProfiles()
	}
	return s
}

// Handle adds a handler, before Run. The pattern is one of http.ServeMux. A handler has 30 s to write its answer; one that streams moves
// this deadline with http.ResponseController.SetWriteDeadline in front of each write. The request's context ends with the server.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Addr is the address that the server listens on at this moment, "" when it does not.
func (s *Server) Addr() string {
	if at := s.bound.Load(); at != nil {
		return *at
	}
	return ""
}

// Run listens and answers until ctx ends. A port that is taken is no error: Run says so, and tries again until it is free. It never
// returns before ctx ends, because the process must not end with it.
func (s *Server) Run(ctx context.Context) error {
	said := ""
	for ctx.Err() == nil {
		err := s.listen(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			s.options.Log.Warn("no status page and no metrics; the logs flow on", "error", err, "again_every", listenAgain)
		}
		_ = sleep.For(ctx, listenAgain) // the loop asks ctx
	}
	return nil
}

func (s *Server) listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.options.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("another program has the address %s, perhaps another logpipe: give this one a free one, "+
			`with admin { listen = "…" } in its file or with the flag --admin`, s.options.Listen)
	case err != nil:
		return fmt.Errorf("listen on %s: %w", s.options.Listen, err)
	}
	at := l.Addr().String()
	s.bound.Store(&at)
	defer s.bound.Store(nil)
	s.options.Log.Info("status page, metrics and health", "url", "http://"+at+"/")
	return s.serve(ctx, l)
}

// serve answers until ctx ends or the listener fails.
func (s *Server) serve(ctx context.Context, l net.Listener) error {
	answering, stop := context.WithCancel(ctx)
	defer stop()
	bound := newBounded(l, connections)
	server := &http.Server{
		Handler:           s.guard(s.mux, isLoopback(l.Addr())),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ConnState:         bound.state,
		BaseContext:       func(net.Listener) context.Context { return answering },
		ErrorLog:          slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(bound) }()
	select {
	case err := <-failed:
		_ = server.Close() // what is left of it: the error is why it ended
		return fmt.Errorf("serve %s: %w", s.options.Listen, err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRequests)
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close() // a client that reads slowly does not keep the process
	}
	<-failed
	return nil
}

func isLoopback(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
