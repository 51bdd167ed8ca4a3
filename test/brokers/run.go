package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/test/servers"
)

// suite is what runs on each version.
type suite struct {
	packages []string
	tags     string
	race     bool
}

// runOn runs the tests of the packages on one version of RabbitMQ.
func runOn(ctx context.Context, version string, tests suite) column {
	began := time.Now()
	c := column{version: version, results: map[string]result{}}
	os.Setenv(servers.EnvRabbitMQ, version)
	os.Setenv("CI", "true") // a test that is skipped for want of a server fails
	say := func(text string) { fmt.Fprintf(os.Stderr, "brokers: %s: %s\n", version, text) }
	b, err := servers.StartBroker(ctx, servers.Options{Log: say})
	if err != nil {
		c.err = err
		say(err.Error())
		return c
	}
	defer b.Close()
	c.version = b.Version()
	s3, err := servers.StartS3(ctx, servers.Options{Log: say})
	if err != nil {
		c.err = err
		return c
	}
	defer s3.Close()
	c.err = c.test(tests, slices.Concat(b.Env(), s3.Env()))
	c.took = time.Since(began)
	return c
}

// test runs `go test` and reads its account of what passes. What it leaves
// running ends with it, and with this process.
func (c *column) test(s suite, env []string) error {
	args := append([]string{"go", "test", "-json", "-race=" + strconv.FormatBool(s.race), "-shuffle=on", "-count=1", "-timeout=60m", "-tags=" + s.tags}, s.packages...)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	// A file and no io.Pipe: else a process that a test has left behind would hold the end of the command back.
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe for the results: %w", err)
	}
	defer r.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(r, os.Stdout)
	}()
	_, err = servers.CommandTo(w, args, env, signals)
	w.Close()
	<-read
	return err
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64 // seconds
}

// read takes in the events until there are no more. The output of a test is
// shown when the test fails.
func (c *column) read(from io.Reader, show io.Writer) {
	said := map[string][]string{} // by package and test
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(show, lines.Text()) // the go command's own, of what it cannot build
			continue
		}
		of := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			if e.Action == "build-output" {
				fmt.Fprint(show, e.Output)
			}
			said[of] = append(said[of], e.Output)
		case "pass", "fail", "skip":
			if e.Action == "fail" {
				fmt.Fprint(show, strings.Join(said[of], ""))
			}
			c.note(e)
			delete(said, of)
		}
	}
	io.Copy(io.Discard, from) // a line beyond the buffer must not stop the writer
}

// note takes in the end of a test or package.
func (c *column) note(e event) {
	r := c.results[e.Package]
	switch {
	case e.Test == "":
		r.verdict, r.took = e.Action, time.Duration(e.Elapsed*float64(time.Second))
	case e.Action == "fail":
		r.failed = append(r.failed, e.Test)
	}
	c.results[e.Package] = r
}
