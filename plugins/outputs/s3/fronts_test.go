package s3

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
	"github.com/logpipe/logpipe/test/stores"
)

// at is the configuration that reaches the bucket of a fake store.
func at(s *stores.Store) Config {
	cfg := reach(s.Server(), "logs")
	cfg.Endpoint = s.URL
	if s.CA != "" {
		cfg.TLS = &TLS{CA: s.CA}
	}
	return cfg
}

// A front that changes headers on the way takes nothing if they are signed: logs would go to the file for ever, and the operator would look
// for a wrong key.
func TestChangedHeadersAreNotSigned(t *testing.T) {
	for name, start := range map[string]func(testing.TB, stores.Front) *stores.Store{"http": stores.Start, "https": stores.StartTLS} {
		t.Run(name, func(t *testing.T) {
			store := start(t, stores.Google())
			o := open(t, at(store))
			if err := o.Check(t.Context()); err != nil {
				t.Error(err)
			}
			large := strings.Repeat("x", 2<<20+1)
			mustWrite(t, o, batchOf("b1", "a", "b"))
			mustWrite(t, o, batchOf("b2", large))
			got := map[string]string{}
			for key, object := range store.Objects("logs") {
				got[key] = string(object.Body)
			}
			want := map[string]string{"logs/b1.ndjson": "a\nb\n", "logs/b2.ndjson": large + "\n"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			for _, asked := range store.Asked() {
				if e := asked.Header["Accept-Encoding"]; len(e) != 1 || e[0] != "identity" {
					t.Errorf("%s %s asks for the encodings %q: an object that is unpacked on the way", asked.Method, asked.Path, e)
				}
			}
		})
	}
}

// settings are those of stores.Front as changes of a configuration.
var settings = map[string]func(*Config){
	"":                                  func(*Config) {},
	`region = "auto"`:                   func(c *Config) { c.Region = "auto" },
	`region = "eu-central-003"`:         func(c *Config) { c.Region = "eu-central-003" },
	`checksum = "always"`:               func(c *Config) { c.Checksum = "always" },
	`acl = "bucket-owner-full-control"`: func(c *Config) { c.ACL = "bucket-owner-full-control" },
	`request_payer = true`:              func(c *Config) { c.RequestPayer = true },
}

// Each kind of store takes uploads of all sizes with the settings that the documents name, and what is fetched is what was sent.
func TestFronts(t *testing.T) {
	for _, tls := range []bool{false, true} {
		for _, front := range stores.Fronts() {
			t.Run(fmt.Sprintf("%s/tls %v", front.Name, tls), func(t *testing.T) {
				store := startOf(tls)(t, front)
				cfg := at(store)
				change, ok := settings[front.Settings]
				if !ok {
					t.Fatalf("the test does not know the setting %s", front.Settings)
				}
				change(&cfg)
				cfg.Metadata = map[string]string{"env": "prod"} // which all of them keep
				o := open(t, cfg)
				large := strings.Repeat("x", 2<<20+1)
				for _, b := range []*engine.Batch{batchOf("b1", "a", "b"), batchOf("b2", large), batchOf("odd 'ä+%=", "c")} {
					patiently(t, o, b)
				}
				got := map[string]string{}
				for key, object := range store.Objects("logs") {
					got[key] = string(object.Body)
				}
				want := map[string]string{"logs/b1.ndjson": "a\nb\n", "logs/b2.ndjson": large + "\n", "logs/odd 'ä+%=.ndjson": "c\n"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func startOf(tls bool) func(testing.TB, stores.Front) *stores.Store {
	if tls {
		return stores.StartTLS
	}
	return stores.Start
}

// patiently tries as a pipeline does, with what asks to be tried again.
func patiently(t *testing.T, o *output, b *engine.Batch) {
	t.Helper()
	var err error
	for range 4 {
		if err = o.Write(t.Context(), b); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "asks to slow down") && !strings.Contains(err.Error(), "overloaded") {
			break
		}
	}
	t.Fatal(err)
}

// What a store refuses for the sake of a setting names the setting: else the logs wait for somebody who knows that store.
func TestRefusalsNameTheSetting(t *testing.T) {
	always := func(c *Config) { c.Checksum = "always" }
	tags := func(c *Config) { c.Tags = map[string]string{"team": "x"} }
	private := func(c *Config) { c.ACL = "private" }
	for _, row := range []struct {
		front  stores.Front
		tls    bool
		change func(*Config)
		want   string
	}{
		{stores.ObjectLock(), false, nil, `set checksum = "always"`},
		{stores.DemandsChecksum(), false, nil, `set checksum = "always"`},
		{stores.R2(), true, always, `set checksum = "required"`},
		{stores.R2(), false, private, "the server does not take the ACL: leave acl out"},
		{stores.R2(), false, tags, "the server does not take tags: leave it out"},
		{stores.R2(), false, func(c *Config) { c.RequestPayer = true }, "the server does not take request_payer: leave it out"},
		{stores.R2(), false, func(c *Config) { c.ServerSideEncryption, c.BucketKey = "aws:kms", true }, "the server does not take "},
		{stores.R2(), false, func(c *Config) { c.Region = "eu-west-1" }, "expecting 'auto'"},
		{stores.B2(), false, always, `set checksum = "required"`},
		{stores.B2(), true, always, `set checksum = "required"`},
		{stores.B2(), false, tags, "the server does not take tags: leave it out"},
		{stores.Google(), true, always, `or the server takes no checksums: set checksum = "required"`},
		{stores.Google(), false, private, "the server does not take the ACL: leave acl out"},
		{stores.ACLsDisabled(), false, private, "the bucket allows no ACLs: leave acl out"},
		{stores.OwnerMustControl(), false, nil, `may demand acl = "bucket-owner-full-control"`},
		{stores.RequesterPays(), false, nil, "request_payer = true"},
		{stores.Limits(), false, nil, "the server asks to slow down"},
		{stores.Redirects("https://s3.example.com"), false, nil, `redirects to https://s3.example.com, and redirects are not followed; set endpoint = "https://s3.example.com"`},
	} {
		t.Run(row.front.Name+" "+row.want, func(t *testing.T) {
			cfg := at(startOf(row.tls)(t, row.front))
			if row.change != nil {
				row.change(&cfg)
			}
			wantError(t, open(t, cfg).Write(t.Context(), batchOf("b1", "a")), row.want)
		})
	}
}

// A bucket with object lock takes Content-MD5 as well, which is all that older servers know.
func TestContentMD5(t *testing.T) {
	store := stores.StartTLS(t, stores.ObjectLock())
	cfg := at(store)
	cfg.Checksum, cfg.Compression = "md5", "gzip"
	mustWrite(t, open(t, cfg), batchOf("b1", strings.Repeat("x", 2<<20+1)))
	if len(store.Objects("logs")) != 1 {
		t.Error("nothing is stored")
	}
	for _, asked := range store.Asked() {
		for name := range asked.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum") || name == "X-Amz-Trailer" {
				t.Errorf("a checksum beside Content-MD5: %s", name)
			}
		}
	}
}

// One that does not know Expect: 100-continue has the upload at once, and is asked that once: a batch must not cost a try, nor go to the file.
func TestExpectIsAskedOnce(t *testing.T) {
	store := stores.Start(t, stores.NoExpect())
	o := open(t, at(store))
	for _, id := range []string{"b1", "b2", "b3"} {
		mustWrite(t, o, batchOf(id, strings.Repeat(id, 2<<20)))
	}
	expected := 0
	for _, asked := range store.Asked() {
		if asked.Header.Get("Expect") != "" {
			expected++
		}
	}
	if expected != 1 || len(store.Objects("logs")) != 3 {
		t.Errorf("asked %d times, and %d objects are stored", expected, len(store.Objects("logs")))
	}
}

// Each option is a header of the upload.
func TestOptionsOnTheWire(t *testing.T) {
	store := stores.Start(t, stores.Plain())
	cfg := at(store)
	cfg.ACL, cfg.RequestPayer, cfg.ServerSideEncryption, cfg.BucketKey = "bucket-owner-full-control", true, "aws:kms", true
	cfg.Tags = map[string]string{"team": "pay ments/ä&=", "b": "1+1"}
	cfg.Metadata = map[string]string{"Env": "prod: a/b"}
	o := open(t, cfg)
	mustWrite(t, o, batchOf("b1", "a"))
	if err := o.Check(t.Context()); err != nil {
		t.Error(err)
	}
	header := store.Objects("logs")["logs/b1.ndjson"].Header
	for name, want := range map[string]string{
		"X-Amz-Acl": "bucket-owner-full-control", "X-Amz-Request-Payer": "requester", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
		"X-Amz-Tagging": "b=1%2B1&team=pay%20ments%2F%C3%A4%26%3D", "X-Amz-Meta-Env": "prod: a/b", "X-Amz-Meta-Logpipe-Messages": "1",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, asked := range store.Asked() {
		if asked.Header.Get("X-Amz-Request-Payer") != "requester" {
			t.Errorf("%s does not say who pays", asked.Method)
		}
	}
}

// The table of stores has each that is tried, with the settings that it is tried with.
func TestTableOfStores(t *testing.T) {
	text, err := os.ReadFile("../../../docs/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, front := range stores.Fronts()[1:] {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(front.Name) + ` \|.*$`).FindString(string(text))
		if row == "" || !strings.Contains(row, front.Settings) {
			t.Errorf("the row of %s, which needs %q, is %q", front.Name, front.Settings, row)
		}
	}
}

// Costs are computed with what logs are packed to; a ratio of something else is a bill of something else.
func TestCompressionRatio(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "zstd"} {
		store := stores.Start(t, stores.Plain())
		cfg := at(store)
		cfg.Compression = compression
		o := open(t, cfg)
		if got := o.Gauges(); len(got) != 0 {
			t.Errorf("%s: before the first object: %v", compression, got)
		}
		mustWrite(t, o, batchOf("b1", strings.Repeat("a", 10_000)))
		mustWrite(t, o, batchOf("b2", strings.Repeat("b", 5000), strings.Repeat("c", 5000)))
		size := 0
		for _, object := range store.Objects("logs") {
			size += len(object.Body)
		}
		var want []engine.Gauge
		if compression != "none" {
			want = []engine.Gauge{{Name: "compression_ratio", Value: 20_003 / float64(size)}}
		}
		if diff := cmp.Diff(want, o.Gauges()); diff != "" {
			t.Errorf("%s: %s", compression, diff)
		}
	}
}
