package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	rawPublish   = "raw publisher"
	equalPublish = "raw publisher, mandatory, with id and time"
	ourPublish   = "logpipe generator → amqp"
)

func measurePublish(ctx context.Context, b *bench) error {
	programs := append([]program{
		b.raw(rawPublish, "publisher"),
		b.raw(equalPublish, "publisher", "AS_LOGPIPE=1"),
		b.generates(ourPublish, "publish.hcl"),
	}, b.peers(
		program{name: "peer generate → amqp", args: []string{"-c", config("peer-publish.yaml")}, ends: true},
	)...)
	for i, p := range programs {
		programs[i] = p.making(b.messages, b.size)
	}
	t := newTable("publish, persistent and confirmed", b.what()+"; the raw publisher has 1000 unconfirmed at most", rawPublish)
	err := t.measure(b.rounds, programs, func(p program) (figures, error) { return b.publish(ctx, p) })
	if err != nil {
		return err
	}
	t.atLeast("messages/s, of the raw publisher", t.ratio(figures.rate, ourPublish, rawPublish), 0.95)
	t.atLeast("messages/s, of the raw publisher of the same messages", t.ratio(figures.rate, ourPublish, equalPublish), 0.95)
	t.atMost("CPU-s/M", t.median(ourPublish, figures.cpuPerMillion), 12)
	t.print()
	return nil
}

// generates is logpipe making records; it ends when all are written.
func (b *bench) generates(name, hcl string, env ...string) program {
	p := b.logpipe(name, hcl, env...)
	p.ends = true
	return p
}

// making tells a program how many records to make. The peer gets a body that is ready, which costs it less than making one.
func (p program) making(n, size int) program {
	p.messages = n
	p.env = append(p.env, "MESSAGES="+strconv.Itoa(n), "MESSAGE_SIZE="+strconv.Itoa(size), "BODY="+strings.Repeat("x", size))
	return p
}

// publish measures a program from the first message in the queue to the last.
func (b *bench) publish(ctx context.Context, p program) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := b.place(ctx, 1)
	if err != nil {
		return f, err
	}
	return b.publishTo(ctx, s, p, 1)
}

// publishTo is publish for a place that is there, with n processes; p.messages is what all of them publish.
func (b *bench) publishTo(ctx context.Context, s *place, p program, n int) (f figures, err error) {
	r, err := b.launch(p, s.env(), n)
	if err != nil {
		return f, err
	}
	defer r.kill()
	began, before, err := s.filled(ctx, r, 1)
	if err != nil {
		return f, err
	}
	ended, after, err := s.filled(ctx, r, p.messages)
	if err != nil {
		return f, err
	}
	if after != p.messages {
		return f, fmt.Errorf("%d messages are in the queue, want %d", after, p.messages)
	}
	f.messages = p.messages
	if err := r.finish(ctx, &f); err != nil {
		return f, err
	}
	// What was there at the first look was not published in the time between the two.
	f.took = time.Duration(float64(ended.Sub(began)) * float64(after) / float64(after-before))
	return f, s.remove(ctx)
}

// filled waits until at least n messages are in the queue and says when that was and how many there were.
func (s *place) filled(ctx context.Context, r *replicas, n int) (at time.Time, ready int, err error) {
	err = r.until(ctx, 5*time.Millisecond, func() (bool, error) {
		at = time.Now()
		ready, _, err = s.depth()
		return ready >= n, err
	})
	return at, ready, err
}
