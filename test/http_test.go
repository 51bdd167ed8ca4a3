package test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/tally"
	"github.com/logpipe/logpipe/test/world"
)

// freeAddress is one that nobody listens on, for a process that is started again and again.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Two logpipes, one of which ships to the other. Whatever happens to the receiver, all that the sender has made is stored when it ends.
func TestHTTPFromLogpipeToLogpipe(t *testing.T) {
	w := world.New(t)
	w.OwnS3()
	address := freeAddress(t)
	const n = 60_000 // ten seconds: the sender must not be at its end when S3 goes, however long the receiver takes to start
	env := w.Env("HTTP_LISTEN="+address, "HTTP_TOKEN=secret-token", "BATCH_SIZE=200", "BATCH_AGE=100ms", "HTTP_DEAD_LETTERS="+filepath.Join(w.Dir, "dead.ndjson"))
	receive := func() *process.Process {
		p := w.Start(env, "examples/http-to-s3.hcl")
		w.Says(p, "input is open")
		return p
	}
	more := func() {
		from := w.Stored().Places
		w.Until("more is stored", func() bool { return w.Stored().Places > from+2 })
	}
	receiver := receive()
	sender := w.Start([]string{"HTTP_URL=http://" + address + "/logs", "HTTP_TOKEN=secret-token"}, w.Config(fmt.Sprintf(`
pipeline "ship" {
  input "generator" {
    count = %d
    rate  = 6000
  }
  processor "batch" {
    count = 100
    age   = "100ms"
  }
  processor "retry" {
    attempts    = 0
    backoff     = "20ms"
    max_backoff = "200ms"
  }
  output "http" {
    url         = env("HTTP_URL")
    token       = env("HTTP_TOKEN")
    compression = "gzip"
    workers     = 4
  }
}`, n)))
	more()
	receiver.Kill()
	receiver = receive()
	more()
	w.Stops(receiver, 0)
	receiver = receive()
	if err := w.S3.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Says(receiver, "output fails")
	if err := w.S3.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Exits(sender, 0)
	w.Stops(receiver, 0)
	stored := w.Stored()
	w.Complete(n, stored)
	t.Logf("%d of %d messages are there twice after a kill, a drain and an outage of S3", stored.Twice(), n)
	for _, p := range []*process.Process{sender, receiver} {
		if strings.Contains(p.Tail(10_000), "secret-token") {
			t.Error("the log has the token")
		}
	}
}

// clients post requests until each is answered 200, and look after each 200 whether it was true.
type clients struct {
	t       *testing.T
	url     string
	bucket  *objects
	mu      sync.Mutex
	next    int // number of the next request
	stored  int // requests answered 200
	refused map[string]int
}

const requests, linesOfARequest = 150, 20

func (c *clients) run(ctx context.Context) {
	for {
		c.mu.Lock()
		n := c.next
		c.next++
		c.mu.Unlock()
		if n >= requests || !c.deliver(ctx, n) {
			return
		}
	}
}

func (c *clients) deliver(ctx context.Context, n int) bool {
	var body strings.Builder
	for line := range linesOfARequest {
		fmt.Fprintf(&body, "{\"seq\":%d}\n", n*linesOfARequest+line+1)
	}
	for ctx.Err() == nil {
		code := c.post(ctx, body.String())
		if code == "" {
			missing := c.bucket.missing(ctx, c.t, n*linesOfARequest+1, (n+1)*linesOfARequest)
			if missing > 0 {
				c.t.Errorf("request %d was answered 200, and %d of its messages are not stored", n, missing)
			}
			c.mu.Lock()
			c.stored++
			c.mu.Unlock()
			return true
		}
		c.mu.Lock()
		c.refused[code]++
		c.mu.Unlock()
		select {
		case <-time.After(20 * time.Millisecond): // less than Retry-After, which makes it harder
		case <-ctx.Done():
		}
	}
	return false
}

// post returns "" when all is stored, else what the answer says.
func (c *clients) post(ctx context.Context, body string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "no answer"
	}
	defer answer.Body.Close()
	var said struct{ Error string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		return "half an answer"
	}
	switch {
	case answer.StatusCode == http.StatusOK:
		return ""
	case answer.Header.Get("Retry-After") == "":
		return "without Retry-After: " + said.Error
	}
	return said.Error
}

func (c *clients) saw(code string) int { c.mu.Lock(); defer c.mu.Unlock(); return c.refused[code] }

func (c *clients) done() int { c.mu.Lock(); defer c.mu.Unlock(); return c.stored }

// objects is what is in a bucket; each object is read once.
type objects struct {
	w     *world.World
	mu    sync.Mutex
	read  map[string]bool
	found *tally.Tally
}

// missing is how many of these messages are in no object.
func (o *objects) missing(ctx context.Context, t *testing.T, first, last int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(tally.Missing(first, last, o.found)) == 0 {
		return 0
	}
	client := o.w.S3.Client()
	page, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(o.w.Bucket)})
	if err != nil {
		t.Error(err)
		return 0
	}
	for _, object := range page.Contents {
		key := aws.ToString(object.Key)
		if o.read[key] {
			continue
		}
		out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(o.w.Bucket), Key: object.Key})
		if err != nil {
			t.Error(err)
			continue
		}
		if err := o.lines(out.Body); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		out.Body.Close()
		o.read[key] = true
	}
	return len(tally.Missing(first, last, o.found))
}

func (o *objects) lines(body io.Reader) error {
	z, err := gzip.NewReader(body)
	if err != nil {
		return err
	}
	return o.found.Lines(z)
}

// An answer of 200 is a promise: after each, the messages are looked for in the bucket, while the store is away for a while, and the receiver
// is killed and drained. Under back-pressure it says 429 and 503, and a client that repeats until 200 loses nothing.
func TestHTTPSays200ForWhatIsStored(t *testing.T) {
	w := world.New(t)
	store := w.ThroughStore()
	address := freeAddress(t)
	file := w.Config(`
pipeline "http" {
  input "http" {
    listen        = env("HTTP_LISTEN")
    max_in_flight = 100
    max_requests  = 8
    admit_timeout = "100ms"
  }
  processor "batch" {
    count = 50
    age   = "50ms"
  }
  processor "retry" {
    attempts    = 0
    backoff     = "20ms"
    max_backoff = "200ms"
  }
  output "s3" {
    bucket      = env("S3_BUCKET")
    endpoint    = env("S3_ENDPOINT")
    key         = "${batch.id}.ndjson"
    compression = "gzip"
  }
}`)
	receive := func() *process.Process {
		p := w.Start(w.Env("HTTP_LISTEN="+address), file)
		w.Says(p, "input is open")
		return p
	}
	receiver := receive()
	c := &clients{t: t, url: "http://" + address, refused: map[string]int{}, bucket: &objects{w: w, read: map[string]bool{}, found: tally.New()}}
	ctx, cancel := context.WithTimeout(t.Context(), world.Deadline)
	var all sync.WaitGroup
	defer func() { cancel(); all.Wait() }()
	for range 12 { // more than max_requests
		all.Go(func() { c.run(ctx) })
	}
	w.Until("some are stored", func() bool { return c.done() >= 30 })
	store.Break(proxy.Answer(503, "SlowDown", "slow down"))
	w.Until("clients are told to come later", func() bool { return c.saw("no_room") > 0 && c.saw("too_many_requests") > 0 })
	before := c.done()
	store.Heal()
	w.Until("it goes on", func() bool { return c.done() > before+20 })
	receiver.Kill()
	receiver = receive()
	before = c.done()
	w.Until("it goes on", func() bool { return c.done() > before+20 })
	if err := receiver.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.Exits(receiver, 0)
	receiver = receive()
	all.Wait()
	w.Stops(receiver, 0)
	if c.done() != requests {
		t.Errorf("%d of %d requests were answered 200", c.done(), requests)
	}
	for code := range c.refused {
		if strings.HasPrefix(code, "without") {
			t.Errorf("an answer comes %s", code)
		}
	}
	stored := w.Stored()
	w.Complete(requests*linesOfARequest, stored)
	t.Logf("%d of %d messages are there twice; refused: %v", stored.Twice(), requests*linesOfARequest, c.refused)
}
