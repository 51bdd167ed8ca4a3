package http

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// A drain takes nothing more and answers what was taken. If it did not, each rolling update would repeat logs.
func TestDrain(t *testing.T) {
	in := listen(t, local())
	taken := post(t, in, "taken")
	_, tag := read(t, in)
	waiting := post(t, in, "waiting")
	until(t, "the second request is open", func() bool { return len(in.open.Load().slots) == 2 })
	in.Stop()
	await(t, waiting, 503, "ending")
	if r := await(t, post(t, in, "new"), 503, "ending"); r.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", r.header)
	}
	if err := in.Read(t.Context(), &engine.Batch{}); err != io.EOF {
		t.Errorf("read in a drain: %v", err)
	}
	ack(t, in, tag)
	await(t, taken, 200, "")
}

// What was not acked when the input closes is the client's again; what was acked has its 200, however soon the close comes.
func TestClose(t *testing.T) {
	in := listen(t, local())
	for range 20 {
		acked := post(t, in, "acked")
		_, tag := read(t, in)
		unacked := post(t, in, "unacked")
		read(t, in)
		ack(t, in, tag)
		if err := in.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		await(t, acked, 200, "")
		if r := await(t, unacked, 503, "ended"); r.header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", r.header)
		}
		if r := <-post(t, in, "x"); r.err == nil {
			t.Errorf("a closed input answers %v", r)
		}
		if err := in.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A client that goes away takes nothing with it: its messages were taken, so they are stored, and the books stay right.
func TestClientGoesAway(t *testing.T) {
	c := local()
	c.MaxRequests = 1
	in := listen(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	r := request(t, in, strings.NewReader("x")).WithContext(ctx)
	gone := make(chan reply, 1)
	go func() { gone <- send(http.DefaultClient, r) }()
	bodies, tag := read(t, in)
	cancel()
	<-gone
	until(t, "its place is free", func() bool { return len(in.open.Load().slots) == 0 })
	if bodies[0] != "x" {
		t.Errorf("got %q", bodies)
	}
	ack(t, in, tag)
}

// A client that closes its side of the connection, and still reads, looks like one that went away. It must not get the 200 that net/http
// says for a handler that says nothing: it would forget what is not stored.
func TestClientClosesItsSide(t *testing.T) {
	in := listen(t, local())
	for _, taken := range []bool{true, false} {
		conn, err := net.Dial("tcp", in.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
		var tag uint64
		if taken {
			_, tag = read(t, in)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		answer, err := io.ReadAll(conn)
		if err != nil || len(answer) > 0 {
			t.Errorf("taken %v: answered %q, %v", taken, answer, err)
		}
		if taken {
			ack(t, in, tag)
		}
	}
}

// A client is not kept waiting for ever. Its messages stay ours.
func TestTimeout(t *testing.T) {
	c := local()
	c.Timeout = 50 * time.Millisecond
	in := listen(t, c)
	answered := post(t, in, "x")
	_, tag := read(t, in)
	if r := await(t, answered, 503, "not_stored_yet"); r.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", r.header)
	}
	ack(t, in, tag)
}

// A client that sends slowly, to hold places, is sent away; one that waits for being stored is not, however long that takes.
func TestSlowClients(t *testing.T) {
	c := local()
	c.ReadTimeout = 500 * time.Millisecond
	in := listen(t, c)
	const head = "POST / HTTP/1.1\r\nHost: a\r\n"
	var clients sync.WaitGroup
	defer clients.Wait()
	for name, row := range map[string]struct{ sent, answer string }{
		"header":                 {head, ""},
		"body":                   {head + "Content-Length: 10\r\n\r\nhalf", "HTTP/1.1 408 "},
		"body that nobody reads": {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 405 "},
	} {
		clients.Go(func() {
			conn, err := net.Dial("tcp", in.address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, row.sent); err != nil {
				t.Error(err)
				return
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			answer, err := io.ReadAll(conn) // to the end of the connection
			if err != nil || !strings.HasPrefix(string(answer), row.answer) {
				t.Errorf("%s: answered %q, %v", name, answer, err)
			}
		})
	}
	answered := post(t, in, "x")
	_, tag := read(t, in)
	<-time.After(2 * c.ReadTimeout) // longer than it may take to send it
	ack(t, in, tag)
	await(t, answered, 200, "")
}

// There are no more connections than allowed, idle ones included: each is a file descriptor that an output may need.
func TestConnectionsAreBounded(t *testing.T) {
	c := local()
	c.MaxRequests, c.MaxConnections = 1, 1
	in := listen(t, c)
	first, err := net.Dial("tcp", in.address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil {
		t.Fatal(err)
	}
	answered := post(t, in, "") // waits in the kernel
	first.Close()
	await(t, answered, 200, "")
}

// A port that is taken is an error that the engine tries again.
func TestPortIsTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := local()
	c.Listen = other.Addr().String()
	in := newInput(t, c)
	if err := in.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "listen on "+c.Listen) {
		t.Errorf("open on a port that is taken: %v", err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
	other.Close()
	if err := in.Open(t.Context()); err != nil {
		t.Error(err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// An input that hears of nobody any more says so; otherwise the pipeline would wait for ever.
func TestLost(t *testing.T) {
	in := newInput(t, local())
	s := newSession(in)
	in.open.Store(s)
	s.serve(deadListener{})
	select {
	case err := <-in.Lost():
		if !errors.Is(err, errDead) {
			t.Errorf("lost: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the loss was not told")
	}
}

var errDead = errors.New("the socket is dead")

type deadListener struct{}

func (deadListener) Accept() (net.Conn, error) { return nil, errDead }
func (deadListener) Close() error              { return nil }
func (deadListener) Addr() net.Addr            { return &net.TCPAddr{} }

// The headers that were asked for go with each message, and no others.
func TestHeadersAreKept(t *testing.T) {
	c := local()
	c.Headers = []string{"X-Tenant", "X-Missing"}
	in := listen(t, c)
	answered := post(t, in, "a\nb", "X-Tenant", "acme", "X-Other", "no")
	var b engine.Batch
	if err := in.Read(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, m := range b.Messages {
		if h := m.Meta.Headers(); len(h) != 1 || h["X-Tenant"] != "acme" || m.Meta.ID() != "" || m.Meta.RoutingKey() != "" {
			t.Errorf("headers %v", h)
		}
	}
	ack(t, in, b.Tag)
	await(t, answered, 200, "")
}

// Whatever goes wrong behind the input, a 200 is given for what is stored and for nothing else.
func TestInAPipelineThatFails(t *testing.T) {
	ledger := enginetest.NewLedger()
	store := enginetest.NewStore(ledger, "output")
	store.Script = func(n int, _ *engine.Batch) enginetest.Step {
		if n == 1 || n == 4 {
			return enginetest.Step{Err: errors.New("down")}
		}
		return enginetest.Step{}
	}
	c := local()
	c.Listen, c.AdmitTimeout = freePort(t), 20*time.Millisecond
	in := newInput(t, c)
	p := &flow.Pipeline{
		Name: "p", Workers: 2, DrainTimeout: patience,
		Inputs: []engine.InputStep{{Name: "input", Input: in, Window: engine.Capacity{Messages: 40}}},
		Output: engine.OutputStep{Name: "output", Output: store},
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	var clients sync.WaitGroup
	for n := range 20 {
		clients.Go(func() {
			body := fmt.Sprintf("%d-a\n%d-b\n%d-c", n, n, n)
			sendUntilStored(t.Context(), c.Listen, []byte(body))
			stored := store.Bodies()
			for line := range strings.SplitSeq(body, "\n") {
				if stored[line] == 0 {
					t.Errorf("%s was answered 200 and is not stored", line)
				}
			}
		})
	}
	clients.Wait()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// An operator hears of refusals at once, and then once a minute: a wrong token in a thousand clients must not fill the disk with lines.
func TestRefusalsAreLoggedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		r := refusals{log: slog.New(slog.NewTextHandler(&text, nil))}
		for range 150 {
			r.note(wrongToken, "10.0.0.1:1234")
			time.Sleep(time.Second) // of the test's own time
		}
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "requests=1 ") || !strings.Contains(lines[1], "requests=60 ") || !strings.Contains(lines[2], "last_from=10.0.0.1") {
			t.Errorf("the log says:\n%s", text.String())
		}
	})
}

func TestTLS(t *testing.T) {
	authority, clients := rabbittest.NewAuthority(t), rabbittest.NewAuthority(t)
	_, cert, key := authority.Issue("127.0.0.1", false)
	mine, _, _ := clients.Issue("client", false)
	c := local()
	c.TLS = &TLS{Cert: cert, Key: key, ClientCA: clients.File}
	in := listen(t, c)
	try := func(pairs ...tls.Certificate) (serial string, r reply) {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), Certificates: pairs, VerifyConnection: func(s tls.ConnectionState) error {
				serial = s.PeerCertificates[0].SerialNumber.String()
				return nil
			}}}}
		req := request(t, in, strings.NewReader(""))
		req.URL.Scheme = "https"
		return serial, send(client, req)
	}
	if _, r := try(); r.err == nil {
		t.Errorf("a client without a certificate is answered %v", r)
	}
	first, r := try(mine)
	if r.status != 200 {
		t.Fatalf("answered %v", r)
	}
	// Renewed while it runs, the certificate first and then its key.
	_, newCert, newKey := authority.Issue("127.0.0.1", false)
	move(t, newCert, cert)
	forget(in)
	if serial, r := try(mine); r.status != 200 || serial != first {
		t.Errorf("between the two files: answered %v with certificate %s, want %s", r, serial, first)
	}
	move(t, newKey, key)
	forget(in)
	if serial, r := try(mine); r.status != 200 || serial == first {
		t.Errorf("after the renewal: answered %v with the certificate of before: %v", r, serial == first)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// forget lets the next handshake look at the files, as if a second had passed.
func forget(in *input) {
	c := in.open.Load().certificates
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = time.Time{}
}

// Everybody gets in is worth a warning, but not on the machine itself.
func TestOpenToAllIsSaid(t *testing.T) {
	for _, row := range []struct {
		listen string
		tokens []engine.Secret
		warns  bool
	}{{"127.0.0.1:0", nil, false}, {"0.0.0.0:0", nil, true}, {"0.0.0.0:0", []engine.Secret{engine.NewSecret("t")}, false}} {
		var text bytes.Buffer
		c := local()
		c.Listen, c.Tokens = row.listen, row.tokens
		made, _ := New(c, engine.Env{Log: slog.New(slog.NewTextHandler(&text, nil))})
		if err := made.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := made.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if warns := strings.Contains(text.String(), "everybody"); warns != row.warns {
			t.Errorf("on %s the log says: %s", row.listen, text.String())
		}
	}
}
