// Package world is what a test of the whole has to itself: a virtual host of a real RabbitMQ, a bucket of a real S3 server, a
// folder, and the logpipe processes that run between them. It counts, by sequence number, where each message is.
package world

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/tally"
)

// Deadline is for states that must come; only a failing test waits so long.
const Deadline = 2 * time.Minute

// built is the command, compiled once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "logpipe-test-")
	if err != nil {
		return "", err
	}
	return process.Build(context.Background(), dir)
})

// World is a virtual host, a bucket and a folder for one test.
type World struct {
	TB     testing.TB
	Broker *servers.Broker
	URL    string // of the virtual host
	S3     *servers.S3
	Bucket string
	Dir    string

	bin      string
	endpoint string // of S3 for logpipe, when that is not the direct one
	broker   string // likewise of the broker
}

// New makes a world. It is gone with the test.
func New(tb testing.TB) *World {
	tb.Helper()
	return begin(&World{TB: tb, Broker: servers.TestBroker(tb), URL: servers.VHost(tb)})
}

// OnCluster makes a world with a virtual host on each node of a cluster. Env has the URLs of all in one variable; the test itself asks the
// first node.
func OnCluster(tb testing.TB, c *servers.Cluster, vhost string) *World {
	tb.Helper()
	urls, err := c.VHost(tb.Context(), vhost)
	if err != nil {
		tb.Fatal(err)
	}
	return begin(&World{TB: tb, Broker: c.Nodes[0], URL: urls[0], broker: strings.Join(urls, ",")})
}

// OnBroker makes a world with a virtual host on a broker of the test's own.
func OnBroker(tb testing.TB, b *servers.Broker, vhost string) *World {
	tb.Helper()
	url, err := b.VHost(tb.Context(), vhost)
	if err != nil {
		tb.Fatal(err)
	}
	return begin(&World{TB: tb, Broker: b, URL: url})
}

// begin adds what every world has.
func begin(w *World) *World {
	tb := w.TB
	tb.Helper()
	w.S3, w.Bucket, w.Dir = servers.TestS3(tb), servers.Bucket(tb), tb.TempDir()
	tb.Cleanup(w.sayFallback)
	bin, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	w.bin = bin
	return w
}

// OwnBroker gives the world a broker that it may stop, pause and kill.
func (w *World) OwnBroker() *servers.Broker {
	w.TB.Helper()
	w.Broker = servers.OwnBroker(w.TB)
	url, err := w.Broker.VHost(w.TB.Context(), "logs")
	if err != nil {
		w.TB.Fatal(err)
	}
	w.URL = url
	return w.Broker
}

// OwnS3 gives the world an S3 server that it may stop, pause and kill, with an empty bucket.
func (w *World) OwnS3() *servers.S3 {
	w.TB.Helper()
	w.S3, w.Bucket = servers.OwnS3(w.TB), "logs"
	if err := w.S3.MakeBucket(w.TB.Context(), w.Bucket); err != nil {
		w.TB.Fatal(err)
	}
	return w.S3
}

// Env is what pipeline.hcl needs, and more variables.
func (w *World) Env(more ...string) []string {
	return append([]string{
		"RABBITMQ_URL=" + cmp.Or(w.broker, w.URL), "S3_ENDPOINT=" + cmp.Or(w.endpoint, w.S3.Endpoint), "S3_BUCKET=" + w.Bucket,
		"AWS_ACCESS_KEY_ID=" + w.S3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + w.S3.SecretKey,
		"FALLBACK_PATH=" + w.Fallback(),
	}, more...)
}

// Fallback is the path of the fallback file.
func (w *World) Fallback() string { return filepath.Join(w.Dir, "fallback", "failed_logs.ndjson") }

// InFallback counts the messages in the fallback's files, also those that recovery has put aside while it brings them home.
func (w *World) InFallback() *tally.Tally {
	w.TB.Helper()
	found := tally.New()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(w.Fallback()), "*"))
	if err != nil {
		w.TB.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it came home a moment ago
		}
		if err != nil {
			w.TB.Fatal(err)
		}
		if err := found.Lines(f); err != nil {
			w.TB.Fatal(err)
		}
		if at, err := f.Seek(0, io.SeekEnd); err == nil && at > 0 { // a full disk takes the file and nothing in it
			found.Places++
		}
		f.Close()
	}
	return found
}

// sayFallback tells after a failure what is in the fallback's folder.
func (w *World) sayFallback() {
	if !w.TB.Failed() {
		return
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(w.Fallback()), "*")) // the pattern is well
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			w.TB.Logf("in the fallback: %s, %d bytes, %v", filepath.Base(name), info.Size(), info.ModTime().Format(time.RFC3339Nano))
		}
	}
}

// Start runs logpipe; it is killed with the test. Its HTTP side takes a free port: many run beside each other, see AdminURL.
func (w *World) Start(env []string, args ...string) *process.Process {
	w.TB.Helper()
	if len(args) > 0 && args[0] == "run" {
		args = append([]string{"run", "--admin", "127.0.0.1:0"}, args[1:]...)
	}
	p, err := process.Start(w.bin, env, nil, args...)
	if err != nil {
		w.TB.Fatal(err)
	}
	w.TB.Cleanup(func() {
		if !p.Ended() {
			p.Kill()
		}
		if w.TB.Failed() {
			w.TB.Logf("last lines of logpipe %v:\n%s", args, p.Tail(30))
		}
	})
	return p
}

// AdminURL is the address of a process's HTTP side, with a slash at the end. It waits until it listens.
func (w *World) AdminURL(p *process.Process) string {
	w.TB.Helper()
	return w.Says(p, "status page, metrics and health").Text("url")
}

// Produce fills the queue.
func (w *World) Produce(n int, more ...string) {
	w.TB.Helper()
	w.Exits(w.Producer(n, more...), 0)
}

// Producer starts to fill the queue. It takes the direct way to the broker.
func (w *World) Producer(n int, more ...string) *process.Process {
	w.TB.Helper()
	env := append(w.Env(more...), "RABBITMQ_URL="+w.URL, fmt.Sprintf("MESSAGES=%d", n))
	return w.Start(env, "run", "examples/producer.hcl")
}

// Exits waits for the end of a process.
func (w *World) Exits(p *process.Process, want int) {
	w.TB.Helper()
	ctx, cancel := context.WithTimeout(w.TB.Context(), Deadline)
	defer cancel()
	if code, err := p.Wait(ctx); err != nil || code != want {
		w.TB.Fatalf("logpipe ended with exit code %d, want %d (%v)\n%s", code, want, err, p.Tail(20))
	}
}

// Stops drains a process by SIGTERM.
func (w *World) Stops(p *process.Process, want int) {
	w.TB.Helper()
	ctx, cancel := context.WithTimeout(w.TB.Context(), Deadline)
	defer cancel()
	if code, err := p.Stop(ctx); err != nil || code != want {
		w.TB.Fatalf("logpipe ended with exit code %d, want %d (%v)\n%s", code, want, err, p.Tail(20))
	}
}

// Says waits for a line of the log.
func (w *World) Says(p *process.Process, text string) process.Line {
	w.TB.Helper()
	ctx, cancel := context.WithTimeout(w.TB.Context(), Deadline)
	defer cancel()
	line, err := p.Await(ctx, text)
	if err != nil {
		w.TB.Fatal(err)
	}
	return line
}

// Until waits for a state that nothing announces, by asking again and again.
func (w *World) Until(what string, is func() bool) {
	w.TB.Helper()
	for end := time.Now().Add(Deadline); !is(); {
		if time.Now().After(end) {
			w.TB.Fatalf("waited %v in vain until %s", Deadline, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Depth is how many messages wait in a queue, without those that are delivered and unacked.
func (w *World) Depth(queue string) int {
	n, _, err := tally.Depth(w.URL, queue)
	if err != nil {
		w.TB.Fatal(err)
	}
	return n
}

// Taken waits until the pipeline has been delivered all that is in the queue.
func (w *World) Taken(queue string) {
	w.TB.Helper()
	w.Until("queue "+queue+" is empty", func() bool {
		is, err := tally.Taken(w.URL, queue)
		if err != nil {
			w.TB.Fatal(err)
		}
		return is
	})
}

// Stored counts what is in the bucket.
func (w *World) Stored() *tally.Tally {
	w.TB.Helper()
	s := tally.New()
	if err := s.Bucket(w.TB.Context(), w.S3.Client(), w.Bucket); err != nil {
		w.TB.Fatal(err)
	}
	return s
}

// Queue takes every message out of a queue and counts it.
func (w *World) Queue(name string) *tally.Tally {
	w.TB.Helper()
	q := tally.New()
	if _, err := q.Queue(w.URL, name); err != nil {
		w.TB.Fatal(err)
	}
	return q
}

// Keys are the names of the bucket's objects, at most a thousand.
func (w *World) Keys() (keys []string) {
	w.TB.Helper()
	page, err := w.S3.Client().ListObjectsV2(w.TB.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(w.Bucket)})
	if err != nil {
		w.TB.Fatal(err)
	}
	for _, o := range page.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	return keys
}

// Complete fails the test for messages that are in none of the tallies.
func (w *World) Complete(n int, tallies ...*tally.Tally) {
	w.TB.Helper()
	if missing := tally.Missing(1, n, tallies...); len(missing) > 0 {
		w.TB.Errorf("%d of %d messages are lost, the first is number %d", len(missing), n, missing[0])
	}
}
