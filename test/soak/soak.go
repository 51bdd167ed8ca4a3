package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/proxy"
	"github.com/logpipe/logpipe/test/servers"
)

// patience is for what must happen once all has healed.
const patience = 3 * time.Minute

// How many records of the producer are not JSON: one in so many.
const invalidEvery = 500

// soak is one run.
type soak struct {
	seed   uint64
	rand   *rand.Rand
	bin    string
	server *servers.Broker
	s3     *servers.S3

	dir, url, bucket string
	way              *proxy.Proxy // to the broker
	store            *proxy.Store // to S3
	replicas         []*replica
	producer         *process.Process
	messages         int
	began            time.Time
	happened         []event
	window           int // of one replica
	repeats          int // how often a window may come again: crashes, and connections that were lost
}

// event is a fault that happened, with its times since the beginning.
type event struct {
	what     string
	from, to time.Duration
}

func (s *soak) say(format string, args ...any) {
	fmt.Printf("%6.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *soak) run(ctx context.Context) (err error) {
	if err := s.setUp(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.tearDown()) }()
	for range *replicas {
		r := &replica{s: s, number: len(s.replicas) + 1}
		s.replicas = append(s.replicas, r)
		if err := r.start(); err != nil {
			return err
		}
	}
	if s.window, err = s.replicas[0].prefetch(ctx); err != nil {
		return err
	}
	if s.producer, err = process.Start(s.bin, s.environment(s.url, s.s3.Endpoint), nil, "run", "examples/producer.hcl"); err != nil {
		return err
	}
	s.began = time.Now()
	fmt.Printf("seed %d: %d replicas, %d messages in %v, then faults end\n", s.seed, len(s.replicas), s.messages, *length)
	if err := s.faults(ctx); err != nil {
		return s.withLogs(err)
	}
	s.say("all heals")
	if err := s.heal(ctx); err != nil {
		return s.withLogs(err)
	}
	return s.count(ctx)
}

// withLogs adds the last lines of each process, for what was not foreseen.
func (s *soak) withLogs(err error) error {
	for _, r := range s.replicas {
		err = fmt.Errorf("%w\nreplica %d, ended: %v\n%s", err, r.number, r.p.Ended(), r.p.Tail(12))
	}
	return fmt.Errorf("%w\nproducer, ended: %v\n%s", err, s.producer.Ended(), s.producer.Tail(5))
}

// setUp makes a virtual host, a bucket, a folder, and the breakable ways.
func (s *soak) setUp(ctx context.Context) (err error) {
	name := fmt.Sprintf("soak-%d-%d", s.seed, os.Getpid())
	if s.url, err = s.server.VHost(ctx, name); err != nil {
		return err
	}
	s.bucket = name
	if err := s.s3.MakeBucket(ctx, name); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "logpipe-soak-"); err != nil {
		return err
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	if s.way, err = proxy.Start(u.Host); err != nil {
		return err
	}
	if s.store, err = proxy.StartStore(s.s3.Endpoint); err != nil {
		return err
	}
	s.messages = *rate * int(length.Seconds())
	return nil
}

func (s *soak) tearDown() error {
	for _, r := range s.replicas {
		r.p.Kill()
	}
	if s.producer != nil {
		s.producer.Kill()
	}
	s.way.Close()
	s.store.Close()
	return os.RemoveAll(s.dir)
}

// environment is that of the shipped files.
func (s *soak) environment(broker, store string) []string {
	return []string{
		"RABBITMQ_URL=" + broker, "S3_ENDPOINT=" + store, "S3_BUCKET=" + s.bucket,
		"AWS_REGION=" + s.s3.Region, "AWS_ACCESS_KEY_ID=" + s.s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.s3.SecretKey,
		"FALLBACK_PATH=" + s.fallback(), "BATCH_SIZE=100", "RETRY_LIMIT=2",
		"MESSAGES=" + strconv.Itoa(s.messages), "RATE=" + strconv.Itoa(*rate), "INVALID_EVERY=" + strconv.Itoa(invalidEvery),
	}
}

// fallback is one file for all replicas.
func (s *soak) fallback() string { return filepath.Join(s.dir, "fallback", "failed.ndjson") }

// replica is one logpipe process, also after it was started again.
type replica struct {
	s      *soak
	number int
	p      *process.Process
	ended  []*process.Process // its earlier lives
}

// start begins a life. The replica's way to the broker and to S3 is the breakable one.
func (r *replica) start() error {
	u, err := url.Parse(r.s.url)
	if err != nil {
		return err
	}
	u.Host = r.s.way.Addr
	query := u.Query()
	query.Set("heartbeat", "3") // so that silence is found within the time of a run
	u.RawQuery = query.Encode()
	if r.p != nil {
		r.ended = append(r.ended, r.p)
	}
	r.p, err = process.Start(r.s.bin, r.s.environment(u.String(), r.s.store.URL), nil, "pipeline.hcl")
	return err
}

func (r *replica) prefetch(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	line, err := r.p.Await(ctx, "prefetch is set")
	return line.Int("messages"), err
}

// lost is how often it said that it lost its input.
func (r *replica) lost() int {
	n := 0
	for _, p := range append(r.ended, r.p) {
		for _, l := range p.Log() {
			if l.Text("msg") == "input is lost; opening it again until it is back" {
				n++
			}
		}
	}
	return n
}

// heal ends every fault and waits until all is delivered; then the replicas drain.
func (s *soak) heal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.way.Heal()
	s.store.Heal()
	if code, err := s.producer.Wait(ctx); err != nil || code != 0 {
		return fmt.Errorf("the producer ended with exit code %d: %w\n%s", code, err, s.producer.Tail(5))
	}
	if err := s.emptied(ctx); err != nil {
		return err
	}
	for _, r := range s.replicas {
		if code, err := r.p.Stop(ctx); err != nil || code != 0 {
			return fmt.Errorf("replica %d ended with exit code %d: %w\n%s", r.number, code, err, r.p.Tail(10))
		}
	}
	return nil
}
