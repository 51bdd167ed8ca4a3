package admin

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// serve runs a server on a free port of this machine until the test ends, and returns its address.
func serve(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func answering() *Server {
	s := New(Options{})
	s.Handle("/{$}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "fine") }))
	return s
}

func get(t *testing.T, at string, change func(*http.Request)) (code int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// A page of any site in a browser on this machine could read queue names and errors, if it were answered: directly, or by a name of its
// own that points to 127.0.0.1.
func TestOtherSitesAreNotAnswered(t *testing.T) {
	at := serve(t, answering())
	_, port, _ := net.SplitHostPort(at)
	header := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"program":              {nil, 200},
		"localhost":            {func(r *http.Request) { r.Host = "localhost:" + port }, 200},
		"IPv6":                 {func(r *http.Request) { r.Host = "[::1]:" + port }, 200},
		"name of localhost":    {func(r *http.Request) { r.Host = "logs.localhost" }, 200},
		"rebound name":         {func(r *http.Request) { r.Host = "evil.example:" + port }, 403},
		"rebound, like ours":   {func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, 403},
		"other address":        {func(r *http.Request) { r.Host = "192.0.2.1" }, 403},
		"its own page":         {header("Sec-Fetch-Site", "same-origin", "Origin", "http://"+at), 200},
		"typed by a person":    {header("Sec-Fetch-Site", "none"), 200},
		"link on another page": {header("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"), 200},
		"frame":                {header("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"), 403},
		"fetch":                {header("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), 403},
		"other local port":     {header("Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"), 403},
		"origin":               {header("Origin", "http://evil.example"), 403},
		"no origin":            {header("Origin", "null"), 403},
		"method":               {func(r *http.Request) { r.Method = http.MethodPost }, 405},
	} {
		if code, body := get(t, at, tt.change); code != tt.want {
			t.Errorf("%s: %d %s, want %d", name, code, body, tt.want)
		}
	}
}

// Where it listens for the network, its names are the network's affair: a scraper asks by the name of a service.
func TestAnyNameOnTheNetwork(t *testing.T) {
	w := &recorder{header: http.Header{}}
	r, _ := http.NewRequest(http.MethodGet, "http://logpipe.monitoring.svc/", nil)
	s := answering()
	s.guard(s.mux, false).ServeHTTP(w, r)
	if w.String() != "fine" {
		t.Errorf("the answer is %d %s", w.code, w)
	}
}

type recorder struct {
	bytes.Buffer
	header http.Header
	code   int
}

func (r *recorder) Header() http.Header  { return r.header }
func (r *recorder) WriteHeader(code int) { r.code = code }

// A second request that hides in the first must not be answered: a proxy in front would give its answer to somebody else.
func TestSmuggledRequests(t *testing.T) {
	at := serve(t, answering())
	hidden := "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, head := range map[string]string{
		"length and chunks": "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"body of a GET":     fmt.Sprintf("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"two lengths":       fmt.Sprintf("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: %d\r\n\r\n", len(hidden)),
		"odd chunking":      "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"space and colon":   fmt.Sprintf("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length : %d\r\n\r\n", len(hidden)),
		"two hosts":         "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
		"POST":              fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len(hidden)),
	} {
		c := dial(t, at)
		_, _ = io.WriteString(c, head+hidden) // it may be closed already
		text, _ := io.ReadAll(c)              // a reset is an end too
		if strings.Contains(string(text), "fine") || !strings.HasPrefix(string(text), "HTTP/1.1 4") && !strings.HasPrefix(string(text), "HTTP/1.1 501") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func dial(t *testing.T, at string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // only a failing test waits so long
	return c
}

// A header without end would be memory without end.
func TestHugeHeader(t *testing.T) {
	at := serve(t, answering())
	c := dial(t, at)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 4*headerBytes)+"\r\n\r\n")
	line, _ := bufio.NewReader(c).ReadString('\n')
	if !strings.Contains(line, "431") {
		t.Errorf("the answer is %q", line)
	}
	if code, _ := get(t, at, nil); code != 200 {
		t.Errorf("after it: %d", code)
	}
}

// Clients that open connections and say nothing, or next to nothing, must not keep a probe out: the process would be restarted for it.
func TestSlowClientsKeepNobodyOut(t *testing.T) {
	at := serve(t, answering())
	for range 2 * connections {
		_, _ = io.WriteString(dial(t, at), "GET / HTTP/1.1\r\nHost: loc") // it may have had to go already
	}
	if code, body := get(t, at, nil); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

// A header that comes byte by byte ends its connection, however busy it looks.
func TestSlowHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := answering()
		client, server := net.Pipe()
		l := &oneConn{conn: server, done: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.serve(ctx, l) }()
		go io.Copy(io.Discard, client)
		started := time.Now()
		var err error
		for _, b := range []byte("GET / HTTP/1.1\r\nHost: localhost\r\n") {
			if _, err = client.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(started); err == nil || took > headerTimeout+2*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		client.Close()
		stop()
		<-ended
	})
}

// oneConn is a listener of one connection.
type oneConn struct {
	mu   sync.Mutex
	conn net.Conn
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	c := l.conn
	l.conn = nil
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// A port that is taken is a warning that says what to do, once, and the server comes when the port is free.
func TestTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var log bytes.Buffer
	s := New(Options{Listen: taken.Addr().String(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 { // Run would try again after listenAgain each
		if err := s.listen(t.Context()); err == nil || !strings.Contains(err.Error(), "--admin") {
			t.Fatalf("the error is %v", err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ctx); err != nil {
		t.Errorf("it ends with %v, and the process with it", err)
	}
	taken.Close()
	ctx, stop = context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for until := time.Now().Add(30 * time.Second); s.Addr() == "" && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	if code, _ := get(t, s.Addr(), nil); code != 404 {
		t.Errorf("it answers %d", code)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s.Addr() != "" {
		t.Errorf("after the end it says it listens on %s", s.Addr())
	}
}

// A page that breaks is a line in the log and no end of the process.
func TestBrokenPage(t *testing.T) {
	var log bytes.Buffer
	s := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	s.Handle("/{$}", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") }))
	if code, _ := get(t, serve(t, s), nil); code != 500 || !strings.Contains(log.String(), "broken") {
		t.Errorf("%d, log: %s", code, log.String())
	}
}

// A stream must not keep the process when it ends.
func TestStreamEndsWithTheServer(t *testing.T) {
	s := New(Options{})
	s.Handle("/{$}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, l) }()
	c := dial(t, l.Addr().String())
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") // what it answers says whether it came
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatal(line, err)
	}
	began := time.Now()
	stop()
	if err := <-ended; err != nil || time.Since(began) > lastRequests/2 {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}
