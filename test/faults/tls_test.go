package faults

import (
	"crypto/tls"
	"net/url"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/world"
)

// secured is pipeline.hcl with TLS to both sides. What is not set is left out.
func secured(t *testing.T) string {
	broker := `
    tls {
      ca   = env("BROKER_CA", "")
      cert = env("CLIENT_CERT", "")
      key  = env("CLIENT_KEY", "")
    }
`
	text := edited(t, `age          = "5s"`, `age = "1s"`, `queue = env("RABBITMQ_QUEUE", "log_queue")`, `queue = "log_queue"`+broker,
		`    exchange = "dlx"`, `    exchange = "dlx"`+broker, `compression = "gzip" # .gz is appended to the key`, `#S3`)
	return text
}

// Neither the broker nor S3 is believed without a certificate of an authority that is known, and a broker that wants one gets the client's.
// Until all is right nothing is lost: it waits in the queue, then in the file, and then it flows.
func TestTLS(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	known := newAuthority(t)
	server, _, _ := known.issue("server")
	_, cert, key := known.issue("client")
	u, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal("the virtual host has an odd URL")
	}
	u.Host = tlsFront(t, u.Host, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known.pool()})
	u.Scheme = "amqps"
	endpoint := "https://" + tlsFront(t, strings.TrimPrefix(w.S3.Endpoint, "http://"), &tls.Config{Certificates: []tls.Certificate{server}})
	env := append(w.Env("RETRY_LIMIT=1"), "RABBITMQ_URL="+u.String(), "S3_ENDPOINT="+endpoint)
	const n = 1_000
	w.Produce(n, "INVALID_EVERY=10")

	untrusted := strings.Replace(secured(t), "#S3", "", 1)
	trusted := strings.Replace(secured(t), "#S3", "tls {\n      ca = env(\"BROKER_CA\")\n    }", 1)
	refused := func(file, line, why string, env []string) {
		t.Helper()
		p := w.Start(env, w.Config(file))
		if got := w.Says(p, line).Text("error"); !strings.Contains(got, why) {
			t.Errorf("%q does not say %q", got, why)
		}
		if line == "output fails" {
			w.Until("all is safe in the file", func() bool { return len(w.InFallback().Count) == n-n/10 })
		}
		w.Stops(p, 0)
	}
	refused(untrusted, "input is lost", "an authority that is not known", env)
	env = append(env, "BROKER_CA="+known.file)
	refused(untrusted, "input is lost", "client certificate", env)
	if got := w.Depth("log_queue"); got != n {
		t.Errorf("%d of %d messages are left in the queue of a broker that nobody has trusted", got, n)
	}
	env = append(env, "CLIENT_CERT="+cert, "CLIENT_KEY="+key)
	refused(untrusted, "output fails", "is not trusted", env)
	if got := len(w.Keys()); got > 0 {
		t.Errorf("a server that is not trusted got %d objects", got)
	}

	p := w.Start(env, w.Config(trusted))
	w.Until("the fallback is home", func() bool { return w.InFallback().Places == 0 })
	w.Says(p, "input is open")
	w.Produce(n, "INVALID_EVERY=10") // the same numbers again
	w.Taken("log_queue")
	w.Stops(p, 0)
	if all := w.Account(n, "log_queue", "log_dlq"); all.Total() != 2*n {
		t.Errorf("%d messages arrived, want %d", all.Total(), 2*n)
	}
}
