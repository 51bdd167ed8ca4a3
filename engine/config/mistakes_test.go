package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/engine/config"
	"github.com/logpipe/logpipe/plugins"
)

// said is what is said about a file by the plugins that come with logpipe, one diagnostic a line: severity, line, the text that the caret
// stands under, summary.
func said(t *testing.T, src string, o config.Options) []string {
	t.Helper()
	o.Plugins = plugins.All
	if o.LookupEnv == nil {
		o.LookupEnv = func(string) (string, bool) { return "", false }
	}
	config.SetStorage(&o, func(string) string { return "" })
	_, found := config.LoadSource("a.hcl", []byte(src), o)
	var lines []string
	for _, d := range found.All() {
		at := src[d.Range.Start.Byte:d.Range.End.Byte]
		lines = append(lines, fmt.Sprintf("%s %d [%s] %s", d.Severity, d.Range.Start.Line, at, d.Summary))
	}
	return lines
}

// expect compares what is said with what is wanted, each by the beginning of its line.
func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	ok := len(got) == len(want)
	for i := range want {
		ok = ok && strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// A port or a URL in the place of a host is looked up as a name and never found: the pipeline would wait for a broker that is well.
func TestHostIsAHost(t *testing.T) {
	src := "pipeline \"a\" {\n  input \"amqp\" {\n    queue = \"q\"\n    host  = env(\"H\")\n  }\n  output \"stdout\" {}\n}\n"
	for host, want := range map[string]string{
		"127.0.0.1:9":          `host: "127.0.0.1:9" is more than the name of a host: the port goes into port`,
		"h:5672":               `host: "h:5672" is more`,
		"[::1]:5672":           `host: "[::1]:5672" is more`,
		"[::1]":                "host: an address of IPv6 stands here without brackets: ::1",
		"amqp://u:hunter2@h":   "host: this is more than the name of a host: a URL goes into url",
		"u:hunter2@h":          "host: this is more",
		"a b":                  `host: "a b" is no name of a host`,
		"h/vhost":              `host: "h/vhost" is no name`,
		"::1":                  "",
		"fe80::1%eth0":         "",
		"10.0.0.1":             "",
		"broker.example.com":   "",
		"broker_1.internal.":   "",
		"bücher.example":       "",
		"rabbit-0.rabbit.prod": "",
	} {
		got := said(t, src, config.Options{LookupEnv: func(string) (string, bool) { return host, true }})
		if want == "" {
			expect(t, got)
		} else {
			expect(t, got, `error 4 [env("H")] `+want)
		}
	}
}

func TestRegionIsARegion(t *testing.T) {
	src := "pipeline \"a\" {\n  input \"generator\" {}\n  processor \"batch\" {}\n  output \"s3\" {\n    bucket = \"b\"\n    key = \"${batch.id}\"\n    region = env(\"R\", \"\")\n  }\n}\n"
	for region, ok := range map[string]bool{"": true, "us-east-1": true, "garage": true, "US_1.x": true, "us east": false, "http://h": false} {
		got := said(t, src, config.Options{LookupEnv: func(string) (string, bool) { return region, true }})
		if ok {
			expect(t, got)
		} else {
			expect(t, got, `error 7 [env("R", "")] region: "`)
		}
	}
}

// A certificate that is missing keeps the pipeline from its broker. It may be there where the pipeline runs, so this is no error.
func TestFilesThatAreMissing(t *testing.T) {
	expect(t, said(t, `pipeline "a" {
  input "amqp" {
    queue = "q"
    tls {
      ca   = "no-such-ca.pem"
      cert = "doc.go"
      key  = "no-such-key.pem"
    }
  }
  processor "batch" {}
  output "s3" {
    bucket = "b"
    key    = "${batch.id}"
    tls {
      ca = "no-such-ca.pem"
    }
  }
  dead_letter "stdout" {}
}
`, config.Options{}),
		`warning 5 ["no-such-ca.pem"] tls.ca: the file no-such-ca.pem cannot be read: no such file or directory`,
		`warning 7 ["no-such-key.pem"] tls.key: the file no-such-key.pem`,
		`warning 15 ["no-such-ca.pem"] tls.ca: the file no-such-ca.pem`)
}

// What is not known is not compared: with its real value all may be well.
func TestUnknownIsNotCompared(t *testing.T) {
	expect(t, said(t, `pipeline "a" {
  input "generator" {}
  processor "batch" {
    count         = env("COUNT")
    open_messages = 500
  }
  processor "retry" {
    backoff     = "0s"
    max_backoff = env("MOST")
  }
  output "stdout" {}
}
`, config.Options{NoEnv: true}), `error 8 ["0s"] backoff: 0s must be more than 0`)
}

// Two writers of one file mix their lines, and a fallback brings home, and removes, what another output stored: logs twice, or an archive
// that is gone. What only looks alike is no mistake.
func TestTwoWritersOfOneFile(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{`output "file" { path = "/x/${batch.partition.source}.ndjson" }`, `dead_letter "file" { path = "/x/${batch.date}.dead" }`, ""},
		{`output "file" { path = "/x/${batch.partition.source}.ndjson" }`, `fallback "file" { path = "/x/app1.ndjson" }`,
			`warning 5 ["/x/app1.ndjson"] fallback "file" writes to /x/app1.ndjson, where output "file" may write too`},
		{`output "file" { path = "/x/${batch.partition.source}.ndjson" }`, `fallback "file" { path = "/x/deep/app1.ndjson" }`, ""},
		{`output "file" { path = "/x/${batch.date}/${batch.partition.source}.ndjson" }`, `fallback "file" { path = "/x/deep/app1.ndjson" }`, "warning 5"},
		{`output "file" { path = "/x/${batch.partition.source}.ndjson" }`, `fallback "file" { path = "/x/.ndjson" }`, ""},
		{`output "file" { path = "/x/${batch.partition.source}.ndjson" }`, `dead_letter "file" { path = "/x/${batch.date}.ndjson" }`,
			`warning 5 ["/x/${batch.date}.ndjson"] dead_letter "file" may write to the same file as output "file"`},
		{`output "file" { path = "/x/a-${batch.partition.source}.ndjson" }`, `dead_letter "file" { path = "/x/b-${batch.date}.ndjson" }`, ""},
		{"output \"file\" {\npath = \"/x/app.ndjson.gz\"\ncompression = \"gzip\"\n}", `fallback "file" { path = "/x/app.ndjson" }`, `error 8 ["/x/app.ndjson"] fallback "file" writes to /x/app.ndjson, and so does output "file"`},
		{`output "file" { path = "/x/app.ndjson" }`, `fallback "file" { path = "/x/../x/app.ndjson" }`, `error 5 ["/x/../x/app.ndjson"] fallback`},
		{`output "file" { path = "/x/app.ndjson" }`, "dead_letter \"file\" {\npath = \"/x/app.ndjson.gz\"\ncompression = \"gzip\"\n}", ""},
		{`output "file" { path = "/x/app.ndjson" }`, "}\npipeline \"b\" {\ninput \"generator\" {}\noutput \"file\" { path = \"/x/${batch.id}.ndjson\" }",
			`warning 8 ["/x/${batch.id}.ndjson"] output "file" may write`},
	} {
		src := "pipeline \"a\" {\n  input \"generator\" {}\n  processor \"batch\" { partition_by = [\"source\"] }\n  " + c.first + "\n  " + c.second + "\n}\n"
		got := said(t, src, config.Options{})
		if c.want == "" {
			expect(t, got)
		} else {
			expect(t, got, c.want)
		}
	}
}

// What a plugin cannot be in its role is a mistake in the file. Found only when the pipeline is built, it would be built again for ever, and
// nothing would be read: the process looks alive and the queue runs full.
func TestRoleIsChecked(t *testing.T) {
	expect(t, said(t, `pipeline "a" {
  input "generator" {}
  processor "batch" {}
  output "stdout" {}
  fallback "file" {
    path   = "/var/${batch.date}.fb"
    format = "lines"
  }
  dead_letter "file" {
    path   = "/var/dead"
    format = "lines"
  }
}
pipeline "b" {
  input "generator" {}
  processor "batch" {}
  output "stdout" {}
  dead_letter "s3" {
    bucket = "b"
    key    = "${batch.id}"
    format = "lines"
  }
}
`, config.Options{}),
		`error 6 ["/var/${batch.date}.fb"] path: a fallback has one file`,
		`error 7 ["lines"] format: a fallback writes sealed batches`,
		`error 11 ["lines"] format: a dead letter must take every message`,
		`error 21 ["lines"] format: a dead letter must take every message`)
}

// Rejects into nowhere would be held for ever. Whichever attribute makes a processor reject, its other values are named.
func TestWhatRejectsNeedsADeadLetter(t *testing.T) {
	for block, want := range map[string]string{
		`processor "filter" {
    drop = "a == 1"
    on_error = "dead_letter"
  }`: `Add a dead_letter block to the pipeline, or set on_error = "keep" or "drop".`,
		`processor "add_fields" {
    fields = { a = "b" }
    on_conflict = "dead_letter"
  }`: `Add a dead_letter block to the pipeline, or set on_conflict = "keep" or "overwrite" and on_invalid = "drop" or "pass".`,
		`processor "add_fields" {
    fields = { a = "b" }
    on_invalid = "pass"
  }`: "",
		`processor "filter" {
    drop = "a == 1"
  }`: "",
		`processor "filter" {
    drop     = "a == 1"
    on_error = env("ON_ERROR")
  }`: "", // it is not known, with NoEnv
		`processor "filter" {
    keep = env("KEEP")
  }`: "",
	} {
		src := "pipeline \"a\" {\n  input \"generator\" {}\n  " + block + "\n  output \"stdout\" {}\n}\n"
		_, found := config.LoadSource("a.hcl", []byte(src), config.Options{Plugins: plugins.All, NoEnv: true, LookupEnv: func(string) (string, bool) { return "", false }})
		var details []string
		for _, d := range found.All() {
			details = append(details, d.Detail)
		}
		if got := strings.Join(details, "\n"); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", block, got, want)
		}
	}
}
