package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/plugins/internal/encode"
)

// receiver is a server that stores what it is sent. It knows a request by its Idempotency-Key, as a good one does.
type receiver struct {
	tb     testing.TB
	server *httptest.Server
	// first looks at each request before it is stored; true says that it was answered.
	first func(w http.ResponseWriter, r *http.Request, body []byte) bool

	mu       sync.Mutex
	seen     map[string]bool
	bodies   [][]byte
	reasons  []string
	requests []*http.Request
}

func newReceiver(tb testing.TB) *receiver {
	r := &receiver{tb: tb, seen: map[string]bool{}}
	r.start("127.0.0.1:0")
	tb.Cleanup(func() { r.server.Close() })
	return r
}

func (r *receiver) start(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.server = httptest.NewUnstartedServer(r)
	r.server.Listener.Close()
	r.server.Listener = l
	r.server.Start()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	r.mu.Lock()
	r.requests = append(r.requests, req)
	first := r.first
	r.mu.Unlock()
	if first != nil && first(w, req, body) {
		return
	}
	r.store(req, body)
}

func (r *receiver) store(req *http.Request, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key := req.Header.Get("Idempotency-Key"); r.seen[key] {
		return
	} else {
		r.seen[key] = true
	}
	pack := encode.Compression(req.Header.Get("Content-Encoding"))
	if pack == "" {
		pack = encode.None
	}
	format := encode.Lines
	if req.Header.Get("X-Format") == "envelope" {
		format = encode.Envelope
	}
	if req.Header.Get("Content-Type") == "application/json" {
		var all []json.RawMessage
		if err := json.Unmarshal(body, &all); err != nil {
			r.tb.Errorf("%q is no array: %v", body, err)
		}
		for _, one := range all {
			r.bodies = append(r.bodies, one)
		}
		return
	}
	records, err := encode.ReadAll(bytes.NewReader(body), format, pack)
	if err != nil {
		r.tb.Errorf("read a body: %v", err)
	}
	for _, record := range records {
		r.bodies = append(r.bodies, record.Body)
		r.reasons = append(r.reasons, record.Reason)
	}
}

func (r *receiver) stored() (bodies [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

func (r *receiver) texts() (texts []string) {
	for _, b := range r.stored() {
		texts = append(texts, string(b))
	}
	return texts
}

func (r *receiver) count() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.requests) }

func (r *receiver) last() *http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests[len(r.requests)-1]
}

// answers lets the receiver answer every request so.
func (r *receiver) answers(status int, header ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		return true
	}
}

func (r *receiver) config() Config {
	c := Defaults()
	c.URL = engine.Literal(r.server.URL + "/ingest")
	return c
}

func open(tb testing.TB, c Config, role engine.Role) *output {
	tb.Helper()
	if err := engine.Validate(&c, role); err != nil {
		tb.Fatal(err)
	}
	o, err := New(c, engine.Env{Log: slog.New(slog.DiscardHandler), Role: role, Version: "1.2"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := o.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return o.(*output)
}

func batchOf(id string, bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: id, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: b.Time})
	}
	return b
}

func wantError(tb testing.TB, err error, texts ...string) {
	tb.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			tb.Fatalf("got %v, want %q in it", err, text)
		}
	}
	if engine.IsPermanent(err) {
		tb.Errorf("%v is permanent: good messages would be dead letters", err)
	}
}

func TestSuite(t *testing.T) {
	for _, row := range []struct {
		format      encode.Format
		compression encode.Compression
	}{{encode.Lines, encode.None}, {encode.Lines, encode.Gzip}, {encode.Envelope, encode.Zstd}} {
		t.Run(string(row.format)+" "+string(row.compression), func(t *testing.T) {
			receivers := map[string]*receiver{} // of each test
			enginetest.TestOutput(t, enginetest.OutputSuite{
				Idempotent: true,
				New: func(t *testing.T) engine.Output {
					if receivers[t.Name()] == nil {
						receivers[t.Name()] = newReceiver(t)
					}
					c := receivers[t.Name()].config()
					c.Format, c.Compression = string(row.format), string(row.compression)
					c.Headers = map[string]string{"X-Format": string(row.format)}
					o, err := New(c, engine.Env{Log: slog.New(slog.DiscardHandler), Role: engine.RoleOutput})
					if err != nil {
						t.Fatal(err)
					}
					return o
				},
				Stored: func(t *testing.T) [][]byte { return receivers[t.Name()].stored() },
				Break:  func(t *testing.T) { receivers[t.Name()].server.Close() },
				Mend: func(t *testing.T) {
					r := receivers[t.Name()]
					r.start(r.server.Listener.Addr().String())
				},
			})
		})
	}
}

// What a request says beside its body.
func TestRequest(t *testing.T) {
	r := newReceiver(t)
	c := r.config()
	c.Token, c.Headers, c.Compression = engine.NewSecret("t0ken"), map[string]string{"X-Source": "me"}, "gzip"
	o := open(t, c, engine.RoleOutput)
	b := batchOf("b/1", "a", "b")
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	first := r.last()
	for name, want := range map[string]string{
		"Authorization": "Bearer t0ken", "X-Source": "me", "Content-Encoding": "gzip", "Content-Type": "application/x-ndjson", "User-Agent": "logpipe/1.2",
	} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	key := first.Header.Get("Idempotency-Key")
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if again := r.last().Header.Get("Idempotency-Key"); again != key || !strings.HasPrefix(key, "b%2F1-") {
		t.Errorf("the batch has the key %s, and then %s", key, again)
	}
	// What is left of a batch after a part of it is dealt with must not look like the whole: the receiver would drop it.
	b.Messages = b.Messages[1:]
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if rest := r.last().Header.Get("Idempotency-Key"); rest == key {
		t.Error("a part of the batch has the key of the whole")
	}
	c.Token, c.TokenHeader, c.Username, c.Password, c.Compression = engine.NewSecret("k"), "X-Api-Key", "me", engine.NewSecret("pass"), "none"
	if err := open(t, c, engine.RoleOutput).Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	last := r.last()
	if user, password, _ := last.BasicAuth(); user != "me" || password != "pass" || last.Header.Get("X-Api-Key") != "k" || last.Header.Get("Content-Encoding") != "" {
		t.Errorf("the request has %v", last.Header)
	}
}

// An array has the bodies as they are. One that is not JSON would make all of it invalid, so it goes alone.
func TestArray(t *testing.T) {
	r := newReceiver(t)
	c := r.config()
	c.Format = "array"
	o := open(t, c, engine.RoleOutput)
	b := batchOf("b", `{"a": 1}`, "not json", ` "x"`+"\n", `2`)
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"a": 1}`, `"x"`, `2`}, r.texts()); diff != "" {
		t.Error(diff)
	}
	if _, rejected := engine.Marks(b); len(rejected) != 1 || rejected[1] == nil {
		t.Errorf("rejected are %v", rejected)
	}
}

// A dead letter carries any body, and the reason.
func TestDeadLetter(t *testing.T) {
	r := newReceiver(t)
	c := r.config()
	c.Headers = map[string]string{"X-Format": "envelope"}
	o := open(t, c, engine.RoleDeadLetter)
	b := batchOf("b", "line\nbreak", "\xff")
	b.Reasons = []error{errors.New("one"), errors.New("two")}
	if err := o.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"line\nbreak", "\xff"}, r.texts()); diff != "" || !slices.Equal(r.reasons, []string{"one", "two"}) {
		t.Errorf("%s reasons %q", diff, r.reasons)
	}
}

// Whatever a receiver says that is not about a message alone, the logs wait. Nothing is sent elsewhere, and no secret is told.
func TestAnswersThatAreTemporary(t *testing.T) {
	elsewhere := newReceiver(t)
	for status, want := range map[int]string{
		202: "add 202 to success", 203: "success", 207: "207", 301: "redirects are not followed", 307: elsewhere.server.URL + "/other, write", 308: "write that in url",
		401: "check token", 403: "check token", 404: "check url", 405: "check url", 408: "408", 415: "check format", 429: "429", 500: "500", 502: "502", 503: "503", 507: "507",
	} {
		r := newReceiver(t)
		c := r.config()
		c.Token = engine.NewSecret("t0ken-t0ken")
		o := open(t, c, engine.RoleOutput)
		if err := o.Write(t.Context(), batchOf("before", "x")); err != nil { // it is trusted
			t.Fatal(err)
		}
		r.mu.Lock()
		r.first = func(w http.ResponseWriter, req *http.Request, _ []byte) bool {
			w.Header().Set("Location", elsewhere.server.URL+"/other?secret=1")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "you said "+req.Header.Get("Authorization")) // as some servers do
			return true
		}
		r.mu.Unlock()
		b := batchOf("b", "one", "two")
		err := o.Write(t.Context(), b)
		wantError(t, err, strings.Split(want, ", ")[0], r.server.URL+"/ingest")
		if strings.Contains(err.Error(), "t0ken-t0ken") || strings.Contains(err.Error(), "secret=1") {
			t.Errorf("%v tells a secret", err)
		}
		var partial *engine.WriteError
		if errors.As(err, &partial) || r.count() != 2 {
			t.Errorf("%d: %v after %d requests; want one, and the batch as it was", status, err, r.count())
		}
	}
	if elsewhere.count() != 0 {
		t.Error("a redirect was followed")
	}
}

// What a test of a pipeline shows ends in logs: a token in the query must not.
func TestRehearse(t *testing.T) {
	c := Defaults()
	c.URL = engine.Literal("http://127.0.0.1:1/ingest?token=secret")
	if got, err := open(t, c, engine.RoleOutput).Rehearse(batchOf("1", "a")); err != nil || got != "http://127.0.0.1:1/ingest" {
		t.Errorf("%s, %v", got, err)
	}
}
