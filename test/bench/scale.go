package main

import (
	"context"
	"fmt"
	"strconv"
)

// measureScale shows what more processes and more queues add.
func measureScale(ctx context.Context, b *bench) error {
	if err := b.moreReplicas(ctx); err != nil {
		return err
	}
	// A stream that needs several queues is not kept on one node: the shards are of the type that examples/sharded.hcl makes.
	defer func(was bool) { b.quorum = was }(b.quorum)
	b.quorum = true
	if err := b.intoShards(ctx); err != nil {
		return err
	}
	return b.outOfShards(ctx)
}

// shards is how many queues share the stream.
const shards = 4

// moreReplicas shows where the broker ends it: one queue is one process in the broker, however many read it. Each replica's
// last batch is not full and waits for its age, which is short here, so that this does not pass for the speed.
func (b *bench) moreReplicas(ctx context.Context) error {
	var names []string
	var fillings []filling
	for _, queues := range []int{1, 4} {
		for _, replicas := range []int{1, 2, 4} {
			names = append(names, fmt.Sprintf("queues %d, replicas %d", queues, replicas))
			fillings = append(fillings, filling{queues: queues, replicas: replicas, messages: b.messages, size: b.size, env: []string{"AGE=250ms"}})
		}
	}
	t := newTable("scale: replicas", "amqp → s3, "+b.what()+"; CPU of all replicas together, the peak of the largest", names[0])
	return b.growing(ctx, t, names, fillings)
}

// intoShards shows what the exchange costs the broker, and what it takes in: by one publisher, and by four at once.
func (b *bench) intoShards(ctx context.Context) error {
	t := newTable("scale: publishing to shards", b.what()+"; raw publishers, each with 1000 unconfirmed at most", "one queue, publishers 1")
	for range b.rounds {
		for _, publishers := range []int{1, 4} {
			for _, queues := range []int{1, shards} {
				name := fmt.Sprintf("%s, publishers %d", sharding(queues), publishers)
				f, err := b.intoQueues(ctx, name, queues, publishers)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				t.add(name, f)
			}
		}
	}
	t.print()
	return nil
}

func sharding(queues int) string {
	if queues == 1 {
		return "one queue"
	}
	return strconv.Itoa(queues) + " shards"
}

func (b *bench) intoQueues(ctx context.Context, name string, queues, publishers int) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := b.place(ctx, queues)
	if err != nil {
		return f, err
	}
	p := b.raw(name, "publisher").making(b.messages/publishers, b.size)
	p.messages = b.messages / publishers * publishers
	if queues > 1 {
		if err := s.share(); err != nil {
			return f, err
		}
		p.env = append(p.env, "EXCHANGE="+s.shared)
	}
	return b.publishTo(ctx, s, p, publishers)
}

// outOfShards shows what the shards give: to one process that reads all of them, and to a process for each, which is what keeps the
// order of a key.
func (b *bench) outOfShards(ctx context.Context) error {
	all := b.logpipe("4 shards, one process", "queues.hcl", "AGE=250ms")
	each := b.logpipe("4 shards, a process for each", "drain.hcl", "AGE=250ms")
	each.each = func(i int) []string { return []string{"QUEUE=bench-" + strconv.Itoa(i+1)} }
	programs := []program{b.logpipe("one queue, one process", "drain.hcl", "AGE=250ms"), b.logpipe("one queue, four processes", "drain.hcl", "AGE=250ms"), all, each}
	fillings := []filling{{queues: 1, replicas: 1}, {queues: 1, replicas: shards}, {queues: shards, replicas: 1, shared: true}, {queues: shards, replicas: shards, shared: true}}
	t := newTable("scale: shards to S3", "amqp → s3, "+b.what()+", a thousand keys; CPU of all processes together, the peak of the largest", programs[0].name)
	for range b.rounds {
		for i, p := range programs {
			p.stores = true
			fill := fillings[i]
			fill.messages, fill.size = b.messages, b.size
			f, err := b.drain(ctx, p, fill)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			t.add(p.name, f)
		}
	}
	t.print()
	return nil
}
