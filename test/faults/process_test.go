package faults

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// A rolling update: SIGTERM in the middle of the flow, again and again. Each drain is clean, so nothing is lost and nothing is there twice.
func TestTerminateUnderLoad(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n = 60_000
	var producer *process.Process
	for range 3 {
		p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
		w.Says(p, "input is open")
		if producer == nil {
			producer = w.Producer(n, "RATE=10000")
		}
		from := len(w.Keys())
		w.Until("it stores something", func() bool { return len(w.Keys()) > from })
		w.Stops(p, 0)
	}
	w.Exits(producer, 0)
	p := w.Start(w.Env("BATCH_SIZE=200"), "pipeline.hcl")
	w.Says(p, "input is open")
	w.Taken("log_queue")
	w.Stops(p, 0)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice after drains", all.Twice())
	}
}

// SIGTERM while S3 hangs: drain_timeout ends the uploads, and the file takes what they have.
func TestTerminateWhileS3Hangs(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Hang)
	const n = 1_000
	p := w.Start(w.Env("BATCH_SIZE=50"), w.Config(edited(t, `pipeline "logs" {`, "pipeline \"logs\" {\n  drain_timeout = \"4s\"")))
	w.Says(p, "input is open")
	w.Produce(n)
	w.Taken("log_queue")
	w.Until("uploads hang", func() bool { return store.Met() > 0 })
	began := time.Now()
	w.Stops(p, 0)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the drain took %v of 4s", took)
	}
	if len(w.InFallback().Count) == 0 {
		t.Error("nothing is in the file")
	}
	if all := w.Account(n, "log_queue"); all.Twice() != 0 {
		t.Errorf("%d messages went back although the file has them", all.Twice())
	}
}

// The same without a fallback: the broker has all of it again, and the exit code says so.
func TestTerminateWhileS3HangsWithoutFallback(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Hang)
	const n = 400
	p := w.Start(w.Env(), w.Config(held))
	w.Produce(n)
	w.Taken("log_queue")
	w.Until("uploads hang", func() bool { return store.Met() > 0 })
	w.Stops(p, 4)
	w.Until("the queue has it again", func() bool { return w.Depth("log_queue") == n })
	w.Account(n, "log_queue")
}

// held is a pipeline that can only hold what S3 does not take.
const held = `
pipeline "held" {
  drain_timeout = "2s"
  input "amqp" {
    url                 = env("RABBITMQ_URL")
    queue               = "log_queue"
    max_in_flight_bytes = "8MiB"
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

// A process without file descriptors can open no connection and no file. It holds what it has until there are some.
func TestOutOfFileDescriptors(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n = 2_000
	p := w.Start(w.Env("RETRY_LIMIT=1"), "pipeline.hcl")
	w.Says(p, "input is open")
	open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(p.PID()), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	limit := func(now uint64) {
		var old unix.Rlimit
		if err := unix.Prlimit(p.PID(), unix.RLIMIT_NOFILE, nil, &old); err != nil {
			t.Fatal(err)
		}
		if err := unix.Prlimit(p.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: now, Max: old.Max}, nil); err != nil {
			t.Fatal(err)
		}
	}
	limit(uint64(len(open)))
	w.Produce(n)
	w.Says(p, "batch can be written nowhere")
	limit(1024)
	w.Until("all is stored", func() bool { return len(w.Stored().Count)+len(w.InFallback().Count) >= n })
	w.ComesHome(p)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice", all.Twice())
	}
}

// S3 is down, there is no fallback, and the queue is long: the memory stays what max_in_flight_bytes bounds, for as long as that takes.
func TestMemoryWhileS3IsDown(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	store.Break(proxy.Answer(503, "SlowDown", "Please reduce your request rate."))
	const n, size = 60_000, 2_000 // 120 MB, in a window of 8 MiB
	p := w.Start(w.Env("GOMEMLIMIT=64MiB"), w.Config(held))
	w.Produce(n, "MESSAGE_SIZE=2000")
	w.Says(p, "batch can be written nowhere")
	kept, since := 0, time.Now()
	w.Until("the intake has stopped", func() bool {
		if depth := w.Depth("log_queue"); depth != kept {
			kept, since = depth, time.Now()
		}
		return kept > n/2 && time.Since(since) > 5*time.Second
	})
	peak := peakMemory(t, p.PID())
	t.Logf("the queue keeps %d of %d messages of %d bytes; the peak is %d MiB", kept, n, size, peak>>20)
	if peak > 100<<20 {
		t.Errorf("the peak of the memory is %d MiB; the window is 8 MiB", peak>>20)
	}
	store.Heal()
	w.Until("all is stored", func() bool { return w.Depth("log_queue") == 0 })
	w.Stops(p, 0)
	w.Account(n, "log_queue")
}

// peakMemory is the most that the process had in memory so far.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}
