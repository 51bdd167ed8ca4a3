package main

import (
	"context"
	"fmt"
)

// measureScale shows what more processes and more queues add.
func measureScale(ctx context.Context, b *bench) error {
	return b.moreReplicas(ctx)
}

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
