package s3

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/engine/enginetest"
	"github.com/logpipe/logpipe/plugins/internal/encode"
	"github.com/logpipe/logpipe/test/servers"
)

// What every output must pass, in both formats and all compressions.
func TestOutputSuite(t *testing.T) {
	server := servers.OwnS3(t)
	for _, row := range []struct {
		format      encode.Format
		compression encode.Compression
	}{{encode.Lines, encode.None}, {encode.Lines, encode.Gzip}, {encode.Lines, encode.Zstd}, {encode.Envelope, encode.None}, {encode.Envelope, encode.Gzip}} {
		t.Run(string(row.format)+" "+string(row.compression), func(t *testing.T) {
			buckets := map[string]string{} // of each test
			enginetest.TestOutput(t, enginetest.OutputSuite{
				Idempotent: true,
				New: func(t *testing.T) engine.Output {
					if buckets[t.Name()] == "" {
						buckets[t.Name()] = ownBucket(t, server)
					}
					cfg := reach(server, buckets[t.Name()])
					cfg.Format, cfg.Compression = string(row.format), string(row.compression)
					o, err := New(cfg, engine.Env{Log: slog.New(slog.DiscardHandler), Role: engine.RoleOutput})
					if err != nil {
						t.Fatal(err)
					}
					return o
				},
				Stored: func(t *testing.T) [][]byte {
					bucket := buckets[t.Name()]
					var bodies [][]byte
					for _, key := range objects(t, server, bucket) {
						_, data := get(t, server, bucket, key)
						records, err := encode.ReadAll(bytes.NewReader(data), row.format, row.compression)
						if err != nil {
							t.Fatal(err)
						}
						for _, r := range records {
							bodies = append(bodies, r.Body)
						}
					}
					return bodies
				},
				Break: func(t *testing.T) {
					if err := server.Stop(t.Context()); err != nil {
						t.Fatal(err)
					}
				},
				Mend: func(t *testing.T) {
					if err := server.Start(t.Context()); err != nil {
						t.Fatal(err)
					}
				},
			})
		})
	}
}
