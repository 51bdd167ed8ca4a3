// Package faults has a test for each row of the failure table in DESIGN.md: the real command, a real RabbitMQ and a real S3 server, and
// one fault. Each message carries a number; what was sent must be found again, and what is found twice is held against the bound.
//
// Rows that need a broker of their own have the build tag faults: make faults runs all of them.
package faults

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/logpipe/logpipe/test/servers"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for most of their time, so more of them than there are processors may run at once.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	servers.Main(m)
}

// edited is the shipped pipeline.hcl with other text in the place of some.
func edited(t *testing.T, oldNew ...string) string {
	t.Helper()
	text, err := os.ReadFile("../../pipeline.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(oldNew); i += 2 {
		if strings.Count(string(text), oldNew[i]) != 1 {
			t.Fatalf("pipeline.hcl has not %q once", oldNew[i])
		}
	}
	return strings.NewReplacer(oldNew...).Replace(string(text))
}
