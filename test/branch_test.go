package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/tally"
	"github.com/logpipe/logpipe/test/world"
)

// branched writes all messages to a bucket and to a file.
const branched = `
pipeline "logs" {
  input "amqp" {
    url      = env("RABBITMQ_URL")
    queue    = "log_queue"
    prefetch = 8000
  }
  processor "json" {}
  branch "bucket" {
    processor "batch" {
      count = 100
      age   = "200ms"
    }
    processor "retry" {
      attempts = 1
    }
    output "s3" {
      bucket   = env("S3_BUCKET")
      endpoint = env("S3_ENDPOINT")
      key      = "logs/${batch.id}.ndjson"
    }
    FALLBACK
  }
  branch "disk" {
    processor "batch" {
      count = 100
      age   = "200ms"
    }
    output "file" {
      path = "FILE"
    }
  }
  dead_letter "amqp" {
    url         = env("RABBITMQ_URL")
    routing_key = "log_dlq"
  }
}
`

// While the bucket is down the file gets what is sent, and nothing that the bucket does not have is acked; when it is back, all is in both, and
// nothing is in the file twice. With a fallback the messages are settled meanwhile, and come home to the bucket's branch alone.
func TestOneBranchIsDown(t *testing.T) {
	for name, fallback := range map[string]string{"held": "", "fallen back": "fallback \"file\" {\n      path = \"FALLBACK_FILE\"\n    }"} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t)
			w.OwnS3()
			file := filepath.Join(w.Dir, "all.ndjson")
			text := strings.ReplaceAll(branched, "FALLBACK", strings.ReplaceAll(fallback, "FALLBACK_FILE", w.Fallback()))
			p := w.Start(w.Env(), w.Config(strings.ReplaceAll(text, "FILE", file)))
			w.Says(p, "input is open")
			const n = 6_000
			w.Publish("", "log_queue", 1, n/2)
			w.Arrive(n / 2)
			if err := w.S3.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.Publish("", "log_queue", n/2+1, n)
			w.Says(p, "output fails")
			inFile := func() *tally.Tally { return linesOf(t, file) }
			w.Until("the file has all", func() bool { return inFile().Total() == n })
			if fallback == "" {
				w.Until("the broker has counted that half of them are unacked", func() bool { return w.Unacked("log_queue") >= n/2 })
			} else {
				w.Until("all are settled", func() bool { return w.Unacked("log_queue") == 0 && w.InFallback().Total() == n/2 })
			}
			if err := w.S3.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.Says(p, "output is well again")
			w.Arrive(n)
			if fallback != "" {
				w.Until("the fallback is empty", func() bool { return w.InFallback().Places == 0 })
			}
			w.Stops(p, 0)
			w.Complete(n, w.Stored())
			w.Complete(n, inFile())
			if in, stored := inFile().Twice(), w.Stored().Twice(); in+stored > 0 {
				t.Errorf("%d messages are twice in the file, %d in the bucket", in, stored)
			}
		})
	}
}

// linesOf counts the messages in a file.
func linesOf(t *testing.T, path string) *tally.Tally {
	t.Helper()
	found := tally.New()
	f, err := os.Open(path)
	if err != nil {
		return found
	}
	defer f.Close()
	if err := found.Lines(f); err != nil {
		t.Fatal(err)
	}
	return found
}
