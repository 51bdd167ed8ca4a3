package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/logpipe/logpipe/test/servers"
)

const events = `{"Action":"start","Package":"github.com/logpipe/logpipe/a"}
{"Action":"output","Package":"github.com/logpipe/logpipe/a","Test":"TestOne","Output":"what it said\n"}
{"Action":"fail","Package":"github.com/logpipe/logpipe/a","Test":"TestOne","Elapsed":1}
{"Action":"fail","Package":"github.com/logpipe/logpipe/a","Elapsed":61.6}
a line of the go command itself
{"Action":"pass","Package":"github.com/logpipe/logpipe/b","Test":"TestTwo","Elapsed":1}
{"Action":"pass","Package":"github.com/logpipe/logpipe/b","Elapsed":2}
`

func TestTable(t *testing.T) {
	one := column{version: "3.10.8", results: map[string]result{}, took: 65 * time.Second}
	var shown strings.Builder
	one.read(strings.NewReader(events), &shown)
	if want := "what it said\na line of the go command itself\n"; shown.String() != want {
		t.Errorf("shown is %q, want %q", shown.String(), want)
	}
	two := column{version: "4.3", err: servers.ErrUnavailable}
	all := table{packages: []string{module + "a", module + "b"}, columns: []column{one, two}}
	var out strings.Builder
	all.print(&out)
	want := `
RabbitMQ    3.10.8      4.3
a           FAIL 1m2s   not run
b           ok   2s     not run
all of it        1m5s        0s
3.10.8: FAIL a TestOne
4.3: no server can be had
`
	if out.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", out.String(), want)
	}
}

// TestWhatCountsAsWhole: a table that is green must not hide a version or a package that did not run.
func TestWhatCountsAsWhole(t *testing.T) {
	passed := result{verdict: "pass"}
	unavailable := []column{{err: fmt.Errorf("start: %w", servers.ErrUnavailable)}}
	if (table{packages: []string{"a"}, columns: unavailable}).ok() || !(table{packages: []string{"a"}, columns: unavailable, lenient: true}).ok() {
		t.Error("a version that cannot be had counts as whole, or is an error where that is allowed")
	}
	for name, c := range map[string]struct {
		columns []column
		want    bool
	}{
		"all passed":        {[]column{{results: map[string]result{"a": passed}}}, true},
		"no version":        {nil, false},
		"one not to be had": {[]column{{results: map[string]result{"a": passed}}, {err: servers.ErrUnavailable}}, false},
		"failed":            {[]column{{results: map[string]result{"a": {verdict: "fail"}}}}, false},
		"skipped":           {[]column{{results: map[string]result{"a": {verdict: "skip"}}}}, false},
		"not run":           {[]column{{results: map[string]result{}}}, false},
	} {
		if got := (table{packages: []string{"a"}, columns: c.columns}).ok(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestPackages: the rule that finds the packages must find those which are known to need a broker.
func TestPackages(t *testing.T) {
	got, err := chosenPackages("faults,cluster,interop", []string{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plugins/inputs/amqp", "plugins/outputs/amqp", "plugins/dlq", "plugins/internal/rabbitmq", "test", "test/faults", "test/rabbitcluster", "test/interop", "test/servers"} {
		if !slices.Contains(got, module+name) {
			t.Errorf("%s is not among the packages that need a broker: %v", name, got)
		}
	}
	if slices.Contains(got, module+"engine") {
		t.Error("engine is among the packages that need a broker")
	}
}

// TestWhatIsSaidIsTried holds what README.md and the workflow say against the table that make brokers runs.
func TestWhatIsSaidIsTried(t *testing.T) {
	var tried []string
	for _, r := range servers.Releases {
		tried = append(tried, r.Version)
	}
	for _, c := range []struct{ file, pattern string }{
		{"../../README.md", `tested on RabbitMQ ([0-9., and]+[0-9])`},
		{"../../.github/workflows/ci.yaml", `rabbitmq: \[([^\]]*)\]`},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(c.pattern).FindStringSubmatch(string(text))
		if found == nil {
			t.Errorf("%s does not say which versions of RabbitMQ are tried: no %q", c.file, c.pattern)
			continue
		}
		if said := regexp.MustCompile(`[0-9]+\.[0-9]+`).FindAllString(found[1], -1); !slices.Equal(said, tried) {
			t.Errorf("%s says RabbitMQ %v, but the tests run on %v", c.file, said, tried)
		}
	}
}

// TestShippedBrokersAreTried: compose.yaml and k8s/ start a broker of a version that the tests run on.
func TestShippedBrokersAreTried(t *testing.T) {
	for _, file := range []string{"compose.yaml", "k8s/overlays/dev/rabbitmq.yaml", "k8s/overlays/rabbitmq-operator/rabbitmqcluster.yaml"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		image := regexp.MustCompile(`image: \S*/rabbitmq:([0-9]+\.[0-9]+)[.-]`).FindSubmatch(text)
		if image == nil {
			t.Errorf("%s has no image of RabbitMQ with its version", file)
		} else if got, want := string(image[1]), servers.Newest().Version; got != want {
			t.Errorf("%s has RabbitMQ %s, and the newest that the tests run on is %s", file, got, want)
		}
	}
}
