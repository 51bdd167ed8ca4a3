package test

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/world"
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
	w := world.New(t)
	w.OwnS3()
	file := filepath.Join(w.Dir, "held.hcl")
	if err := os.WriteFile(file, []byte(noFallback), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 2_000
	w.Produce(n)
	if err := w.S3.Kill(); err != nil {
		t.Fatal(err)
	}
	p := w.Start(w.Env(), file)
	w.Says(p, "held and tried again")
	w.Until("the window is full", func() bool { return w.Depth("log_queue") <= n-500 })
	vhost := path.Base(w.URL)
	w.Until("its connection is closed by the broker", func() bool {
		closed, err := servers.TestBroker(t).CloseConnections(t.Context(), vhost)
		if err != nil {
			t.Fatal(err)
		}
		return closed > 0
	})
	w.Says(p, "input is lost")
	if err := w.S3.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Says(p, "input is back")
	w.Arrive(n)
	w.Stops(p, 0)
	stored := w.Stored()
	if stored.Twice() > 1 { // the one that it has asked with whether S3 is well
		t.Errorf("%d messages are stored twice although none was being written when the connection died", stored.Twice())
	}
}
