package admin

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/engine/stats"
	"github.com/logpipe/logpipe/plugins"
)

// fleet is the pipeline of pipeline.hcl so many times, each with logs on the way, as one that has not failed yet.
func fleet(t *testing.T, n int) *stats.Set {
	t.Helper()
	env := func(name string) (string, bool) { return "logs", name == "S3_BUCKET" }
	c, mistakes := config.Load([]string{"../../pipeline.hcl"}, config.Options{Plugins: plugins.All, LookupEnv: env})
	if mistakes.HasErrors() {
		mistakes.WriteText(t.Output(), false, 0)
		t.FailNow()
	}
	var all []*stats.Pipeline
	for i := range n {
		all = append(all, atWork(stats.NewPipeline(fmt.Sprintf("tenant-%03d", i), c.Pipelines[0].Places())))
	}
	set := &stats.Set{}
	set.Replace(all)
	return set
}

// atWork moves some thousand messages through the counters.
func atWork(p *stats.Pipeline) *stats.Pipeline {
	p.Observe(engine.Event{Kind: engine.Started})
	p.Observe(engine.Event{Kind: engine.Opened, Plugin: "input.amqp"})
	for i := range 40 {
		n, took := 100+i, time.Duration(i*i+1)*time.Millisecond
		p.Observe(engine.Event{Kind: engine.Received, Plugin: "input.amqp", Messages: n, Bytes: int64(300 * n)})
		p.Observe(engine.Event{Kind: engine.Sealed, Plugin: "output.s3", Messages: n, Bytes: int64(300 * n), Cause: engine.SealedByAge})
		p.Observe(engine.Event{Kind: engine.Attempt, Plugin: "output.s3", Messages: n, Stored: n, Bytes: int64(300 * n), Took: took, Time: time.Now().Add(-took)})
		p.Observe(engine.Event{Kind: engine.Settled, Plugin: "input.amqp", Messages: n, Bytes: int64(300 * n), Took: took})
		p.Observe(engine.Event{Kind: engine.Acked, Plugin: "input.amqp", Messages: 1})
	}
	return p
}

// wireBytes is how many bytes were read.
type wireBytes struct {
	io.Reader
	n int
}

func (c *wireBytes) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func unpacked(t *testing.T, packed io.Reader) []byte {
	t.Helper()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A scraper gives up on an answer that is too large or too slow, and then nobody is called for any of the pipelines. What goes over the wire is
// packed, because every scraper asks for that; what it unpacks is bounded too, by what 500 pipelines had when this was written and a little more.
func TestMetricsOfManyPipelinesStaySmall(t *testing.T) {
	const pipelines, mostSent, mostUnpacked = 500, 3_000_000, 10_500_000
	server := New(Options{Set: fleet(t, pipelines), Version: "v1.2.3"})
	here := httptest.NewServer(server.guard(server.mux, true))
	defer here.Close()
	for name, format := range map[string]expfmt.Format{"text": "", "OpenMetrics": expfmt.NewFormat(expfmt.TypeOpenMetrics), "protobuf": expfmt.NewFormat(expfmt.TypeProtoDelim)} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, here.URL+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", string(format))
		r.Header.Set("Accept-Encoding", "gzip") // set here it is not undone on the way
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		wire := &wireBytes{Reader: response.Body}
		text := unpacked(t, wire)
		_ = response.Body.Close()
		if response.Header.Get("Content-Encoding") != "gzip" || wire.n > mostSent || len(text) > mostUnpacked {
			t.Errorf("%s: %d bytes, %d unpacked; at most %d and %d", name, wire.n, len(text), mostSent, mostUnpacked)
		}
		t.Logf("%s: %d bytes, %d unpacked", name, wire.n, len(text))
		if name == "protobuf" {
			continue
		}
		for _, i := range []int{0, pipelines - 1} {
			want := fmt.Sprintf(`logpipe_write_errors_total{class="throttled",pipeline="tenant-%03d",plugin="s3",role="output"} 0`, i)
			if !bytes.Contains(text, []byte("\n"+want)) {
				t.Errorf("%s has no line %s", name, want)
			}
		}
	}
}
