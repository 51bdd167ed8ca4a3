package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// filling is what a drain starts from.
type filling struct {
	queues, replicas, messages, size int
	shared                           bool // the queues share the messages by their keys
	env                              []string
}

const (
	rawDrain   = "raw amqp091-go drain"
	peerPlain  = "peer as documented"
	peerBest   = "peer, best settings"
	plainDrain = "logpipe"
	gzipDrain  = "logpipe, gzip"
	nowhere    = "logpipe, thrown away"
)

func measureDrain(ctx context.Context, b *bench) error {
	fill := filling{queues: 1, replicas: 1, messages: b.messages, size: b.size}
	programs := append([]program{
		b.raw(rawDrain, "consumer", "MESSAGES="+strconv.Itoa(b.messages)),
		b.logpipe(nowhere, "nowhere.hcl"),
		b.drains(plainDrain),
		b.drains(gzipDrain, "COMPRESSION=gzip"),
		b.drains("logpipe, zstd", "COMPRESSION=zstd"),
	}, b.peers(
		program{name: peerPlain, args: []string{"-c", config("peer.yaml")}, stores: true},
		program{name: peerPlain + ", gzip", args: []string{"-c", config("peer-gzip.yaml")}, stores: true},
		program{name: peerBest, args: []string{"-c", config("peer-best.yaml")}, stores: true},
		program{name: peerBest + ", gzip", args: []string{"-c", config("peer-best-gzip.yaml")}, stores: true},
	)...)
	t := newTable("amqp → json → batch 1000 → s3", b.what()+"; the raw drain stores nothing, with a prefetch of 5000 and an ack for each 100", rawDrain, peerPlain, peerBest)
	err := t.measure(b.rounds, programs, func(p program) (figures, error) { return b.drain(ctx, p, fill) })
	if err != nil {
		return err
	}
	t.atLeast("messages/s, of the raw drain", t.ratio(figures.rate, plainDrain, rawDrain), 1)
	t.atLeast("messages/s when they are thrown away too, of the raw drain", t.ratio(figures.rate, nowhere, rawDrain), 1)
	t.atMost("CPU-s/M", t.median(plainDrain, figures.cpuPerMillion), 6)
	t.atMost("CPU-s/M with gzip", t.median(gzipDrain, figures.cpuPerMillion), 7.5)
	t.atMost("CPU of the broker, of the raw drain's", t.ratio(figures.brokerPerMillion, plainDrain, rawDrain), 1.1)
	t.atMost("peak MB", t.median(plainDrain, figures.megabytes), 40)
	if b.peer != "" {
		t.atLeast("messages/s, of the peer as documented", t.ratio(figures.rate, plainDrain, peerPlain), 3.2)
		t.atLeast("messages/s, of the peer at its best", t.ratio(figures.rate, plainDrain, peerBest), 2)
		t.atMost("CPU, of the peer as documented", t.ratio(figures.cpuPerMillion, plainDrain, peerPlain), 0.25)
		t.atMost("CPU with gzip, of the peer with gzip", t.ratio(figures.cpuPerMillion, gzipDrain, peerPlain+", gzip"), 0.25)
	}
	t.print()
	return nil
}

// drains is logpipe taking a queue to S3.
func (b *bench) drains(name string, env ...string) program {
	p := b.logpipe(name, "drain.hcl", env...)
	p.stores = true
	return p
}

// what says what a queue is filled with.
func (b *bench) what() string {
	kind := "durable classic queue"
	if b.quorum {
		kind = "quorum queue"
	}
	return fmt.Sprintf("%s persistent messages of %d bytes, %s", thousands(float64(b.messages)), b.size, kind)
}

// drain measures a program from its first consumer to the last object, or for the raw one, to its last ack.
func (b *bench) drain(ctx context.Context, p program, fill filling) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := b.place(ctx, fill.queues)
	if err != nil {
		return f, err
	}
	if fill.shared {
		if err := s.share(); err != nil {
			return f, err
		}
	}
	if err := s.fill(ctx, fill.messages, fill.size); err != nil {
		return f, err
	}
	r, err := b.launch(p, s.env(), fill.replicas)
	if err != nil {
		return f, err
	}
	defer r.kill()
	f.messages = fill.messages
	began, ended, err := s.watch(ctx, r)
	if err != nil {
		return f, err
	}
	if err := r.finish(ctx, &f); err != nil {
		return f, err
	}
	if p.stores {
		if ended, err = s.lastObject(); err != nil {
			return f, err
		}
		if f.twice, err = s.check(ctx, fill.messages); err != nil {
			return f, err
		}
	}
	f.took = ended.Sub(began)
	return f, s.remove(ctx)
}

// watch waits until the queues are consumed, empty, and everything that was taken is acked.
func (s *place) watch(ctx context.Context, r *replicas) (began, ended time.Time, err error) {
	err = r.until(ctx, time.Millisecond, func() (bool, error) {
		_, consumers, err := s.depth()
		return consumers > 0 || r.ended(), err
	})
	if err != nil {
		return began, ended, err
	}
	began = time.Now()
	err = r.until(ctx, 5*time.Millisecond, func() (bool, error) {
		if r.ends {
			return r.ended(), nil
		}
		ready, consumers, err := s.depth()
		return ready == 0 && consumers > 0, err // see tally.Taken
	})
	if err != nil {
		return began, ended, err
	}
	ended = time.Now()
	return began, ended, r.until(ctx, 200*time.Millisecond, func() (bool, error) {
		n, err := s.unsettled(ctx)
		return n == 0, err
	})
}
