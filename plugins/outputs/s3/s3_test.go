package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// keyed is the template "PREFIX${batch.id}.ndjson".
func keyed(prefix string) engine.Template {
	return engine.NewTemplate(prefix+"${batch.id}.ndjson", []string{"batch.id"}, func(b *engine.Batch) (string, error) {
		return prefix + b.ID + ".ndjson", nil
	}).Holding("batch.id")
}

// reach is the configuration that reaches a bucket of a server.
func reach(server *servers.S3, bucket string) Config {
	cfg := Defaults()
	cfg.Bucket, cfg.Endpoint, cfg.Region, cfg.Key = bucket, server.Endpoint, server.Region, keyed("logs/")
	cfg.AccessKey, cfg.SecretKey = engine.NewSecret(server.AccessKey), engine.NewSecret(server.SecretKey)
	return cfg
}

func open(tb testing.TB, cfg Config) *output { return openAs(tb, cfg, engine.RoleOutput) }

func openAs(tb testing.TB, cfg Config, role engine.Role) *output {
	tb.Helper()
	if err := cfg.Validate(); err != nil {
		tb.Fatal(err)
	}
	o, err := New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler), Pipeline: "test", Role: role, Version: "1.2.3"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := o.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return o.(*output)
}

var noon = time.Date(2024, 5, 6, 12, 0, 0, 5, time.UTC)

func batchOf(id string, bodies ...string) *engine.Batch {
	b := &engine.Batch{ID: id, Time: noon}
	for i, body := range bodies {
		b.Messages = append(b.Messages, engine.Message{Body: []byte(body), Time: noon.Add(time.Duration(i) * time.Second)})
	}
	return b
}

// objects are the names of all objects in a bucket.
func objects(tb testing.TB, server *servers.S3, bucket string) []string {
	tb.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(server.Client(), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			tb.Fatal(err)
		}
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return keys
}

// ownBucket makes a bucket on a server that is not shared.
func ownBucket(tb testing.TB, server *servers.S3) string {
	tb.Helper()
	name := "logs-" + strings.ToLower(rand.Text()[:10])
	if err := server.MakeBucket(tb.Context(), name); err != nil {
		tb.Fatal(err)
	}
	return name
}

func get(tb testing.TB, server *servers.S3, bucket, key string) (*s3.GetObjectOutput, []byte) {
	tb.Helper()
	out, err := server.Client().GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return out, data
}

// stored are the bodies in an object.
func stored(tb testing.TB, server *servers.S3, bucket, key string, format encode.Format) []string {
	tb.Helper()
	_, data := get(tb, server, bucket, key)
	records, err := encode.ReadAll(bytes.NewReader(data), format, encode.CompressionOf(key))
	if err != nil {
		tb.Fatal(err)
	}
	var bodies []string
	for _, r := range records {
		bodies = append(bodies, string(r.Body))
	}
	return bodies
}

func mustWrite(tb testing.TB, o *output, b *engine.Batch) {
	tb.Helper()
	if err := o.Write(tb.Context(), b); err != nil {
		tb.Fatal(err)
	}
}

// wantError checks that an error is temporary, that it says what an operator needs, and no secret.
func wantError(tb testing.TB, err error, texts ...string) {
	tb.Helper()
	if err == nil {
		tb.Fatal("no error")
	}
	if engine.IsPermanent(err) {
		tb.Errorf("%v: counts as permanent, so good messages would become dead letters", err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			tb.Errorf("%v: does not say %q", err, text)
		}
	}
}

// Law 7: what is read back equals what was sent.
func TestObjectsComeBackByteForByte(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	texts := []string{`{"source":"app1"}`, "", "\xff\x00", "ends with \r", strings.Repeat("long ", 100_000), "grüße"}
	for _, format := range []encode.Format{encode.Lines, encode.Envelope} {
		want := texts
		if format == encode.Envelope {
			want = append([]string{"line\nbreak\n"}, texts...)
		}
		for _, compression := range []encode.Compression{encode.None, encode.Gzip, encode.Zstd} {
			t.Run(string(format)+"/"+string(compression), func(t *testing.T) {
				cfg := reach(server, bucket)
				cfg.Format, cfg.Compression, cfg.Key = string(format), string(compression), keyed(string(format)+"/")
				mustWrite(t, open(t, cfg), batchOf("b1", want...))
				key := string(format) + "/b1.ndjson" + compression.Extension()
				if diff := cmp.Diff(want, stored(t, server, bucket, key, format)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// What readers and operators see of an object beside its text.
func TestObjectDescribesItself(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	for _, row := range []struct{ compression, encoding, contentType, wantType string }{
		{"none", "", "", "application/x-ndjson"},
		{"gzip", "", "", "application/gzip"},
		{"zstd", "", "", "application/zstd"},
		{"gzip", "gzip", "", "application/x-ndjson"},
		{"gzip", "", "text/plain", "text/plain"},
	} {
		cfg := reach(server, bucket)
		cfg.Compression, cfg.ContentEncoding, cfg.ContentType = row.compression, row.encoding, row.contentType
		o := open(t, cfg)
		mustWrite(t, o, batchOf("b 1", "a", "b", "c"))
		key, err := o.key(batchOf("b 1"))
		if err != nil {
			t.Fatal(err)
		}
		out, _ := get(t, server, bucket, key)
		if got := aws.ToString(out.ContentType); got != row.wantType {
			t.Errorf("%+v: content type %q", row, got)
		}
		if got := aws.ToString(out.ContentEncoding); got != row.encoding {
			t.Errorf("%+v: content encoding %q", row, got)
		}
		want := map[string]string{
			"logpipe-batch": "b%201", "logpipe-messages": "3", "logpipe-version": "1.2.3",
			"logpipe-first-time": "2024-05-06T12:00:00.000000005Z", "logpipe-last-time": "2024-05-06T12:00:02.000000005Z",
		}
		if diff := cmp.Diff(want, out.Metadata); diff != "" {
			t.Error(diff)
		}
	}
}

// A message that cannot be a line must not hold up the others.
func TestLineBreakIsRejectedAndTheRestStored(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	o := open(t, reach(server, bucket))
	mustWrite(t, o, batchOf("b1", "a", "b\nc", "d"))
	if diff := cmp.Diff([]string{"a", "d"}, stored(t, server, bucket, "logs/b1.ndjson", encode.Lines)); diff != "" {
		t.Error(diff)
	}
	mustWrite(t, o, batchOf("b2", "only\n"))
	if diff := cmp.Diff([]string{"logs/b1.ndjson"}, objects(t, server, bucket)); diff != "" {
		t.Errorf("a batch without any message left an object: %s", diff)
	}
}

// A dead letter that cannot take a message would hold it for ever.
func TestDeadLetterTakesEverythingWithItsReason(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	o := openAs(t, reach(server, bucket), engine.RoleDeadLetter)
	b := batchOf("b1", "line\nbreak", "\xff")
	b.Reasons = []error{errors.New("not JSON"), nil}
	mustWrite(t, o, b)
	_, data := get(t, server, bucket, "logs/b1.ndjson")
	records, err := encode.ReadAll(bytes.NewReader(data), encode.Envelope, encode.None)
	if err != nil {
		t.Fatal(err)
	}
	want := []encode.Record{{Body: []byte("line\nbreak"), Time: noon, Reason: "not JSON"}, {Body: []byte("\xff"), Time: noon.Add(time.Second)}}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Error(diff)
	}
	cfg := reach(server, bucket)
	cfg.Format = "lines"
	if _, err := New(cfg, engine.Env{Role: engine.RoleDeadLetter}); err == nil {
		t.Error("a dead letter with format lines was made")
	}
}

// A batch that is written again, by this process or the next, replaces its own object by the same bytes.
func TestSameBatchSameObject(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	cfg := reach(server, bucket)
	cfg.Compression, cfg.Format = "gzip", "envelope"
	b := batchOf("b1", "a", "b")
	mustWrite(t, open(t, cfg), b)
	_, first := get(t, server, bucket, "logs/b1.ndjson.gz")
	mustWrite(t, open(t, cfg), b)
	_, second := get(t, server, bucket, "logs/b1.ndjson.gz")
	if !bytes.Equal(first, second) {
		t.Error("the second attempt wrote other bytes")
	}
	if n := len(objects(t, server, bucket)); n != 1 {
		t.Errorf("there are %d objects", n)
	}
}

// Values of partitions come from the logs: no character that a template lets through may get lost on the way.
func TestKeysWithOddCharacters(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	for i, source := range []string{"a b+c", "a?b#c", "%2e%2e", "%0A", "ä", "日本", "*'()!", "&amp;<>", "~", `"`, "a=b", "a:b;c,d@e$f", "^`{|}[]"} {
		prefix := "logs/" + source + "/"
		cfg := reach(server, bucket)
		cfg.Key = keyed(prefix)
		id := fmt.Sprintf("b%d", i)
		if err := open(t, cfg).Write(t.Context(), batchOf(id, source)); err != nil {
			t.Errorf("source %q: %v", source, err)
			continue
		}
		if diff := cmp.Diff([]string{source}, stored(t, server, bucket, prefix+id+".ndjson", encode.Lines)); diff != "" {
			t.Errorf("source %q: %s", source, diff)
		}
	}
}

// Workers share the client: none may get another's bytes.
func TestWorkersBesideEachOther(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	cfg := reach(server, bucket)
	cfg.Compression = "gzip"
	o := open(t, cfg)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 5 {
				id := fmt.Sprintf("w%d-%d", w, i)
				if err := o.Write(t.Context(), batchOf(id, id, strings.Repeat(id, 10_000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	keys := objects(t, server, bucket)
	if len(keys) != 40 {
		t.Errorf("there are %d objects", len(keys))
	}
	for _, key := range keys {
		id := strings.TrimSuffix(strings.TrimPrefix(key, "logs/"), ".ndjson.gz")
		if diff := cmp.Diff([]string{id, strings.Repeat(id, 10_000)}, stored(t, server, bucket, key, encode.Lines)); diff != "" {
			t.Errorf("%s holds other text", key)
		}
	}
}

// Checksums in all modes, on a body below and one above the size from which the SDK asks before it sends.
func TestChecksumModes(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	for _, mode := range []string{"auto", "always", "required"} {
		for name, size := range map[string]int{"small": 10, "large": 3 << 20} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				cfg := reach(server, bucket)
				cfg.Checksum = mode
				text := strings.Repeat("x", size)
				mustWrite(t, open(t, cfg), batchOf(mode+name, text))
				if got := stored(t, server, bucket, "logs/"+mode+name+".ndjson", encode.Lines); len(got) != 1 || got[0] != text {
					t.Error("other text came back")
				}
			})
		}
	}
}

func BenchmarkPut(b *testing.B) {
	server, bucket := servers.TestS3(b), servers.Bucket(b)
	for _, n := range []int{50, 1000, 5000} {
		for _, compression := range []string{"none", "gzip", "zstd"} {
			b.Run(fmt.Sprintf("%s/%d", compression, n), func(b *testing.B) {
				cfg := reach(server, bucket)
				cfg.Compression = compression
				o := open(b, cfg)
				batch := batchOf("bench")
				for i := range n {
					batch.Messages = append(batch.Messages, engine.Message{Time: noon, Body: fmt.Appendf(nil,
						`{"timestamp":"2024-05-06T12:00:00Z","source":"app%d","event":"login_failed","count":%d,"seq":%d,"pad":%q}`, i%3, i%5, i, strings.Repeat("x", 157))}) // about 262 bytes
				}
				b.ReportAllocs()
				b.SetBytes(batch.Bytes())
				before := cpu(b)
				for b.Loop() {
					if err := o.Write(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N)*1e6, "cpu-us/put")
			})
		}
	}
}

// cpu is the CPU time that this process has used.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A connection for each object costs a handshake each, and ports that are free again only after a minute: a busy pipeline would run out of them.
func TestConnectionsAreUsedAgain(t *testing.T) {
	server, bucket := servers.TestS3(t), servers.Bucket(t)
	o := open(t, reach(server, bucket))
	const workers, each = 3, 20
	var made atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !c.Reused {
			made.Add(1)
		}
	}})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				if err := o.Write(ctx, batchOf(fmt.Sprintf("%d-%d", w, i), "x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	// A connection is free a moment after its answer: then another one may be made meanwhile.
	if n := made.Load(); n > 2*workers {
		t.Errorf("%d connections for %d objects of %d workers", n, workers*each, workers)
	}
}
