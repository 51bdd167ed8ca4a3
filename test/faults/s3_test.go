package faults

import (
	"net/http"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/world"
)

// refusal is what an S3 server may answer instead of storing. Each of them passes.
type refusal struct {
	name  string
	fault proxy.Fault
	says  string // in the log
}

var refusals = []refusal{
	{"503 SlowDown", proxy.Answer(503, "SlowDown", "Please reduce your request rate."), "SlowDown"},
	{"500 InternalError", proxy.Answer(500, "InternalError", "We encountered an internal error."), "InternalError"},
	{"403 AccessDenied", proxy.Answer(403, "AccessDenied", "Access Denied"), "access denied"},
	{"400 ExpiredToken", proxy.Answer(400, "ExpiredToken", "The provided token has expired."), "expired"},
	{"404 NoSuchBucket", proxy.Answer(404, "NoSuchBucket", "The specified bucket does not exist"), "no bucket"},
	{"301 wrong region", redirect, "region"},
	{"403 clock skew", proxy.Answer(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."), "clock"},
	{"507 out of disk", proxy.Answer(507, "InsufficientStorage", "no space left on device"), "storage is full"},
	{"an HTML page", page, "S3"},
	{"hangs up at once", proxy.HangUp(0), "connection"},
	{"hangs up in the body", proxy.HangUp(100), "connection"},
	{"hangs with the answer", proxy.Hang, "no answer"},
}

// Logs must go to the file meanwhile and come home, none may become a dead letter, and none may be there twice.
func TestS3Refuses(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			store := w.ThroughStore()
			const n = 1_000
			p := w.Start(w.Env("RETRY_LIMIT=1", "BATCH_SIZE=100"), w.Config(edited(t, "workers ", "timeout = \"2s\"\n    workers ")))
			w.Says(p, "input is open")
			store.Break(c.fault)
			w.Produce(n)
			if line := w.Says(p, "output fails"); !strings.Contains(strings.ToLower(line.Text("error")), strings.ToLower(c.says)) {
				t.Errorf("the error does not say %q but %q", c.says, line.Text("error"))
			}
			w.Until("all is safe in the file", func() bool { return len(w.InFallback().Count) == n })
			w.Taken("log_queue")
			store.Heal()
			w.Says(p, "output is well again")
			w.ComesHome(p)
			all := w.Account(n, "log_queue")
			if all.Twice() != 0 {
				t.Errorf("%d messages are there twice", all.Twice())
			}
			if dead := w.Queue("log_dlq"); dead.Total() != 0 {
				t.Errorf("%d good messages are dead letters", dead.Total())
			}
		})
	}
}

// redirect is how S3 answers for a bucket of another region.
func redirect(ctx proxy.Context, w http.ResponseWriter, r *http.Request, pass http.Handler) error {
	w.Header().Set("x-amz-bucket-region", "eu-central-1")
	return proxy.Answer(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.")(ctx, w, r, pass)
}

// page is how something else answers, which is no S3 server.
func page(_ proxy.Context, w http.ResponseWriter, r *http.Request, _ http.Handler) error {
	_, err := w.Write([]byte("<html>Welcome</html>"))
	return err
}

// An upload that is stored and whose answer is lost is done again under the same key: else there are two objects.
func TestS3LosesTheAnswer(t *testing.T) {
	for name, fault := range map[string]proxy.Fault{"before it": proxy.LoseAnswer, "within it": proxy.HangUpInAnswer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			store := w.ThroughStore()
			const n = 2_000
			store.Break(fault)
			p := w.Start(w.Env("RETRY_LIMIT=2", "BATCH_SIZE=100"), "pipeline.hcl")
			w.Produce(n)
			w.Says(p, "output fails")
			w.Taken("log_queue")
			w.Until("all is safe in the file", func() bool { return len(w.InFallback().Count) == n })
			if len(w.Stored().Count) == 0 {
				t.Error("nothing is stored, so the test is not about lost answers")
			}
			store.Heal()
			w.ComesHome(p)
			if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
				t.Errorf("%d messages are there twice", all.Twice())
			}
		})
	}
}

// A slow way to S3 costs time and nothing else: the queue keeps what does not get through.
func TestS3IsSlow(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	store := w.ThroughStore()
	const n = 300
	store.Break(proxy.Slow(1 << 10)) // 1 KiB a second
	p := w.Start(w.Env("BATCH_SIZE=50"), "pipeline.hcl")
	w.Produce(n)
	w.Until("all is stored", func() bool { return len(w.Stored().Count) == n })
	store.Heal()
	w.Stops(p, 0)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice", all.Twice())
	}
}

// The original's case: nobody has given credentials yet. Logs wait in the file, not in memory and not among the dead letters.
func TestS3WithoutCredentials(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	const n = 500
	env := w.Env("RETRY_LIMIT=1", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "AWS_CONFIG_FILE=/nonexistent")
	p := w.Start(env, "pipeline.hcl")
	w.Produce(n)
	if line := w.Says(p, "output fails"); !strings.Contains(line.Text("error"), "no credentials") {
		t.Errorf("the error is %q", line.Text("error"))
	}
	w.Until("all is safe in the file", func() bool { return len(w.InFallback().Count) == n })
	w.Stops(p, 0)
	p = w.Start(w.Env(), "pipeline.hcl")
	w.ComesHome(p)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice", all.Twice())
	}
}

// Down at start, for long under load, and then back.
func TestS3DownForLong(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	own := w.OwnS3()
	if err := own.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	const n = 50_000
	p := w.Start(w.Env("RETRY_LIMIT=1", "BATCH_SIZE=500"), "pipeline.hcl")
	w.Produce(n)
	w.Says(p, "output fails")
	w.Until("all is safe in the file", func() bool { return len(w.InFallback().Count) == n })
	w.Taken("log_queue")
	if err := own.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ComesHome(p)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Twice() != 0 {
		t.Errorf("%d messages are there twice", all.Twice())
	}
}

// A bucket that is made later.
func TestBucketMadeLater(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.OwnS3()
	w.Bucket = "later"
	const n = 500
	p := w.Start(w.Env("RETRY_LIMIT=1"), "pipeline.hcl")
	w.Produce(n)
	if line := w.Says(p, "output fails"); !strings.Contains(line.Text("error"), "there is no bucket") {
		t.Errorf("the error is %q", line.Text("error"))
	}
	if err := w.S3.MakeBucket(t.Context(), w.Bucket); err != nil {
		t.Fatal(err)
	}
	w.Until("all is stored", func() bool { return len(w.Stored().Count) == n })
	w.ComesHome(p)
	w.Account(n, "log_queue", "log_dlq")
}
