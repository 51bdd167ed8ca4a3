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
