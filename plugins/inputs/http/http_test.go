package http

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
)

// patience is for what must happen; only a failing test waits so long.
const patience = 30 * time.Second

// local listens on a free port of this machine.
func local() Config {
	c := Defaults()
	c.Listen = "127.0.0.1:0"
	return c
}

func newInput(tb testing.TB, c Config) *input {
	tb.Helper()
	if err := c.Validate(); err != nil {
		tb.Fatal(err)
	}
	in, err := New(c, engine.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	return in.(*input)
}

// listen opens an input and closes it with the test.
func listen(tb testing.TB, c Config) *input {
	tb.Helper()
	return opened(tb, newInput(tb, c))
}

func opened(tb testing.TB, in *input) *input {
	tb.Helper()
	if err := in.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := in.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return in
}

func (in *input) url() string { return "http://" + in.address + in.Path }

// reply is what a client got.
type reply struct {
	status  int
	header  http.Header
	code    string
	message string
	stored  int
	err     error
}

func (r reply) String() string {
	return fmt.Sprintf("%d %s %q stored %d err %v", r.status, r.code, r.message, r.stored, r.err)
}

// send sends a request and reads the answer.
func send(client *http.Client, r *http.Request) reply {
	resp, err := client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	var body struct {
		Status   int
		Error    string
		Message  string
		Messages int
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return reply{status: resp.StatusCode, err: fmt.Errorf("the answer is not JSON: %w", err)}
	}
	if resp.StatusCode != http.StatusOK && body.Status != resp.StatusCode {
		return reply{err: fmt.Errorf("status %d, and in the body %d", resp.StatusCode, body.Status)}
	}
	return reply{status: resp.StatusCode, header: resp.Header, code: body.Error, message: body.Message, stored: body.Messages}
}

func request(tb testing.TB, in *input, body io.Reader, header ...string) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, in.url(), body)
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// post sends a body in the background.
func post(tb testing.TB, in *input, body string, header ...string) <-chan reply {
	tb.Helper()
	r := request(tb, in, strings.NewReader(body), header...)
	answered := make(chan reply, 1)
	go func() { answered <- send(http.DefaultClient, r) }()
	return answered
}

func await(tb testing.TB, answered <-chan reply, status int, code string) reply {
	tb.Helper()
	select {
	case r := <-answered:
		if r.status != status || r.code != code || r.err != nil {
			tb.Fatalf("answered %v, want %d %s", r, status, code)
		}
		return r
	case <-time.After(patience):
		tb.Fatalf("no answer, want %d %s", status, code)
	}
	return reply{}
}

// read gives the bodies of the next chunk, and its tag.
func read(tb testing.TB, in engine.Input) (bodies []string, tag uint64) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	var b engine.Batch
	if err := in.Read(ctx, &b); err != nil {
		tb.Fatal(err)
	}
	for _, m := range b.Messages {
		bodies = append(bodies, string(m.Body))
	}
	return bodies, b.Tag
}

func ack(tb testing.TB, in engine.Input, tags ...uint64) {
	tb.Helper()
	if err := in.Ack(tb.Context(), tags); err != nil {
		tb.Fatal(err)
	}
}

func packGzip(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // into memory
	_ = z.Close()
	return b.String()
}

func packZstd(text string) string {
	z, _ := zstd.NewWriter(nil)
	return string(z.EncodeAll([]byte(text), nil))
}

// freePort is an address that nobody listens on.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The clients send each request until it is answered 200, as clients must.
func TestSuite(t *testing.T) {
	enginetest.TestInput(t, enginetest.InputSuite{
		Unordered: true,
		New: func(t *testing.T, bodies [][]byte) engine.Input {
			c := local()
			c.Listen, c.AdmitTimeout = freePort(t), 100*time.Millisecond
			var clients sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(func() { cancel(); clients.Wait() })
			for part := range slices.Chunk(bodies, 100) {
				clients.Go(func() { sendUntilStored(ctx, c.Listen, bytes.Join(part, []byte("\n"))) })
			}
			return newInput(t, c)
		},
	})
}

func sendUntilStored(ctx context.Context, address string, body []byte) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/", bytes.NewReader(body))
		if err != nil || send(client, r).status == http.StatusOK {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// Each body becomes these messages, however it is packed. If it does not, what is stored is not what was sent.
func TestBodies(t *testing.T) {
	in := listen(t, local())
	for _, row := range []struct {
		name, contentType, body string
		want                    []string
	}{
		{"lines", "application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"no type", "", "one\ntwo", []string{"one", "two"}},
		{"text, byte for byte", "text/plain; charset=utf-8", " a\r\n\n\r\n\xff\x00\t\n", []string{" a\r", "\xff\x00\t"}},
		{"a byte order mark", "text/plain", "\ufeffone\n\ufefftwo\n", []string{"one", "\ufefftwo"}},
		{"one value, marked", "application/json", "\ufeff {\"a\":1}\n", []string{`{"a":1}`}},
		{"an array, marked", "application/json", "\ufeff[{\"a\":1},2]", []string{`{"a":1}`, "2"}},
		{"one value", "application/json", " {\"a\":[1,\"]\"]}\n", []string{`{"a":[1,"]"]}`}},
		{"an array", "application/json; charset=utf-8", `[{"a":"},]\""},  [1, [2]] ,"x",null]`, []string{`{"a":"},]\""}`, `[1, [2]]`, `"x"`, `null`}},
		{"an array in lines", "application/json", "[\n  {\"a\": \"x\\n y\",\n \"b\": 1},\n  2\n]\n", []string{`{"a":"x\n y","b":1}`, `2`}},
	} {
		for encoding, body := range map[string]string{"": row.body, "gzip": packGzip(row.body), "zstd": packZstd(row.body),
			"GZIP": packGzip(row.body[:3]) + packGzip(row.body[3:])} {
			t.Run(row.name+" "+encoding, func(t *testing.T) {
				answered := post(t, in, body, "Content-Type", row.contentType, "Content-Encoding", encoding)
				bodies, tag := read(t, in)
				if !slices.Equal(bodies, row.want) {
					t.Errorf("got %q, want %q", bodies, row.want)
				}
				ack(t, in, tag)
				if r := await(t, answered, 200, ""); r.stored != len(row.want) {
					t.Errorf("answered %v, want %d messages", r, len(row.want))
				}
			})
		}
	}
	for _, nothing := range []string{"", "\n\r\n", "[]", " "} {
		if r := await(t, post(t, in, nothing, "Content-Type", "application/json"), 200, ""); r.stored != 0 {
			t.Errorf("of %q %d messages are stored", nothing, r.stored)
		}
	}
}

// What can never work is answered 4xx with the reason, and is nowhere in the pipeline.
func TestWhatCanNeverWork(t *testing.T) {
	c := local()
	c.Path, c.MaxBodyBytes, c.MaxMessages, c.Tokens = "/logs", 1000, 20, []engine.Secret{engine.NewSecret("old"), engine.NewSecret("new")}
	in := listen(t, c)
	lines, long := strings.Repeat("x\n", 21), strings.Repeat("x", 1001)
	window := packZstd(strings.Repeat("x", 100))
	for _, row := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{"wrong path", "POST", "/logs/", "x", nil, 404, "wrong_path"},
		{"wrong method", "PUT", "/logs", "x", nil, 405, "wrong_method"},
		{"no token", "POST", "/logs", "x", []string{"Authorization", ""}, 401, "wrong_token"},
		{"wrong token", "POST", "/logs", "x", []string{"Authorization", "Bearer older"}, 401, "wrong_token"},
		{"wrong scheme", "POST", "/logs", "x", []string{"Authorization", "Basic old"}, 401, "wrong_token"},
		{"too long", "POST", "/logs", long, nil, 413, "too_large"},
		{"too long, unpacked", "POST", "/logs", packGzip(long), []string{"Content-Encoding", "gzip"}, 413, "too_large"},
		{"too long, unpacked zstd", "POST", "/logs", packZstd(strings.Repeat("x", 8<<20)), []string{"Content-Encoding", "zstd"}, 413, "too_large"},
		{"too many lines", "POST", "/logs", lines, nil, 413, "too_many_messages"},
		{"too many elements", "POST", "/logs", "[" + strings.Repeat("1,", 20) + "1]", []string{"Content-Type", "application/json"}, 413, "too_many_messages"},
		{"unknown packing", "POST", "/logs", "x", []string{"Content-Encoding", "br"}, 415, "wrong_encoding"},
		{"packed twice", "POST", "/logs", "x", []string{"Content-Encoding", "gzip, gzip"}, 415, "wrong_encoding"},
		{"a form, as curl sends it", "POST", "/logs", "x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "wrong_type"},
		{"not gzip", "POST", "/logs", "x", []string{"Content-Encoding", "gzip"}, 400, "damaged"},
		{"gzip that is cut off", "POST", "/logs", packGzip("hello")[:20], []string{"Content-Encoding", "gzip"}, 400, "damaged"},
		{"not zstd", "POST", "/logs", "xxxxxxxx", []string{"Content-Encoding", "zstd"}, 400, "damaged"},
		{"zstd that wants a gigabyte", "POST", "/logs", window[:4] + "\x00\xa0" + window[6:], []string{"Content-Encoding", "zstd"}, 400, "damaged"},
		{"not JSON", "POST", "/logs", `{"a":1}{"a":2}`, []string{"Content-Type", "application/json"}, 400, "not_json"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := request(t, in, strings.NewReader(row.body), append([]string{"Authorization", "bearer new"}, row.header...)...)
			r.Method, r.URL.Path = row.method, row.path
			answered := make(chan reply, 1)
			answered <- send(http.DefaultClient, r)
			got := await(t, answered, row.status, row.code)
			if got.message == "" || got.header.Get("Retry-After") != "" {
				t.Errorf("%v with Retry-After %q; it must say why, and that it can never work", got, got.header.Get("Retry-After"))
			}
			if strings.Contains(got.message, "new") || strings.Contains(got.message, "old\"") {
				t.Errorf("the answer has a token: %v", got)
			}
		})
	}
	if used := in.pending.used.Load(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
	answered := post(t, in, strings.Repeat("x", 1000), "Authorization", "Bearer old")
	bodies, tag := read(t, in)
	if len(bodies) != 1 || len(bodies[0]) != 1000 {
		t.Errorf("the pipeline got %q", bodies)
	}
	ack(t, in, tag)
	await(t, answered, 200, "")
}

// Requests are answered one by one, in any order, and none before its ack: a 200 for what is not stored loses logs.
func TestAnswersInAnyOrder(t *testing.T) {
	in := listen(t, local())
	answered, tags := map[string]<-chan reply{}, map[string]uint64{}
	for _, body := range []string{"a", "b", "c"} {
		answered[body] = post(t, in, body)
		bodies, tag := read(t, in)
		tags[bodies[0]] = tag
	}
	until(t, "the pipeline's window counts them alone", func() bool { return in.pending.used.Load() == 0 })
	for i, body := range []string{"b", "c", "a"} {
		for _, other := range []string{"b", "c", "a"}[i:] {
			select {
			case r := <-answered[other]:
				t.Fatalf("%s was answered %v before its ack", other, r)
			default:
			}
		}
		ack(t, in, tags[body])
		await(t, answered[body], 200, "")
	}
	if err := in.Ack(t.Context(), []uint64{tags["a"]}); err == nil {
		t.Error("an ack that comes again is taken")
	}
}

// Of a request that is refused for want of room nothing may be taken: the client sends it again, and it would be there twice.
func TestBackPressure(t *testing.T) {
	c := local()
	c.AdmitTimeout = 50 * time.Millisecond
	in := listen(t, c)
	r := await(t, post(t, in, "refused"), 503, "no_room")
	if cmp.Or(r.header.Get("Retry-After"), "0") == "0" {
		t.Errorf("no Retry-After: %v", r.header)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Read(ctx, &engine.Batch{}); err == nil {
		t.Error("a request that was refused is read")
	}
	c = local()
	c.MaxRequests = 2
	patient := listen(t, c)
	one := post(t, patient, "one")
	_, first := read(t, patient)
	two := post(t, patient, "two")
	bodies, second := read(t, patient)
	if bodies[0] != "two" {
		t.Errorf("the pipeline got %q", bodies)
	}
	if r := await(t, post(t, patient, "three"), 429, "too_many_requests"); r.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", r.header)
	}
	ack(t, patient, first, second)
	await(t, one, 200, "")
	await(t, two, 200, "")
	four := post(t, patient, "four")
	_, tag := read(t, patient)
	ack(t, patient, tag)
	await(t, four, 200, "")
}

// Bodies that nobody has read into the pipeline are bounded in bytes, all together; without it memory grows with the number of clients.
func TestPendingBytesAreBounded(t *testing.T) {
	c := local()
	c.MaxBodyBytes, c.MaxPendingBytes, c.MaxMessages = 1<<20, 2<<20, 1
	in := newInput(t, local()) // the smallest request would need more than this; it is the bound itself that is tried
	in.Config, in.pending.limit = c, 2<<20+1000
	in = opened(t, in)
	slow, w := io.Pipe()
	answered := make(chan reply, 1)
	r := request(t, in, slow)
	go func() { answered <- send(http.DefaultClient, r) }()
	if _, err := w.Write(bytes.Repeat([]byte("x"), 600<<10)); err != nil {
		t.Fatal(err)
	}
	until(t, "its memory is counted", func() bool { return in.pending.used.Load() >= 600<<10 })
	second := post(t, in, strings.Repeat("y", 1<<20))
	until(t, "both are counted", func() bool { return in.pending.used.Load() > 1600<<10 })
	if r := await(t, post(t, in, strings.Repeat("z", 1<<20)), 429, "too_many_bytes"); r.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", r.header)
	}
	w.Close()
	for _, other := range []<-chan reply{answered, second} {
		_, tag := read(t, in)
		ack(t, in, tag)
		_ = other
	}
	await(t, answered, 200, "")
	await(t, second, 200, "")
	if used := in.pending.used.Load(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// Lines of one byte take far more memory as messages than as a body, so they count as such.
func TestShortLinesCount(t *testing.T) {
	c := local()
	in := listen(t, c)
	answered := post(t, in, strings.Repeat("x\n", 50_000))
	until(t, "the messages are counted", func() bool { return in.pending.used.Load() > 50_000*int64(messageSize) })
	bodies, tag := read(t, in)
	if len(bodies) != 50_000 {
		t.Errorf("%d messages", len(bodies))
	}
	ack(t, in, tag)
	await(t, answered, 200, "")
	if used := in.pending.used.Load(); used != 0 {
		t.Errorf("%d bytes are still counted", used)
	}
}

// until waits for a state that nothing announces.
func until(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}
