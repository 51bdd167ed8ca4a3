package test

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

// noFallback is a pipeline that can only hold what S3 does not take.
const noFallback = `
pipeline "held" {
  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = "log_queue"
    prefetch = 500
  }
  processor "batch" {
    count = 50
    age   = "1s"
  }
  output "s3" {
    bucket   = env("S3_BUCKET")
    endpoint = env("S3_ENDPOINT")
    key      = "${batch.date}/${batch.id}.ndjson"
    timeout  = "5s"
  }
}
`

// A connection that dies while the window is full and S3 is down must be noticed then: what it brought is void, and writing
// it when S3 is back would store it twice.
func TestConnectionDiesWhileEverythingIsHeld(t *testing.T) {
	w := newWorld(t)
	w.s3, w.bucket = servers.OwnS3(t), "logs"
	if err := w.s3.MakeBucket(t.Context(), w.bucket); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.dir, "held.hcl")
	if err := os.WriteFile(file, []byte(noFallback), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 2_000
	w.produce(n)
	if err := w.s3.Kill(); err != nil {
		t.Fatal(err)
	}
	p := w.start(w.env(), file)
	w.says(p, "held and tried again")
	w.until("the window is full", func() bool { return w.depth("log_queue") <= n-500 })
	vhost := path.Base(w.url)
	w.until("its connection is closed by the broker", func() bool {
		closed, err := servers.TestBroker(t).CloseConnections(t.Context(), vhost)
		if err != nil {
			t.Fatal(err)
		}
		return closed > 0
	})
	w.says(p, "input is lost")
	if err := w.s3.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.says(p, "input is back")
	w.taken("log_queue")
	w.stops(p, 0)
	stored := w.stored()
	w.complete(n, stored)
	if stored.Twice() != 0 {
		t.Errorf("%d messages are stored twice although none was being written when the connection died", stored.Twice())
	}
}
