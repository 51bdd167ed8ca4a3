// Soak runs several replicas of the shipped pipeline.hcl and a producer, and lets faults happen to them by a random schedule: processes are
// killed, frozen and ended, S3 refuses, hangs, loses answers and goes away, the way to the broker is cut, silent or slow, and the
// broker itself dies. Then all heals, and every message must be found. The same seed gives the same schedule.
//
//	go run ./test/soak -seeds 1,2,3 -time 20s
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

var (
	seeds    = flag.String("seeds", "", "comma-separated seeds, one run each; one random seed when empty")
	length   = flag.Duration("time", 2*time.Minute, "how long faults happen in each run")
	replicas = flag.Int("replicas", 3, "how many logpipe processes read the queue")
	rate     = flag.Int("rate", 2000, "messages a second")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := soakAll(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// soakAll runs each seed on the same servers.
func soakAll(ctx context.Context) (err error) {
	list, err := numbers(*seeds)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "logpipe-soak-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	bin, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	say := servers.Options{Log: func(text string) { fmt.Println(text) }, Own: true}
	broker, err := servers.StartBroker(ctx, say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	store, err := servers.StartS3(ctx, say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var failed []string
	for _, seed := range list {
		r := &soak{seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), bin: bin, server: broker, s3: store}
		if err := r.run(ctx); err != nil {
			fmt.Printf("seed %d failed: %v\n", seed, err)
			failed = append(failed, strconv.FormatUint(seed, 10))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("these seeds failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

func numbers(text string) (list []uint64, err error) {
	if text == "" {
		return []uint64{rand.Uint64N(1_000_000)}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("seed %q is no number", part)
		}
		list = append(list, n)
	}
	return list, nil
}
