// Load fills a queue, takes it to S3 with the shipped pipeline.hcl, kills logpipe in the middle with SIGKILL, starts it again and
// counts: what the crash of a replica under full load repeats, and that it loses nothing. How fast it is, test/bench measures.
//
//	go run ./test/load
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

var (
	messages = flag.Int("messages", 300_000, "how many messages are in the queue")
	size     = flag.Int("size", 250, "the length of each, in bytes")
	batch    = flag.Int("batch", 1000, "BATCH_SIZE")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

const (
	queue  = "log_queue"
	bucket = "load"
)

// load is what the steps share.
type load struct {
	dir, bin string
	broker   *servers.Broker
	s3       *servers.S3
}

func run(ctx context.Context) (err error) {
	l := &load{}
	if l.dir, err = os.MkdirTemp("", "logpipe-load-"); err != nil {
		return err
	}
	defer os.RemoveAll(l.dir)
	if l.bin, err = process.Build(ctx, l.dir); err != nil {
		return err
	}
	say := servers.Options{Own: true, Log: func(text string) { fmt.Println(text) }}
	if l.broker, err = servers.StartBroker(ctx, say); err != nil {
		return err
	}
	defer l.broker.Close()
	if l.s3, err = servers.StartS3(ctx, say); err != nil {
		return err
	}
	defer l.s3.Close()
	if err := l.s3.MakeBucket(ctx, bucket); err != nil {
		return err
	}
	if err := l.fill(ctx); err != nil {
		return err
	}
	return l.crash(ctx)
}

// fill puts the records of the shipped producer into the queue.
func (l *load) fill(ctx context.Context) error {
	p, err := process.Start(l.bin, []string{
		"RABBITMQ_URL=" + l.broker.URL(), "MESSAGES=" + strconv.Itoa(*messages), "MESSAGE_SIZE=" + strconv.Itoa(*size),
	}, nil, "run", "examples/producer.hcl")
	if err != nil {
		return err
	}
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		return errors.Join(fmt.Errorf("the producer ended with exit code %d\n%s", code, p.Tail(5)), err)
	}
	return nil
}

// pipeline starts the shipped pipeline.
func (l *load) pipeline() (*process.Process, error) {
	return process.Start(l.bin, []string{
		"RABBITMQ_URL=" + l.broker.URL(), "S3_ENDPOINT=" + l.s3.Endpoint, "S3_BUCKET=" + bucket, "AWS_REGION=" + l.s3.Region,
		"AWS_ACCESS_KEY_ID=" + l.s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + l.s3.SecretKey,
		"FALLBACK_PATH=" + l.dir + "/fallback.ndjson", "BATCH_SIZE=" + strconv.Itoa(*batch),
	}, nil, "run", "pipeline.hcl")
}
