// Brokers runs every test that needs a broker on each RabbitMQ of
// [servers.Releases] and prints a table of versions, packages, results and
// times:
//
//	go run ./test/brokers [-versions 3.10,4.3|newest] [-tags faults] [-race=false] [-lenient] [PACKAGE…]
//
// A version that cannot be had here is an error: the table must not look whole
// without it, unless -lenient says otherwise. So is a test that was skipped for want of a server.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/logpipe/logpipe/test/servers"
)

func main() {
	versions := flag.String("versions", "", "the versions, separated by commas, or newest; all of them when empty")
	tags := flag.String("tags", "", "build tags: faults for the rows that need a broker of their own, cluster for those of several nodes")
	race := flag.Bool("race", true, "with the race detector")
	lenient := flag.Bool("lenient", false, "a version that cannot be had here is said, and is no error")
	list := flag.Bool("list", false, "print the packages and run nothing")
	flag.Parse()
	packages, err := chosenPackages(*tags, flag.Args())
	if err == nil && *list {
		fmt.Println(strings.Join(packages, "\n"))
		return
	}
	ok := false
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		ok, err = runAll(ctx, split(*versions), suite{packages, *tags, *race}, *lenient)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "brokers:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// split is the list of versions that a flag names.
func split(text string) []string {
	var all []string
	switch text {
	case "newest":
		return []string{servers.Newest().Version}
	case "":
		for _, r := range servers.Releases {
			all = append(all, r.Version)
		}
		return all
	}
	return strings.Split(text, ",")
}

// runAll runs the packages on one version after the other. It says after each
// how far the table is, for all of it takes long.
func runAll(ctx context.Context, versions []string, s suite, lenient bool) (ok bool, err error) {
	t := table{packages: s.packages, lenient: lenient}
	for _, version := range versions {
		c := runOn(ctx, version, s)
		t.columns = append(t.columns, c)
		t.print(os.Stdout)
		if ctx.Err() != nil {
			return false, fmt.Errorf("ended on RabbitMQ %s: %w", version, context.Cause(ctx))
		}
	}
	return t.ok(), nil
}
