// Bench measures logpipe on a real RabbitMQ and a real S3 server, side by side with a raw amqp091-go client on the same
// broker and, where BENCH_PEER names the program, with a redpanda-connect or benthos. It alternates between them, checks that
// each message arrived, and prints tables in Markdown. What it asks for is printed beside what it found and never fails the run;
// a missing message does. Absolute figures depend on the machine: compare the ratios of one run.
//
//	go run ./test/bench -h
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// options are what the command line says.
type options struct {
	sets     []string
	rounds   int
	messages int
	size     int
	local    int
	long     int
	queues   []int
	quorum   bool
	role     string
}

const usage = `usage: bench [flags]

Case sets:
  amqp-s3   a full queue to S3: plain, gzip, zstd; beside a raw drain that stores nothing
  publish   made records into a queue, persistent and confirmed; beside a raw publisher with a window of confirms
  local     no broker: records to /dev/null, a file to S3 beside the compressor alone, the start, the binary
  growth    queues from 1,000 messages on, bodies from 100 B to 1 KiB, memory over a long run
  scale     1, 2 and 4 replicas on one queue and on four; a consistent-hash exchange with four queues beside one queue

BENCH_PEER=/path/to/redpanda-connect (or benthos) measures that program in the same run; peer*.yaml are its configurations.

Flags:
`

func parse() (o options, err error) {
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	sets := flag.String("sets", "amqp-s3,publish,local", "the case sets to measure")
	queues := flag.String("queues", "1000,10000,100000,1000000", "growth: how many messages are in the queue; 5000000 takes some ten minutes a round")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each case is measured; the median counts")
	flag.IntVar(&o.messages, "messages", 200_000, "how many messages a round has, a multiple of 1000")
	flag.IntVar(&o.size, "size", 262, "the length of a message, in bytes")
	flag.IntVar(&o.local, "local", 5_000_000, "local: how many records go to /dev/null; a fifth of them into the file")
	flag.IntVar(&o.long, "long", 10_000_000, "growth: how many records the long run has")
	flag.BoolVar(&o.quorum, "quorum", false, "use a quorum queue in place of a durable classic one")
	flag.StringVar(&o.role, "be", "", "be the raw consumer, publisher or compressor; the bench starts itself so")
	flag.Parse()
	o.sets = strings.Split(*sets, ",")
	for _, set := range o.sets {
		if caseSets[set] == nil {
			return o, fmt.Errorf("there is no case set %q; there are amqp-s3, publish, local, growth and scale", set)
		}
	}
	for text := range strings.SplitSeq(*queues, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return o, fmt.Errorf("-queues is a list of numbers such as 1000,10000; %q is none", text)
		}
		o.queues = append(o.queues, n)
	}
	// A last batch that is not full would wait for its age, and the figures would be those of that wait.
	if slices.ContainsFunc(append(o.queues, o.messages), func(n int) bool { return n < 1000 || n%1000 != 0 }) {
		return o, errors.New("-messages and -queues are multiples of 1000, which is the size of a batch")
	}
	if o.rounds < 1 {
		return o, errors.New("-rounds is at least 1")
	}
	return o, nil
}

// caseSets are what -sets chooses from.
var caseSets = map[string]func(context.Context, *bench) error{
	"amqp-s3": measureDrain,
	"publish": measurePublish,
	"local":   measureLocal,
	"growth":  measureGrowth,
	"scale":   measureScale,
}

func main() {
	o, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.role != "" {
		err = beRaw(ctx, o.role)
	} else {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	b, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.header(ctx); err != nil {
		return err
	}
	for _, set := range o.sets {
		if err := caseSets[set](ctx, b); err != nil {
			return fmt.Errorf("%s: %w", set, err)
		}
	}
	fmt.Printf("\nLoad average after: %s.\n", load())
	return nil
}
