// Package test has the tests of the whole: the real command, the shipped configuration, a real RabbitMQ and a real S3 server.
package test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/tally"
)

func TestMain(m *testing.M) { servers.Main(m) }

// deadline is for states that must come; only a failing test waits so long.
const deadline = 2 * time.Minute

// built is the command, compiled once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "logpipe-test-")
	if err != nil {
		return "", err
	}
	return process.Build(context.Background(), dir)
})

// world is a virtual host, a bucket and a folder for one test.
type world struct {
	t      *testing.T
	bin    string
	url    string
	s3     *servers.S3
	bucket string
	dir    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, url: servers.VHost(t), s3: servers.TestS3(t), bucket: servers.Bucket(t), dir: t.TempDir()}
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	w.bin = bin
	return w
}

// env is what pipeline.hcl needs, and more variables.
func (w *world) env(more ...string) []string {
	return append([]string{
		"RABBITMQ_URL=" + w.url, "S3_ENDPOINT=" + w.s3.Endpoint, "S3_BUCKET=" + w.bucket,
		"AWS_ACCESS_KEY_ID=" + w.s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + w.s3.SecretKey,
		"FALLBACK_PATH=" + w.fallback(),
	}, more...)
}

func (w *world) fallback() string { return filepath.Join(w.dir, "fallback", "failed_logs.ndjson") }

// inFallback counts the messages in the fallback's files, also those that recovery has put aside while it brings them home.
func (w *world) inFallback() *tally.Tally {
	w.t.Helper()
	found := tally.New()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(w.fallback()), "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it came home a moment ago
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if err := found.Lines(f); err != nil {
			w.t.Fatal(err)
		}
		f.Close()
		found.Places++
	}
	return found
}

// start runs logpipe; it is killed with the test.
func (w *world) start(env []string, args ...string) *process.Process {
	w.t.Helper()
	p, err := process.Start(w.bin, env, nil, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if !p.Ended() {
			p.Kill()
		}
		if w.t.Failed() {
			w.t.Logf("last lines of logpipe %v:\n%s", args, p.Tail(30))
		}
	})
	return p
}

// produce fills the queue.
func (w *world) produce(n int, more ...string) {
	w.t.Helper()
	w.exits(w.start(w.env(append(more, fmt.Sprintf("MESSAGES=%d", n))...), "run", "examples/producer.hcl"), 0)
}

// exits waits for the end of a process.
func (w *world) exits(p *process.Process, want int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), deadline)
	defer cancel()
	if code, err := p.Wait(ctx); err != nil || code != want {
		w.t.Fatalf("logpipe ended with exit code %d, want %d (%v)\n%s", code, want, err, p.Tail(20))
	}
}

// stops drains a process by SIGTERM.
func (w *world) stops(p *process.Process, want int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), deadline)
	defer cancel()
	if code, err := p.Stop(ctx); err != nil || code != want {
		w.t.Fatalf("logpipe ended with exit code %d, want %d (%v)\n%s", code, want, err, p.Tail(20))
	}
}

// says waits for a line of the log.
func (w *world) says(p *process.Process, text string) process.Line {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), deadline)
	defer cancel()
	line, err := p.Await(ctx, text)
	if err != nil {
		w.t.Fatal(err)
	}
	return line
}

// until waits for a state that nothing announces, by asking again and again.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline); !is(); {
		if time.Now().After(end) {
			w.t.Fatalf("waited %v in vain until %s", deadline, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (w *world) depth(queue string) int {
	n, _, err := tally.Depth(w.url, queue)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// taken waits until the pipeline has been delivered all that is in the queue.
func (w *world) taken(queue string) {
	w.t.Helper()
	w.until("queue "+queue+" is empty", func() bool {
		is, err := tally.Taken(w.url, queue)
		if err != nil {
			w.t.Fatal(err)
		}
		return is
	})
}

func (w *world) stored() *tally.Tally {
	w.t.Helper()
	s := tally.New()
	if err := s.Bucket(w.t.Context(), w.s3.Client(), w.bucket); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) queue(name string) *tally.Tally {
	w.t.Helper()
	q := tally.New()
	if _, err := q.Queue(w.url, name); err != nil {
		w.t.Fatal(err)
	}
	return q
}

// complete fails the test for messages that are in none of the tallies.
func (w *world) complete(n int, tallies ...*tally.Tally) {
	w.t.Helper()
	if missing := tally.Missing(1, n, tallies...); len(missing) > 0 {
		w.t.Errorf("%d of %d messages are lost, the first is number %d", len(missing), n, missing[0])
	}
}
