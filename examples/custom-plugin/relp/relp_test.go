package relp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

func newInput(t *testing.T, c Config) engine.Input {
	t.Helper()
	in, err := New(c, engine.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func config(t *testing.T) Config {
	return Config{Listen: "unix:" + filepath.Join(t.TempDir(), "relp.sock"), MaxMessage: 1 << 20}
}

func TestSuite(t *testing.T) {
	enginetest.TestInput(t, enginetest.InputSuite{
		New: func(t *testing.T, bodies [][]byte) engine.Input {
			c := config(t)
			sendAll(t, strings.TrimPrefix(c.Listen, "unix:"), bodies)
			return newInput(t, c)
		},
	})
}

// rsyslog sends messages as omrelp does: at once, and again, in their order, what was not answered when the connection ended.
type rsyslog struct {
	path string

	mu         sync.Mutex
	unanswered [][]byte
}

// sendAll sends bodies from now on until the test ends.
func sendAll(t *testing.T, path string, bodies [][]byte) *rsyslog {
	ctx, cancel := context.WithCancel(t.Context())
	r := &rsyslog{path: path, unanswered: bodies}
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			r.connect(ctx)
			select {
			case <-time.After(time.Millisecond): // until somebody listens
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

// connect sends what is unanswered, and reads answers until the connection ends.
func (r *rsyslog) connect(ctx context.Context) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", r.path)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	r.mu.Lock()
	batch := r.unanswered
	r.mu.Unlock()
	go func() {
		const offer = "relp_version=0\nrelp_software=test\ncommands=syslog"
		fmt.Fprintf(conn, "1 open %d %s\n", len(offer), offer)
		for i, body := range batch {
			if _, err := fmt.Fprintf(conn, "%d syslog %d %s\n", i+2, len(body), body); err != nil {
				return
			}
		}
	}()
	answered := map[int]bool{}
	for in := bufio.NewScanner(conn); in.Scan(); {
		var txn, length int
		if n, _ := fmt.Sscanf(in.Text(), "%d rsp %d 200 OK", &txn, &length); n == 2 && txn > 1 {
			answered[txn-2] = true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unanswered = nil
	for i, body := range batch {
		if !answered[i] {
			r.unanswered = append(r.unanswered, body)
		}
	}
}

// What a sender was answered it forgets, so an answer before the message is settled loses it when the process dies.
func TestAnswersOnlyWhatIsAcked(t *testing.T) {
	c := config(t)
	in := newInput(t, c)
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", strings.TrimPrefix(c.Listen, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "1 syslog 5 hello\n2 close 0\n")
	var b engine.Batch
	if err := in.Read(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); line != "2 rsp 0\n" {
		t.Errorf("before the ack came %q, %v; want the answer to close alone", line, err)
	}
	if err := in.Ack(t.Context(), []uint64{b.Tag}); err != nil {
		t.Errorf("a sender that is gone is no loss of the source: %v", err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Of several senders in one chunk each must hear that its message is stored, or it sends it again for ever.
func TestEverySenderOfAChunkIsAnswered(t *testing.T) {
	c := config(t)
	in := newInput(t, c).(*input)
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.WithoutCancel(t.Context()))
	var conns []net.Conn
	for range 2 {
		conn, err := net.Dial("unix", strings.TrimPrefix(c.Listen, "unix:"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "1 syslog 5 hello\n")
		conns = append(conns, conn)
	}
	var chunk []arrival // whether they come in one is a matter of chance
	for len(chunk) < 2 {
		var b engine.Batch
		if err := in.Read(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		chunk = append(chunk, in.unacked[b.Tag]...)
	}
	in.unacked[100] = chunk
	if err := in.Ack(t.Context(), []uint64{100}); err != nil {
		t.Fatal(err)
	}
	for _, conn := range conns {
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "1 rsp 6 200 OK\n" {
			t.Errorf("answer %q, %v", line, err)
		}
	}
}

// A sender that sends nonsense, or more than there may be, is sent away; the others go on.
func TestRefuses(t *testing.T) {
	c := config(t)
	c.MaxMessage = 10
	in := newInput(t, c)
	if err := in.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.WithoutCancel(t.Context()))
	for _, sent := range []string{"GET / HTTP/1.1\r\n\r\n", "1 syslog 11 0123456789a\n", "1 syslog -1 \n", "1 syslog 3 abcd\n", "1 syslog x\n", strings.Repeat("x", 100)} {
		conn, err := net.Dial("unix", strings.TrimPrefix(c.Listen, "unix:"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, sent)
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if n, err := conn.Read(make([]byte, 1)); n > 0 || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%.20q: got an answer or none, and the connection stands: %v", sent, err)
		}
		_ = conn.Close()
	}
	conn, err := net.Dial("unix", strings.TrimPrefix(c.Listen, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "1 syslog 0\n2 syslog 3 abc\n")
	var got []string
	for len(got) < 2 {
		var b engine.Batch
		if err := in.Read(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, m := range b.Messages {
			got = append(got, string(m.Body))
		}
	}
	if got[0] != "" || got[1] != "abc" {
		t.Errorf("read %q", got)
	}
}

func TestTimeOf(t *testing.T) {
	at := time.Date(2003, 10, 11, 22, 14, 15, 3e6, time.UTC)
	for body, want := range map[string]time.Time{
		"<34>1 2003-10-11T22:14:15.003Z host su - ID47 - text": at,
		"<34>1 2003-10-12T00:14:15.003+02:00 host su":          at,
		"<34>1 - host su":                   {},
		"<34>Oct 11 22:14:15 host su: text": {},
		"":                                  {},
	} {
		if got := timeOf([]byte(body)); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	for listen, good := range map[string]bool{"127.0.0.1:2514": true, ":2514": true, "unix:/run/relp.sock": true, "localhost": false, "": false} {
		if err := (Config{Listen: listen}).Validate(); (err == nil) != good {
			t.Errorf("%q: %v", listen, err)
		}
	}
}
