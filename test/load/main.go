// Load fills a queue and measures how logpipe takes it to S3 with the shipped pipeline.hcl, side by side with a raw
// amqp091-go consumer that acks in multiples and stores nothing: the limit of the broker and the library on the
// machine at hand. Then it kills logpipe in the middle, starts it again and counts. Absolute figures depend on the machine: compare ratios.
//
//	go run ./test/load
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
	"github.com/logpipe/logpipe/test/tally"
)

var (
	messages = flag.Int("messages", 300_000, "how many messages are in the queue")
	size     = flag.Int("size", 250, "the length of each, in bytes")
	rounds   = flag.Int("rounds", 3, "how often each is measured; the median counts")
	batch    = flag.Int("batch", 1000, "BATCH_SIZE")
	raw      = flag.String("raw", "", "be the raw consumer of this URL")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *raw != "" {
		err = consume(ctx, *raw, *messages)
	} else {
		err = measure(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

const queue = "log_queue"

// bench is what all runs share.
type bench struct {
	dir, bin string
	broker   *servers.Broker
	s3       *servers.S3
	vhosts   int
}

// figures are those of one run.
type figures struct {
	took time.Duration
	cpu  time.Duration
	peak int64
}

func measure(ctx context.Context) (err error) {
	b := &bench{}
	if b.dir, err = os.MkdirTemp("", "logpipe-load-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.bin, err = process.Build(ctx, b.dir); err != nil {
		return err
	}
	say := servers.Options{Log: func(text string) { fmt.Println(text) }}
	if b.broker, err = servers.StartBroker(ctx, say); err != nil {
		return err
	}
	defer b.broker.Close()
	if b.s3, err = servers.StartS3(ctx, say); err != nil {
		return err
	}
	defer b.s3.Close()

	var raws, pipes []figures
	for i := range *rounds {
		r, err := b.rawConsumer(ctx)
		if err != nil {
			return fmt.Errorf("raw consumer: %w", err)
		}
		p, err := b.logpipe(ctx)
		if err != nil {
			return fmt.Errorf("logpipe: %w", err)
		}
		raws, pipes = append(raws, r), append(pipes, p)
		fmt.Printf("round %d: raw %v, logpipe %v\n", i+1, r, p)
	}
	table(median(raws), median(pipes))
	return b.crash(ctx)
}

func (f figures) rate() float64 { return float64(*messages) / f.took.Seconds() }

// perMillion is CPU seconds a million messages.
func (f figures) perMillion() float64 { return f.cpu.Seconds() / float64(*messages) * 1e6 }

func (f figures) String() string {
	return fmt.Sprintf("%.0f msgs/s, %.1f CPU-s/M, %.0f MB", f.rate(), f.perMillion(), float64(f.peak)/1e6)
}

func median(all []figures) figures {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b figures) int { return int(a.took - b.took) })
	return sorted[len(sorted)/2]
}

func table(raw, pipe figures) {
	fmt.Printf(`
%d messages of %d bytes, medians of %d rounds
                                        msgs/s   CPU-s/M   peak MB
  raw consumer, acks, stores nothing  %8.0f  %8.1f  %8.0f
  logpipe to S3, gzip, batches of %-4d%8.0f  %8.1f  %8.0f
  logpipe / raw                       %8.2f  %8.2f

`, *messages, *size, *rounds, raw.rate(), raw.perMillion(), float64(raw.peak)/1e6, *batch,
		pipe.rate(), pipe.perMillion(), float64(pipe.peak)/1e6, pipe.rate()/raw.rate(), pipe.perMillion()/raw.perMillion())
}

// fill makes a new virtual host with a full queue and returns its URL.
func (b *bench) fill(ctx context.Context) (string, error) {
	b.vhosts++
	url, err := b.broker.VHost(ctx, fmt.Sprintf("load-%d-%d", os.Getpid(), b.vhosts))
	if err != nil {
		return "", err
	}
	p, err := process.Start(b.bin, []string{
		"RABBITMQ_URL=" + url, "MESSAGES=" + strconv.Itoa(*messages), "MESSAGE_SIZE=" + strconv.Itoa(*size),
	}, nil, "run", "examples/producer.hcl")
	if err != nil {
		return "", err
	}
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		return "", errors.Join(fmt.Errorf("the producer ended with exit code %d\n%s", code, p.Tail(5)), err)
	}
	return url, nil
}

// empty removes the virtual host again, so that no run pays for another's messages.
func (b *bench) empty(ctx context.Context) error {
	return b.broker.DeleteVHost(ctx, fmt.Sprintf("load-%d-%d", os.Getpid(), b.vhosts))
}

// rawConsumer measures this program as a raw consumer, in a process of its own.
func (b *bench) rawConsumer(ctx context.Context) (figures, error) {
	url, err := b.fill(ctx)
	if err != nil {
		return figures{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return figures{}, err
	}
	cmd := exec.CommandContext(ctx, self, "-raw", url, "-messages", strconv.Itoa(*messages))
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return figures{}, err
	}
	f := figures{took: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.peak = usage.Maxrss << 10
	}
	return f, b.empty(ctx)
}

func (b *bench) environment(url, bucket string) []string {
	return []string{
		"RABBITMQ_URL=" + url, "S3_ENDPOINT=" + b.s3.Endpoint, "S3_BUCKET=" + bucket, "AWS_REGION=" + b.s3.Region,
		"AWS_ACCESS_KEY_ID=" + b.s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + b.s3.SecretKey,
		"FALLBACK_PATH=" + b.dir + "/fallback.ndjson", "BATCH_SIZE=" + strconv.Itoa(*batch),
	}
}

// logpipe measures the shipped pipeline from the start of its process to the end of its drain, and checks that all is there, once.
func (b *bench) logpipe(ctx context.Context) (figures, error) {
	url, err := b.fill(ctx)
	if err != nil {
		return figures{}, err
	}
	bucket := fmt.Sprintf("load-%d-%d", os.Getpid(), b.vhosts)
	if err := b.s3.MakeBucket(ctx, bucket); err != nil {
		return figures{}, err
	}
	began := time.Now()
	p, err := process.Start(b.bin, b.environment(url, bucket), nil, "run", "pipeline.hcl")
	if err != nil {
		return figures{}, err
	}
	if err := emptied(ctx, p, url, 0); err != nil {
		p.Kill()
		return figures{}, err
	}
	if code, err := p.Stop(ctx); err != nil || code != 0 {
		return figures{}, errors.Join(fmt.Errorf("exit code %d\n%s", code, p.Tail(10)), err)
	}
	f := figures{took: time.Since(began)}
	f.cpu, f.peak = p.Usage()
	stored := tally.New()
	if err := stored.Bucket(ctx, b.s3.Client(), bucket); err != nil {
		return figures{}, err
	}
	if missing := tally.Missing(1, *messages, stored); len(missing) > 0 || stored.Twice() > 0 {
		return figures{}, fmt.Errorf("%d messages are missing and %d are there twice", len(missing), stored.Twice())
	}
	if err := b.s3.DeleteBucket(ctx, bucket); err != nil {
		return figures{}, err
	}
	return f, b.empty(ctx)
}
