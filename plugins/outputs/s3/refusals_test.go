package s3

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
	ways "github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/stores"
)

// What any store may answer instead of storing; test/faults has most of them with the whole pipeline.
var refusals = map[string]ways.Fault{
	"503 SlowDown":          ways.Answer(503, "SlowDown", "Please reduce your request rate."),
	"500 InternalError":     ways.Answer(500, "InternalError", "We encountered an internal error."),
	"403 AccessDenied":      ways.Answer(403, "AccessDenied", "Access Denied"),
	"400 ExpiredToken":      ways.Answer(400, "ExpiredToken", "The provided token has expired."),
	"404 NoSuchBucket":      ways.Answer(404, "NoSuchBucket", "The specified bucket does not exist"),
	"301 wrong region":      ways.Answer(301, "PermanentRedirect", "The bucket must be addressed using the specified endpoint."),
	"403 clock skew":        ways.Answer(403, "RequestTimeTooSkewed", "The difference is too large."),
	"507 out of disk":       ways.Answer(507, "InsufficientStorage", "no space left on device"),
	"hangs up at once":      ways.HangUp(0),
	"hangs up in the body":  ways.HangUp(10),
	"loses the answer":      ways.LoseAnswer,
	"hangs with the answer": ways.Hang,
	"an HTML page": func(_ ways.Context, w http.ResponseWriter, _ *http.Request, _ http.Handler) error {
		_, err := w.Write([]byte("<html>Welcome</html>"))
		return err
	},
}

// Against each kind of store every refusal passes: it is no fault of the messages, and the same output stores the same batch as one object once the
// store is well. Else logs would be dead letters, or stay in the file.
func TestRefusalsPassAtEachStore(t *testing.T) {
	for _, front := range stores.Fronts() {
		t.Run(front.Name, func(t *testing.T) {
			store := stores.Start(t, front)
			way := ways.NewStore(t, store.URL)
			cfg := at(store)
			settings[front.Settings](&cfg)
			cfg.Endpoint = way.URL
			o := open(t, cfg)
			ids := 0
			for name, fault := range refusals {
				id := "b" + strings.Repeat("x", ids)
				ids++
				way.Break(fault)
				if name == "hangs with the answer" {
					o.cfg.Timeout = 200 * time.Millisecond
				}
				if err := o.Write(t.Context(), batchOf(id, "a", "b")); err == nil || engine.IsPermanent(err) || engine.IsTooLarge(err) {
					t.Errorf("%s: %v", name, err)
				}
				way.Heal()
				o.cfg.Timeout = time.Minute
				patiently(t, o, batchOf(id, "a", "b"))
				if got := string(store.Objects("logs")["logs/"+id+".ndjson"].Body); got != "a\nb\n" {
					t.Errorf("%s: stored is %q", name, got)
				}
			}
			if n := len(store.Objects("logs")); n != len(refusals) {
				t.Errorf("%d batches are %d objects", len(refusals), n)
			}
		})
	}
}
