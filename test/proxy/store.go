package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Store passes HTTP requests on to an S3 server and may break what happens to uploads. Everything else gets through.
type Store struct {
	// URL is the endpoint.
	URL string

	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu     sync.Mutex
	fault  Fault
	healed chan struct{} // closed when the fault changes
	puts   int           // uploads that met a fault
}

// Fault is what happens to an upload. A Fault calls pass to let the server have it, and returns the answer that the client gets, or
// hangs up with ErrHangUp. ctx ends when the client is gone or the fault is over.
type Fault func(ctx context.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error

// Context is context.Context, so that faults of a test's own need no further import.
type Context = context.Context

// ErrHangUp makes the store close the connection without an answer.
var ErrHangUp = errors.New("hang up")

// NewStore makes a way to the S3 server at this endpoint. It ends with the test.
func NewStore(tb testing.TB, endpoint string) *Store {
	tb.Helper()
	s, err := StartStore(endpoint)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// StartStore makes one that the caller closes.
func StartStore(endpoint string) (*Store, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("proxy for %s: %w", endpoint, err)
	}
	s := &Store{healed: make(chan struct{})}
	s.forward = &httputil.ReverseProxy{
		// The signature covers the host that the client names, so it stays.
		Rewrite:  func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
		ErrorLog: log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			panic(http.ErrAbortHandler) // as if the server itself had hung up
		},
	}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.Start()
	s.URL = s.server.URL
	return s, nil
}

// Close ends it.
func (s *Store) Close() {
	s.Heal()
	s.server.CloseClientConnections()
	s.server.Close()
}

// Break lets every upload meet the fault, until Heal.
func (s *Store) Break(f Fault) { s.set(f) }

// Heal ends the fault. Uploads that hang in it are hung up.
func (s *Store) Heal() { s.set(nil) }

func (s *Store) set(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
	close(s.healed)
	s.healed = make(chan struct{})
}

// Met is how many uploads have met a fault.
func (s *Store) Met() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}

func (s *Store) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault, healed := s.fault, s.healed
	if r.Method == http.MethodPut && fault != nil {
		s.puts++
	}
	s.mu.Unlock()
	if r.Method != http.MethodPut || fault == nil {
		s.forward.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-healed:
			cancel()
		case <-ctx.Done():
		}
	}()
	if fault(ctx, w, r, s.forward) != nil {
		panic(http.ErrAbortHandler)
	}
}

// Answer makes the store refuse uploads with an S3 error.
func Answer(status int, code, message string) Fault {
	return func(_ context.Context, w http.ResponseWriter, r *http.Request, _ http.Handler) error {
		_, _ = io.Copy(io.Discard, r.Body) // a client that hangs up early is its own affair
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><RequestId>1</RequestId></Error>`, code, message)
		return nil
	}
}

// Limit answers uploads of more bytes as nginx does, and passes on the others.
func Limit(most int64) Fault {
	return func(_ context.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
		if r.ContentLength <= most {
			pass.ServeHTTP(w, r)
			return nil
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, err := io.WriteString(w, "<html><head><title>413 Request Entity Too Large</title></head></html>")
		return err
	}
}

// LoseAnswer stores the upload and hangs up before the client hears of it.
func LoseAnswer(_ context.Context, _ http.ResponseWriter, r *http.Request, pass http.Handler) error {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	return ErrHangUp
}

// Hang takes the upload and says nothing while the fault lasts.
func Hang(ctx context.Context, _ http.ResponseWriter, r *http.Request, _ http.Handler) error {
	_, _ = io.Copy(io.Discard, r.Body)
	<-ctx.Done()
	return ErrHangUp
}

// HangUp ends the connection after so many bytes of the body.
func HangUp(after int64) Fault {
	return func(_ context.Context, _ http.ResponseWriter, r *http.Request, _ http.Handler) error {
		_, _ = io.CopyN(io.Discard, r.Body, after)
		return ErrHangUp
	}
}

// HangUpInAnswer stores the upload and ends the connection in the middle of the answer's first line.
func HangUpInAnswer(_ context.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	c, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer c.Close()
	_, _ = buf.WriteString("HTTP/1.1 200 ")
	return buf.Flush()
}

// Slow passes the upload on at so many bytes a second.
func Slow(bytesPerSecond int) Fault {
	return func(_ context.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
		r.Body = &slowBody{r.Body, bytesPerSecond}
		pass.ServeHTTP(w, r)
		return nil
	}
}

type slowBody struct {
	io.ReadCloser
	rate int
}

// Read reads a twentieth of a second's worth.
func (s *slowBody) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p[:min(len(p), max(1, s.rate/20))])
	time.Sleep(time.Second / 20)
	return n, err
}
