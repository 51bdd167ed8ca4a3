package cost

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// A setting that is read wrongly, or one that is new and not read, makes every number wrong. The examples are what people copy.
func TestWays(t *testing.T) {
	env := func(name string) (string, bool) {
		return map[string]string{"S3_BUCKET": "logs", "AUDIT_BUCKET": "audit"}[name], true
	}
	shared := Settings{Bytes: 16 << 20, Age: 5 * time.Second, MaxPartitions: 1000, MaxInFlight: mostPrefetch, Compression: "gzip"}
	with := func(change func(*Settings)) Settings {
		s := shared
		change(&s)
		return s
	}
	for file, want := range map[string][]Way{
		"pipeline.hcl": {{Output: "output.s3", Settings: with(func(s *Settings) { s.Count, s.Fields = 50, []string{"@date", "source"} })}},
		"examples/branches.hcl": {
			{Output: "audit.output.s3", Settings: with(func(s *Settings) { s.Count, s.Age, s.Fields = 1000, 10*time.Second, []string{"@date"} })},
			{Output: "rest.output.s3", Settings: with(func(s *Settings) { s.Count, s.Fields = 1000, []string{"@date", "source"} })},
		},
	} {
		lookup := func(name string) (string, bool) {
			value, _ := env(name)
			return value, value != ""
		}
		cfg, found := config.Load([]string{"../../../" + file}, config.Options{Plugins: plugins.All, LookupEnv: lookup})
		if found.HasErrors() {
			t.Fatal(found)
		}
		if diff := cmp.Diff(want, Ways(cfg.Pipelines[0].Evaluate(nil))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", file, diff)
		}
	}
}

// All values, and not the defaults alone.
func TestWaysReadAllSettings(t *testing.T) {
	const text = `pipeline "logs" {
  input "amqp" {
    queue       = "a"
    connections = 2
    prefetch    = 300
  }
  input "amqp" {
    queue         = "b"
    max_in_flight = 70
  }
  processor "batch" {
    count          = 20
    bytes          = "3MB"
    age            = "1m30s"
    partition_by   = ["a b", "@hour", "c\"d"]
    max_partitions = 7
    open_messages  = 900
    open_bytes     = "70MiB"
  }
  output "s3" {
    bucket                 = "logs"
    key                    = "${batch.id}"
    endpoint               = "http://127.0.0.1:9000"
    compression            = "zstd"
    storage_class          = "COLD"
    server_side_encryption = "aws:kms"
    bucket_key             = true
  }
}
`
	cfg, found := config.LoadSource("a.hcl", []byte(text), config.Options{Plugins: plugins.All})
	if found.HasErrors() {
		t.Fatal(found)
	}
	want := []Way{{Output: "output.s3", Endpoint: "http://127.0.0.1:9000", Settings: Settings{
		Count: 20, Bytes: 3_000_000, Age: 90 * time.Second, Fields: []string{"a b", "@hour", `c"d`}, MaxPartitions: 7, OpenMessages: 900, OpenBytes: 70 << 20, MaxInFlight: 670,
		Compression: "zstd", StorageClass: "COLD", KMS: true, BucketKey: true,
	}}}
	if diff := cmp.Diff(want, Ways(cfg.Pipelines[0].Evaluate(nil))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	cfg, found = config.LoadSource("a.hcl", []byte(strings.Replace(text, "  processor", "  input \"generator\" {}\n  processor", 1)), config.Options{Plugins: plugins.All})
	if found.HasErrors() {
		t.Fatal(found)
	}
	if got := Ways(cfg.Pipelines[0].Evaluate(nil))[0].Settings.MaxInFlight; got != 0 {
		t.Errorf("one input has no limit, and all together have %d", got)
	}
}
