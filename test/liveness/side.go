package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/internal/sleep"
	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

const (
	queue       = "liveness"
	size        = 340  // bytes of a message
	rarity      = 150  // one message in so many is rare
	unconfirmed = 1000 // at most
	startup     = 3 * time.Minute
)

// side is a broker with its publisher and its logpipe.
type side struct {
	rare   bool
	broker *servers.Broker
	conn   *amqp.Connection
	logs   *process.Process
	admin  string

	stall atomic.Int64 // the longest time without a confirm, in ns
	err   atomic.Pointer[error]
}

// measure runs both sides of a case, side by side or one after the other.
func measure(ctx context.Context, bin string, c testCase) (r row, err error) {
	r.testCase, r.Alone = c, *alone
	if err := os.Setenv(servers.EnvRabbitMQ, c.Broker); err != nil {
		return r, err
	}
	if !*alone {
		return r, runSides(ctx, bin, &r, false, true)
	}
	if err := runSides(ctx, bin, &r, false); err != nil {
		return r, err
	}
	return r, runSides(ctx, bin, &r, true)
}

// runSides runs these sides at once, without and with the rare partition, and notes what was measured.
func runSides(ctx context.Context, bin string, r *row, rare ...bool) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	var publishers sync.WaitGroup
	defer publishers.Wait()
	defer cancel()
	store, err := servers.StartS3(ctx, servers.Options{Own: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var sides []*side
	for i, rare := range rare {
		s := &side{rare: rare}
		sides = append(sides, s)
		defer s.close()
		bucket := fmt.Sprint("liveness-", i)
		if err := store.MakeBucket(ctx, bucket); err != nil {
			return err
		}
		if err := s.start(ctx, bin, bucket, store, r.testCase); err != nil {
			return err
		}
	}
	for _, s := range sides {
		publishers.Go(func() { s.publish(ctx, r.Rate) })
	}
	if err := sleep.For(ctx, *warm); err != nil {
		return err
	}
	before := make([]sample, len(sides))
	for i, s := range sides {
		s.stall.Store(0)
		if before[i], err = s.look(); err != nil {
			return err
		}
	}
	if err := sleep.For(ctx, *lasts); err != nil {
		return err
	}
	for i, s := range sides {
		if err := s.note(r, before[i]); err != nil {
			return err
		}
	}
	return nil
}

// note writes down what a side did since before.
func (s *side) note(r *row, before sample) error {
	after, err := s.look()
	if err != nil {
		return err
	}
	at := 0
	if s.rare {
		at = 1
	}
	written := after.written - before.written
	r.Flow[at] = written / after.at.Sub(before.at).Seconds()
	r.CPU[at] = (after.cpu - before.cpu).Seconds() / max(written, 1) * 1e6
	r.Stall[at] = time.Duration(s.stall.Load()).Seconds()
	return nil
}

func (s *side) start(ctx context.Context, bin, bucket string, store *servers.S3, c testCase) (err error) {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	if s.broker, err = servers.StartBroker(ctx, servers.Options{Own: true}); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "liveness")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // read once
	file := filepath.Join(dir, "pipeline.hcl")
	prefetch := ""
	if *fetch > 0 {
		prefetch = fmt.Sprintf("prefetch = %d", *fetch)
	}
	text := fmt.Sprintf(`
pipeline "liveness" {
  input "amqp" {
    url        = %q
    queue      = %q
    queue_type = %q
    %s
  }
  processor "batch" {
    count        = 5000
    age          = %q
    partition_by = ["source"]
  }
  output "s3" {
    bucket   = %q
    endpoint = %q
    region   = %q
    key      = "logs/${batch.partition.source}/${batch.id}.ndjson"
  }
}
`, s.broker.URL(), queue, c.Kind, prefetch, c.Age, bucket, store.Endpoint, store.Region)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.admin = l.Addr().String()
	l.Close()
	if s.logs, err = process.Start(bin, []string{"AWS_ACCESS_KEY_ID=" + store.AccessKey, "AWS_SECRET_ACCESS_KEY=" + store.SecretKey}, nil, "run", "--admin", s.admin, file); err != nil {
		return err
	}
	if _, err = s.logs.Await(ctx, "input is open"); err != nil {
		return fmt.Errorf("%w\n%s", err, s.logs.Tail(20))
	}
	s.conn, err = amqp.Dial(s.broker.URL())
	return err
}

func (s *side) close() {
	if s.logs != nil {
		s.logs.Kill()
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.broker != nil {
		s.broker.Close()
	}
}

// publish sends messages until ctx ends, and notes how long no confirm came.
func (s *side) publish(ctx context.Context, rate int) {
	if err := s.publishAll(ctx, rate); err != nil && ctx.Err() == nil {
		s.err.Store(&err)
	}
}

func (s *side) publishAll(ctx context.Context, rate int) error {
	ch, err := s.conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	window := make(chan *amqp.DeferredConfirmation, unconfirmed)
	go func() {
		last := time.Now()
		for confirm := range window {
			confirm.Wait()
			gap := int64(time.Since(last))
			last = time.Now()
			if rate == 0 || gap > int64(50*time.Millisecond) {
				s.stall.Store(max(s.stall.Load(), gap))
			}
		}
	}()
	defer close(window)
	began, pad := time.Now(), strings.Repeat("x", size)
	for n := 0; ctx.Err() == nil; n++ {
		if rate > 0 && n%50 == 0 {
			time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		}
		source := "common"
		if s.rare && n%rarity == 0 {
			source = "rare"
		}
		body := fmt.Appendf(nil, `{"source":%q,"seq":%d,"text":"`, source, n)
		body = append(append(body, pad[:size-len(body)-2]...), `"}`...)
		confirm, err := ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
		if err != nil {
			return err
		}
		window <- confirm
	}
	return nil
}

// sample is how far a side is.
type sample struct {
	at      time.Time
	written float64       // messages in the store
	cpu     time.Duration // of the broker
}

func (s *side) look() (now sample, err error) {
	if err := s.err.Load(); err != nil {
		return now, fmt.Errorf("publish: %w", *err)
	}
	answer, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		return now, err
	}
	defer answer.Body.Close()
	now.at = time.Now()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), "} "); ok && strings.HasPrefix(name, "logpipe_written_messages_total{") {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return now, err
			}
			now.written += n
		}
	}
	pid, err := s.broker.PID()
	if err != nil {
		return now, err
	}
	now.cpu, err = cpuTime(pid)
	return now, errors.Join(lines.Err(), err)
}

// cpuTime is what a process has taken so far, of user and system together, in ticks of 10 ms.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte(") "))
	fields := strings.Fields(string(rest)) // from field 3 on
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}
