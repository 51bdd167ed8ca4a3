// Outage shows what an operator sees while S3 is down: it runs the shipped pipeline.hcl and examples/producer.hcl on a real RabbitMQ and
// a real S3 server, takes S3 away, brings it back, and prints with the time of day the lines of logpipe's log, what the status page says,
// and what the receiver of the alerts gets. At the end it counts what was stored.
//
//	go run ./test/outage -for 310s
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

const (
	bucket   = "logs"
	before   = 20 * time.Second // all is well
	patience = 8 * time.Minute  // for the fallback to come home and the alerts to be over
)

var (
	lasts = flag.Duration("for", 310*time.Second, "how long S3 is down; an output is an outage to the alerts after 5 minutes")
	rate  = flag.Int("rate", 400, "messages a second")
	admin = flag.String("admin", "127.0.0.1:9600", "where the status page is")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &show{}
	err := s.run(ctx)
	s.close()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nThe outage could not be shown: %v\n", err)
		os.Exit(1)
	}
}

// show is what runs, and must be ended again.
type show struct {
	dir      string
	broker   *servers.Broker
	s3       *servers.S3
	receiver *receiver
	pipeline *process.Process
	producer *process.Process
	out      sync.Mutex
}

// say prints a line of one of those who speak.
func (s *show) say(who, format string, args ...any) {
	s.out.Lock()
	defer s.out.Unlock()
	fmt.Printf("%s  %-7s │ %s\n", time.Now().UTC().Format("15:04:05"), who, fmt.Sprintf(format, args...))
}

func (s *show) run(ctx context.Context) error {
	bin, err := s.setUp(ctx)
	if err != nil {
		return err
	}
	env := s.environment()
	tell := func(l process.Line) { s.say("log", "%s", l.Text("msg")) }
	if s.pipeline, err = process.Start(bin, env, tell, "run", "--log-format", "text", "--admin", *admin, "pipeline.hcl"); err != nil {
		return err
	}
	if s.producer, err = process.Start(bin, env, nil, "run", "--log-format", "json", "--admin", "", "examples/producer.hcl"); err != nil {
		return err
	}
	page := newPage(s, "http://"+*admin)
	if err := page.watch(ctx, before); err != nil {
		return err
	}
	s.say("outage", "S3 IS STOPPED, for %v", *lasts)
	if err := s.s3.Stop(ctx); err != nil {
		return err
	}
	if err := page.watch(ctx, *lasts); err != nil {
		return err
	}
	s.say("outage", "S3 IS STARTED")
	if err := s.s3.Start(ctx); err != nil {
		return err
	}
	if err := page.watchUntil(ctx, patience, func() bool { return page.state == "ok" && s.receiver.over() }); err != nil {
		return err
	}
	return s.count(ctx)
}

// setUp has a broker, an S3 server with a bucket, the program, and somebody to be called.
func (s *show) setUp(ctx context.Context) (bin string, err error) {
	if s.dir, err = os.MkdirTemp("", "logpipe-outage-"); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if bin, err = process.Build(ctx, s.dir); err != nil {
		return "", err
	}
	progress := func(text string) { s.say("servers", "%s", text) }
	if s.broker, err = servers.StartBroker(ctx, servers.Options{Log: progress, Own: true}); err != nil {
		return "", err
	}
	if s.s3, err = servers.StartS3(ctx, servers.Options{Log: progress, Own: true, Data: filepath.Join(s.dir, "s3")}); err != nil {
		return "", err
	}
	if s.receiver, err = listen(s); err != nil {
		return "", err
	}
	return bin, s.s3.MakeBucket(ctx, bucket)
}

// environment is what an operator sets.
func (s *show) environment() []string {
	return []string{
		"RABBITMQ_URL=" + s.broker.URL(),
		"S3_ENDPOINT=" + s.s3.Endpoint,
		"S3_BUCKET=" + bucket,
		"AWS_REGION=" + s.s3.Region,
		"AWS_ACCESS_KEY_ID=" + s.s3.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s.s3.SecretKey,
		"FALLBACK_PATH=" + filepath.Join(s.dir, "fallback", "failed_logs.ndjson"),
		"ALERT_WEBHOOK_URL=" + s.receiver.url,
		"MESSAGES=1000000000",
		"RATE=" + strconv.Itoa(*rate),
	}
}

func (s *show) close() {
	for _, p := range []*process.Process{s.producer, s.pipeline} {
		if p != nil {
			p.Kill()
		}
	}
	if s.receiver != nil {
		s.receiver.close()
	}
	if s.s3 != nil {
		_ = s.s3.Close() // all is over; what does not close is killed with this process
	}
	if s.broker != nil {
		_ = s.broker.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
