package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/logpipe/logpipe/test/tally"
)

// place is where one run happens: a virtual host with its queues and a bucket, both new, so that no run pays for another's.
type place struct {
	b      *bench
	name   string
	url    string
	queues []string
	shared string // the exchange that shares messages out over the queues by their keys; "" without one
	conn   *amqp.Connection
	ch     *amqp.Channel
}

// place makes one with n queues, bench-1 and so on.
func (b *bench) place(ctx context.Context, n int) (s *place, err error) {
	b.places++
	s = &place{b: b, name: fmt.Sprintf("bench-%d-%d", os.Getpid(), b.places)}
	if s.url, err = b.broker.VHost(ctx, s.name); err != nil {
		return nil, err
	}
	if err = b.s3.MakeBucket(ctx, s.name); err != nil {
		return nil, err
	}
	if s.conn, s.ch, err = dial(s.url); err != nil {
		return nil, err
	}
	arguments := amqp.Table{}
	if b.quorum {
		arguments[amqp.QueueTypeArg] = amqp.QueueTypeQuorum
	}
	for i := range n {
		name := "bench-" + strconv.Itoa(i+1)
		if _, err := s.ch.QueueDeclare(name, true, false, false, false, arguments); err != nil {
			return nil, fmt.Errorf("declare queue %s: %w", name, err)
		}
		s.queues = append(s.queues, name)
	}
	return s, nil
}

// share binds all queues to one exchange that hashes the key, each with the weight 1.
func (s *place) share() error {
	s.shared = "bench"
	if err := s.ch.ExchangeDeclare(s.shared, "x-consistent-hash", true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare exchange %s: %w", s.shared, err)
	}
	for _, queue := range s.queues {
		if err := s.ch.QueueBind(queue, "1", s.shared, false, nil); err != nil {
			return fmt.Errorf("bind queue %s: %w", queue, err)
		}
	}
	return nil
}

// remove takes it away.
func (s *place) remove(ctx context.Context) error {
	return errors.Join(s.conn.Close(), s.b.broker.DeleteVHost(ctx, s.name), s.b.s3.DeleteBucket(ctx, s.name))
}

// fill publishes n messages, spread evenly over the queues or by the exchange, with the raw publisher: nothing that is measured makes
// its own messages.
func (s *place) fill(ctx context.Context, n, size int) error {
	if s.shared != "" {
		if err := publish(ctx, s.url, byKey(s.shared), 1, n, size); err != nil {
			return fmt.Errorf("fill exchange %s: %w", s.shared, err)
		}
		return s.counted(ctx, n)
	}
	each := n / len(s.queues)
	for i, queue := range s.queues {
		if err := publish(ctx, s.url, inQueue(queue), 1+i*each, each, size); err != nil {
			return fmt.Errorf("fill queue %s: %w", queue, err)
		}
	}
	return s.counted(ctx, n)
}

// counted waits until the broker's own count, which lags by a second, says that n messages are there: the count before would say
// that nothing is left to do. It also lets the broker come to rest.
func (s *place) counted(ctx context.Context, n int) error {
	for {
		have, err := s.unsettled(ctx)
		if err != nil || have == n {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the broker counts %d of %d messages: %w", have, n, ctx.Err())
		}
	}
}

// env is what every program is told of the place.
func (s *place) env() []string {
	return []string{
		"RABBITMQ_URL=" + s.url, "QUEUE=" + s.queues[0],
		"S3_ENDPOINT=" + s.b.s3.Endpoint, "S3_BUCKET=" + s.name, "AWS_REGION=" + s.b.s3.Region,
		"AWS_ACCESS_KEY_ID=" + s.b.s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.b.s3.SecretKey,
		"DEAD_LETTERS=" + filepath.Join(s.b.dir, s.name+".dead"),
	}
}

// depth is how many messages are ready in all queues, and how many consumers they have.
func (s *place) depth() (ready, consumers int, err error) {
	for _, name := range s.queues {
		q, err := s.ch.QueueDeclarePassive(name, true, false, false, false, nil)
		if err != nil {
			return 0, 0, fmt.Errorf("look at queue %s: %w", name, err)
		}
		ready, consumers = ready+q.Messages, consumers+q.Consumers
	}
	return ready, consumers, nil
}

// unsettled is how many messages the broker has, those that are delivered and not acked included; -1 before its
// first count. It counts once a second.
func (s *place) unsettled(ctx context.Context) (n int, err error) {
	var queues []struct{ Messages *int } // with the name, too: of nothing but a column that is missing the broker makes a list
	if err := s.b.broker.Admin(ctx, "GET", "/api/queues/"+s.name+"?columns=name,messages", nil, &queues); err != nil {
		return 0, err
	}
	for _, q := range queues {
		if q.Messages == nil { // not counted yet
			return -1, nil
		}
		n += *q.Messages
	}
	return n, nil
}

// lastObject is when the newest object was written. The server's own listing has whole seconds only.
func (s *place) lastObject() (last time.Time, err error) {
	err = filepath.WalkDir(filepath.Join(s.b.s3.Data, s.name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(filepath.Base(path), ".ndjson") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return err
	})
	return last, err
}

// check counts what is in S3 and returns how many messages are there again. A missing one is an error.
func (s *place) check(ctx context.Context, n int) (twice int, err error) {
	stored := tally.New()
	if err := stored.Bucket(ctx, s.b.s3.Client(), s.name); err != nil {
		return 0, err
	}
	if missing := tally.Missing(1, n, stored); len(missing) > 0 {
		return 0, fmt.Errorf("%d of %d messages are missing, the first is number %d", len(missing), n, missing[0])
	}
	return stored.Twice(), nil
}
