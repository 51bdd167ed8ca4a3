// Demo shows the main job: it starts a real RabbitMQ and a real S3 server, runs examples/producer.hcl and the shipped
// pipeline.hcl side by side, takes S3 away for some seconds in the middle, and counts what arrived.
//
//	go run ./test/demo
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

const (
	messages     = 100_000
	invalidEvery = 5_000            // so 20 of them are dead letters
	rate         = 12_000           // messages a second, which leaves time to watch
	awayAfter    = 3 * time.Second  // of the producer's start
	awayFor      = 4 * time.Second  // S3 is down
	patience     = 90 * time.Second // for all that must have arrived
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{began: time.Now()}
	err := d.run(ctx)
	d.close()
	switch {
	case ctx.Err() != nil:
		d.say("interrupted; the servers and both processes are stopped")
		os.Exit(130)
	case err != nil:
		fmt.Fprintf(os.Stderr, "\nThe demo could not be shown: %v\n", err)
		if errors.Is(err, servers.ErrUnavailable) {
			fmt.Fprintln(os.Stderr, "\nWithout any server you can still see logpipe work: go run ./cmd/logpipe examples/quickstart.hcl")
		}
		os.Exit(1)
	}
}

// demo is what must be ended again, whatever happens.
type demo struct {
	began     time.Time
	dir       string
	bin       string
	broker    *servers.Broker
	s3        *servers.S3
	processes []*process.Process
}

func (d *demo) say(format string, args ...any) {
	fmt.Printf("%6.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func (d *demo) run(ctx context.Context) error {
	if err := d.setUp(ctx); err != nil {
		return err
	}
	env := d.environment()
	pipeline, err := d.start(env, "pipeline", "run", "pipeline.hcl")
	if err != nil {
		return err
	}
	producer, err := d.start(env, "producer", "run", "--admin", "", "examples/producer.hcl")
	if err != nil {
		return err
	}
	if err := d.outage(ctx); err != nil {
		return err
	}
	if err := d.finish(ctx, producer, pipeline); err != nil {
		return err
	}
	return d.count(ctx, pipeline)
}

// setUp has a broker, an S3 server with a bucket, and the program.
func (d *demo) setUp(ctx context.Context) (err error) {
	d.dir = filepath.Join(os.TempDir(), "logpipe-demo")
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("clear the folder of an earlier demo: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "fallback"), 0o755); err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	d.say("building logpipe")
	if d.bin, err = process.Build(ctx, d.dir); err != nil {
		return err
	}
	progress := func(text string) { d.say("%s", text) }
	d.say("looking for RabbitMQ, or starting it")
	if d.broker, err = servers.StartBroker(ctx, servers.Options{Log: progress, Own: true}); err != nil {
		return err
	}
	d.say("looking for an S3 server, or starting it")
	if d.s3, err = servers.StartS3(ctx, servers.Options{Log: progress, Own: true, Data: filepath.Join(d.dir, "s3")}); err != nil {
		return err
	}
	return d.s3.MakeBucket(ctx, bucket)
}

const bucket = "logs"

// environment is all that the two files are given: the variables of the original.
func (d *demo) environment() []string {
	return []string{
		"RABBITMQ_URL=" + d.broker.URL(),
		"S3_ENDPOINT=" + d.s3.Endpoint,
		"S3_BUCKET=" + bucket,
		"AWS_REGION=" + d.s3.Region,
		"AWS_ACCESS_KEY_ID=" + d.s3.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + d.s3.SecretKey,
		"FALLBACK_PATH=" + d.fallback(),
		"BATCH_SIZE=1000",
		"RETRY_LIMIT=2",
		"MESSAGES=" + strconv.Itoa(messages),
		"RATE=" + strconv.Itoa(rate),
		"INVALID_EVERY=" + strconv.Itoa(invalidEvery),
	}
}

func (d *demo) fallback() string { return filepath.Join(d.dir, "fallback", "failed_logs.ndjson") }

// start runs logpipe and shows its log.
func (d *demo) start(env []string, name string, args ...string) (*process.Process, error) {
	d.say("starting: logpipe %s", strings.Join(args, " "))
	p, err := process.Start(d.bin, env, func(l process.Line) {
		if l.Text("msg") != "summary" {
			d.say("  %s │ %s", name, readable(l))
		}
	}, args...)
	if err == nil {
		d.processes = append(d.processes, p)
	}
	return p, err
}

// readable shortens a line of the log for the eye.
func readable(l process.Line) string {
	text := l.Text("msg")
	for _, field := range []string{"plugin", "error", "after", "messages"} {
		if v := l.Text(field); v != "" {
			text += fmt.Sprintf("  %s=%.110s", field, v)
		}
	}
	return text
}

// outage takes S3 away in the middle and brings it back.
func (d *demo) outage(ctx context.Context) error {
	if err := sleep.For(ctx, awayAfter); err != nil {
		return err
	}
	d.say("TAKING S3 AWAY for %v", awayFor)
	if err := d.s3.Stop(ctx); err != nil {
		return err
	}
	if err := sleep.For(ctx, awayFor); err != nil {
		return err
	}
	d.say("BRINGING S3 BACK")
	return d.s3.Start(ctx)
}

func (d *demo) close() {
	for _, p := range d.processes {
		p.Kill()
	}
	if d.s3 != nil {
		_ = d.s3.Close() // the demo is over; what does not close is killed with this process
	}
	if d.broker != nil {
		_ = d.broker.Close()
	}
}
