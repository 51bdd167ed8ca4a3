package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/logpipe/logpipe/test/servers"
)

// result is what came of the tests of a package.
type result struct {
	verdict string // pass, fail or skip, as the go command says
	took    time.Duration
	failed  []string // tests
}

// column is one version of RabbitMQ.
type column struct {
	version string // in full, once a broker of it has answered
	results map[string]result
	took    time.Duration
	err     error // why nothing could run, or not to the end
}

// table has a row for each package and a column for each version.
type table struct {
	packages []string
	columns  []column
	lenient  bool // a version that cannot be had is no failure
}

// ok says whether all of it was run and passed.
func (t table) ok() bool {
	for _, c := range t.columns {
		if t.lenient && errors.Is(c.err, servers.ErrUnavailable) {
			continue
		}
		if c.err != nil {
			return false
		}
		for _, p := range t.packages {
			if c.results[p].verdict != "pass" {
				return false
			}
		}
	}
	return len(t.columns) > 0 && len(t.packages) > 0
}

func (t table) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	fmt.Fprint(w, "\nRabbitMQ")
	for _, c := range t.columns {
		fmt.Fprint(w, "\t", c.version)
	}
	for _, p := range t.packages {
		fmt.Fprint(w, "\n", strings.TrimPrefix(p, module))
		for _, c := range t.columns {
			fmt.Fprint(w, "\t", c.results[p])
		}
	}
	fmt.Fprint(w, "\nall of it")
	for _, c := range t.columns {
		fmt.Fprint(w, "\t", "     ", c.took.Round(time.Second))
	}
	fmt.Fprintln(w)
	w.Flush()
	t.printFailed(to)
}

// String is a cell.
func (r result) String() string {
	verdict := r.verdict
	switch verdict {
	case "":
		return "not run"
	case "pass":
		verdict = "ok"
	case "fail":
		verdict = "FAIL"
	}
	return fmt.Sprintf("%-4s %s", verdict, r.took.Round(time.Second))
}

// printFailed names the tests that failed and the versions that were not run.
func (t table) printFailed(to io.Writer) {
	for _, c := range t.columns {
		if c.err != nil {
			fmt.Fprintf(to, "%s: %v\n", c.version, c.err)
		}
		for _, p := range t.packages {
			for _, name := range c.results[p].failed {
				fmt.Fprintf(to, "%s: FAIL %s %s\n", c.version, strings.TrimPrefix(p, module), name)
			}
		}
	}
}
