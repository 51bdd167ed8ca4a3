// Package tally counts where the generator's messages are, by their field seq: the checker of "no log is lost".
package tally

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/zstd"
	amqp "github.com/rabbitmq/amqp091-go"
)

// Tally says how often each sequence number was found.
type Tally struct {
	Count   map[int]int
	Places  int   // objects, files or queues looked into
	Bytes   int64 // as they are stored
	Strange []string
}

// New returns an empty one.
func New() *Tally { return &Tally{Count: map[int]int{}} }

var seq = regexp.MustCompile(`"seq":(\d+)`)

// Add counts one message, valid JSON or not. What has no seq is Strange.
func (t *Tally) Add(body []byte) {
	m := seq.FindSubmatch(body)
	if m == nil {
		t.Strange = append(t.Strange, string(body))
		return
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Strange = append(t.Strange, string(body))
		return
	}
	t.Count[n]++
}

// Lines counts each line of r.
func (t *Tally) Lines(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 32<<20)
	for s.Scan() {
		t.Add(s.Bytes())
	}
	return s.Err()
}

// Total is the number of messages, each as often as it is there; Twice how many of them are there again.
func (t *Tally) Total() int {
	n := 0
	for _, c := range t.Count {
		n += c
	}
	return n
}

// Twice is how many copies there are beyond the first of each message.
func (t *Tally) Twice() int { return t.Total() - len(t.Count) }

// Missing returns the numbers from first to last that are in none of the tallies.
func Missing(first, last int, tallies ...*Tally) (missing []int) {
next:
	for n := first; n <= last; n++ {
		for _, t := range tallies {
			if t.Count[n] > 0 {
				continue next
			}
		}
		missing = append(missing, n)
	}
	return missing
}

// Bucket counts every object of a bucket; those that end in .gz are gzip, in .zst zstd.
func (t *Tally) Bucket(ctx context.Context, client *s3.Client, bucket string) error {
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", bucket, err)
		}
		for _, o := range page.Contents {
			if err := t.object(ctx, client, bucket, aws.ToString(o.Key)); err != nil {
				return err
			}
			t.Places++
			t.Bytes += aws.ToInt64(o.Size)
		}
	}
	return nil
}

func (t *Tally) object(ctx context.Context, client *s3.Client, bucket, key string) error {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return fmt.Errorf("get %s: %w", key, err)
	}
	defer out.Body.Close()
	r, err := unpack(key, out.Body)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", key, err)
	}
	defer r.Close()
	if err := t.Lines(r); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

func unpack(key string, r io.Reader) (io.ReadCloser, error) {
	switch path.Ext(key) {
	case ".gz":
		return gzip.NewReader(r)
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// Queue takes every message out of a queue, counts it, and returns the headers of the first. A quorum queue that has no time, as one soon
// after its broker's crash, answers with an internal error; it is asked again.
func (t *Tally) Queue(url, queue string) (first amqp.Table, err error) {
	for range 10 {
		if err = t.take(url, queue, &first); err == nil {
			t.Places++
			return first, nil
		}
		var answer *amqp.Error
		if !errors.As(err, &answer) || answer.Code != amqp.InternalError {
			return nil, err
		}
	}
	return nil, err
}

// take takes one message after the other: of a consumer with many, those behind one that ends the connection would be lost. 70,000 take ten minutes on a busy machine.
func (t *Tally) take(url, queue string, first *amqp.Table) error {
	conn, err := amqp.Dial(url)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	for {
		d, ok, err := ch.Get(queue, true)
		if err != nil {
			return fmt.Errorf("get from %s: %w", queue, err)
		}
		if !ok {
			return nil
		}
		if *first == nil {
			*first = d.Headers
		}
		t.Bytes += int64(len(d.Body))
		t.Add(bytes.TrimSpace(d.Body))
	}
}

// Depth is how many messages wait in a queue, and how many consumers it has; messages that are delivered and unacked do not count.
func Depth(url, queue string) (messages, consumers int, err error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return 0, 0, fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return 0, 0, fmt.Errorf("open a channel: %w", err)
	}
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("look at queue %s: %w", queue, err)
	}
	return q.Messages, q.Consumers, nil
}

// Taken reports whether a queue that is being consumed has nothing left to deliver. A busy quorum queue answers that it has
// no messages, and no consumers either, when it has no time to count: so an empty queue without a consumer is not believed.
func Taken(url, queue string) (bool, error) {
	messages, consumers, err := Depth(url, queue)
	return err == nil && messages == 0 && consumers > 0, err
}
