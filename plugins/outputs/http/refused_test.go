package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/engine/flow"
	"github.com/logpipe/logpipe/plugins/internal/rabbitmq/rabbittest"
)

// run moves these messages through a pipeline with this output, in batches of 100.
func run(t *testing.T, o engine.Output, bodies ...string) (dead *enginetest.Store) {
	t.Helper()
	ledger := enginetest.NewLedger()
	source := enginetest.NewSource(ledger, bodies...)
	dead = enginetest.NewStore(ledger, "dead letter")
	p := &flow.Pipeline{
		Name: "p", Workers: 1, DrainTimeout: time.Minute,
		Inputs:     []engine.InputStep{{Name: "input", Input: source}},
		Processors: []engine.ProcessorStep{{Name: "group", Processor: enginetest.Group{Count: 100, Age: time.Second}}},
		Output:     engine.OutputStep{Name: "output", Output: o},
		DeadLetter: &engine.OutputStep{Name: "dead_letter", Output: dead},
	}
	if err := p.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if source.Unacked() != 0 {
		t.Errorf("%d messages are not acked", source.Unacked())
	}
	return dead
}

func numbered(n int) (bodies []string) {
	for i := range n {
		bodies = append(bodies, fmt.Sprintf("message %03d", i))
	}
	return bodies
}

// A receiver that takes no batch with a bad message in it gets all others, once, and the bad ones are dead letters with what it said.
func TestBadMessagesAreFound(t *testing.T) {
	for _, status := range []int{400, 422} {
		r := newReceiver(t)
		r.first = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			if !bytes.Contains(body, []byte("bad")) {
				return false
			}
			http.Error(w, "there is something bad", status)
			return true
		}
		bodies := numbered(300)
		good := slices.Clone(bodies)
		for _, i := range []int{250, 133, 0} {
			bodies[i] += " bad"
			good = slices.Delete(good, i, i+1)
		}
		dead := run(t, open(t, r.config(), engine.RoleOutput), bodies...)
		got := r.texts()
		slices.Sort(got)
		if !slices.Equal(got, good) {
			t.Errorf("%d of %d good messages are stored", len(got), len(good))
		}
		buried := dead.Bodies()
		if len(buried) != 3 || buried["message 000 bad"] != 1 || !strings.Contains(dead.Objects()[0].Reasons[0], "there is something bad") {
			t.Errorf("dead letters are %v", buried)
		}
		if n := r.count(); n > 60 {
			t.Errorf("%d requests for three batches", n)
		}
	}
}

// A batch that is too large goes in parts; only a message that is too large by itself is a dead letter.
func TestTooLargeIsHalved(t *testing.T) {
	r := newReceiver(t)
	r.first = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
		if len(body) <= 400 {
			return false
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return true
	}
	long := strings.Repeat("x", 500)
	dead := run(t, open(t, r.config(), engine.RoleOutput), append(numbered(99), long)...)
	if got := r.texts(); len(got) != 99 || slices.Contains(got, long) {
		t.Errorf("%d messages are stored, want 99", len(got))
	}
	if buried := dead.Bodies(); len(buried) != 1 || buried[long] != 1 {
		t.Errorf("%d dead letters", len(buried))
	}
}

// A receiver that refuses everything has a fault, or we have a wrong configuration: all logs would become dead letters. They wait, and it
// is not asked a thousand times.
func TestWhoRefusesEverythingIsNotBelieved(t *testing.T) {
	for _, status := range []int{400, 413, 422} {
		r := newReceiver(t)
		r.answers(status)
		o := open(t, r.config(), engine.RoleOutput)
		b := batchOf("b", numbered(100)...)
		err := o.Write(t.Context(), b)
		wantError(t, err, fmt.Sprint(status), "it has taken nothing for a while")
		var partial *engine.WriteError
		if errors.As(err, &partial) || r.count() > mostInVain {
			t.Errorf("%v after %d requests", err, r.count())
		}
		wantError(t, o.Write(t.Context(), batchOf("one", "x")), "it has taken nothing for a while")
	}
}

// A single message that is refused is believed to be bad while the receiver takes others, and no longer than a minute after.
func TestASingleMessageIsRefused(t *testing.T) {
	r := newReceiver(t)
	o := open(t, r.config(), engine.RoleOutput)
	if err := o.Write(t.Context(), batchOf("good", "x")); err != nil {
		t.Fatal(err)
	}
	r.answers(400)
	err := o.Write(t.Context(), batchOf("bad", "y"))
	var partial *engine.WriteError
	if !errors.As(err, &partial) || !engine.IsPermanent(partial.Failed[0].Err) {
		t.Errorf("while others are taken: %v", err)
	}
	longAgo := time.Now().Add(-2 * time.Minute)
	o.lastTaken.Store(&longAgo)
	wantError(t, o.Write(t.Context(), batchOf("bad", "y")), "may be no fault of the message")
}

// What was taken before a fault in the middle of a batch is not sent again.
func TestPartOfABatchIsTaken(t *testing.T) {
	r := newReceiver(t)
	n := 0
	r.first = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
		n++
		switch {
		case n == 1:
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case n > 2:
			w.WriteHeader(http.StatusInternalServerError)
		}
		return n != 2
	}
	o := open(t, r.config(), engine.RoleOutput)
	err := o.Write(t.Context(), batchOf("b", numbered(4)...))
	var partial *engine.WriteError
	if !errors.As(err, &partial) || len(partial.Failed) != 2 || partial.Failed[0].Index != 2 || engine.IsPermanent(partial.Failed[0].Err) {
		t.Fatalf("got %v, want messages 2 and 3 to be left", err)
	}
	if got := r.texts(); !slices.Equal(got, numbered(2)) {
		t.Errorf("stored are %q", got)
	}
}

// An answer that is lost costs a second request, which the receiver can tell by its key.
func TestAnswerIsLost(t *testing.T) {
	r := newReceiver(t)
	lose := true
	r.first = func(_ http.ResponseWriter, req *http.Request, body []byte) bool {
		if !lose {
			return false
		}
		lose = false
		r.store(req, body)
		panic(http.ErrAbortHandler)
	}
	o := open(t, r.config(), engine.RoleOutput)
	b := batchOf("b", "x")
	err := o.Write(t.Context(), b)
	wantError(t, err, "cut the connection")
	if errors.Is(err, io.EOF) {
		t.Errorf("%v looks like the end of a source", err)
	}
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if got := r.texts(); !slices.Equal(got, []string{"x"}) {
		t.Errorf("stored are %q", got)
	}
}

// A server that hangs holds a worker no longer than timeout, and a drain not even that.
func TestHangingServer(t *testing.T) {
	r := newReceiver(t)
	r.first = func(_ http.ResponseWriter, req *http.Request, _ []byte) bool { <-req.Context().Done(); return true }
	c := r.config()
	c.Timeout = 50 * time.Millisecond
	err := open(t, c, engine.RoleOutput).Write(t.Context(), batchOf("b", "x"))
	wantError(t, err, "no answer within 50ms")
	if engine.ClassOf(err) != engine.ClassTimeout {
		t.Errorf("it is counted as %s", engine.ClassOf(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r = newReceiver(t)
	r.first = func(_ http.ResponseWriter, req *http.Request, _ []byte) bool {
		cancel()
		<-req.Context().Done()
		return true
	}
	err = open(t, r.config(), engine.RoleOutput).Write(ctx, batchOf("b", "x"))
	if wantError(t, err, "broken off"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
}

// A server may answer before it has read the body. The memory of the body must not be given to others while it is still being sent.
func TestEarlyAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	defer server.Close()
	c := Defaults()
	c.URL = engine.Literal(server.URL)
	o := open(t, c, engine.RoleOutput)
	for range 20 {
		if err := o.Write(t.Context(), batchOf("b", strings.Repeat("x", 4<<20))); err == nil {
			t.Fatal("nothing is stored, and Write says nil")
		}
	}
}

// A server that asks to be left alone is.
func TestRetryAfterIsObeyed(t *testing.T) {
	r := newReceiver(t)
	r.answers(503, "Retry-After", "3600")
	o := open(t, r.config(), engine.RoleOutput)
	err := o.Write(t.Context(), batchOf("b", "x"))
	if wantError(t, err, "503"); engine.ClassOf(err) != "throttled" {
		t.Errorf("it is counted as %s", engine.ClassOf(err))
	}
	wantError(t, o.Write(t.Context(), batchOf("b", "x")), "left alone for longer", "5m0s")
	if r.count() != 1 {
		t.Errorf("it was asked %d times", r.count())
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pause
		p.ask(0)
		began := time.Now()
		if err := p.wait(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("without a pause: %v after %v", err, time.Since(began))
		}
		p.ask(7 * time.Second)
		p.ask(2 * time.Second) // another server behind the same name
		if err := p.wait(t.Context()); err != nil || time.Since(began) != 7*time.Second {
			t.Errorf("waited %v, %v", time.Since(began), err)
		}
		p.ask(7 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a drain in a pause: %v", err)
		}
		p.ask(time.Hour * 24)
		if err := p.wait(t.Context()); !errors.Is(err, errPaused) {
			t.Errorf("a long pause: %v", err)
		}
		time.Sleep(longestPause) // of the test's own time
		if err := p.wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "soon": 0, "99999999999": longestPause,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want && !(want == longestPause && got == 0) {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
}

func TestTLS(t *testing.T) {
	authority := rabbittest.NewAuthority(t)
	pair, cert, key := authority.Issue("127.0.0.1", false)
	r := &receiver{tb: t, seen: map[string]bool{}}
	r.server = httptest.NewUnstartedServer(r)
	r.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.server.StartTLS()
	defer r.server.Close()
	c := r.config()
	wantError(t, open(t, c, engine.RoleOutput).Write(t.Context(), batchOf("b", "x")), "is not trusted", "tls { ca")
	missing := t.TempDir() + "/ca.pem"
	c.TLS = &TLS{CA: missing, Cert: cert, Key: key}
	o := open(t, c, engine.RoleOutput)
	wantError(t, o.Write(t.Context(), batchOf("b", "x")), "read authorities", missing)
	pem, err := os.ReadFile(authority.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(missing, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.Write(t.Context(), batchOf("b", "x")); err != nil { // the same output, once the file is there
		t.Fatal(err)
	}
	c.URL = engine.Literal("http" + strings.TrimPrefix(r.server.URL, "https"))
	wantError(t, open(t, c, engine.RoleOutput).Write(t.Context(), batchOf("b", "x")), "400")
	plain := newReceiver(t)
	c.URL = engine.Literal("https" + strings.TrimPrefix(plain.server.URL, "http"))
	wantError(t, open(t, c, engine.RoleOutput).Write(t.Context(), batchOf("b", "x")), "does not speak TLS")
}
