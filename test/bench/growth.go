package main

import (
	"context"
	"fmt"
	"slices"
)

// measureGrowth shows what changes as the work grows.
func measureGrowth(ctx context.Context, b *bench) error {
	for _, part := range []func(context.Context) error{b.longerQueues, b.largerBodies, b.longRun} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// growing measures logpipe with one filling after the other.
func (b *bench) growing(ctx context.Context, t *table, names []string, fillings []filling) error {
	for range b.rounds {
		for i, fill := range fillings {
			hcl := "drain.hcl"
			if fill.queues > 1 {
				hcl = "queues.hcl"
			}
			p := b.logpipe(names[i], hcl, fill.env...)
			p.stores = true
			f, err := b.drain(ctx, p, fill)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			t.add(names[i], f)
		}
	}
	t.print()
	return nil
}

func (b *bench) longerQueues(ctx context.Context) error {
	var names []string
	var fillings []filling
	for _, n := range b.queues {
		names = append(names, thousands(float64(n))+" messages")
		fillings = append(fillings, filling{queues: 1, replicas: 1, messages: n, size: b.size})
	}
	t := newTable("growth: longer queues", fmt.Sprintf("amqp → s3, %d bytes; the CPU is with the start of the process, which few messages must pay alone", b.size), names[len(names)-1])
	return b.growing(ctx, t, names, fillings)
}

func (b *bench) largerBodies(ctx context.Context) error {
	var names []string
	var fillings []filling
	for _, size := range []int{100, 262, 1024} {
		names = append(names, fmt.Sprintf("%d bytes", size))
		fillings = append(fillings, filling{queues: 1, replicas: 1, messages: b.messages, size: size})
	}
	t := newTable("growth: larger bodies", "amqp → s3, "+thousands(float64(b.messages))+" messages", names[1])
	return b.growing(ctx, t, names, fillings)
}

// longRun shows whether memory grows with time: the median of each fifth of a long run.
func (b *bench) longRun(ctx context.Context) error {
	s, err := b.place(ctx, 1)
	if err != nil {
		return err
	}
	p := b.generates("long run", "long.hcl").making(b.long, b.size)
	p.stores = true
	f, err := b.alone(ctx, p, s)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	fmt.Printf("\n### growth: memory over a long run\n\ngenerator → batch 1000 → s3, gzip, %s records of %d bytes on one core: %s messages/s, %.1f CPU-s/M, peak %.0f MB.\n\n",
		thousands(float64(f.messages)), b.size, thousands(f.rate()), f.cpuPerMillion(), f.megabytes())
	fmt.Print("| fifth of the run | median MB | largest MB |\n| --- | --- | --- |\n")
	for i := range 5 {
		part := slices.Sorted(slices.Values(f.samples[len(f.samples)*i/5 : len(f.samples)*(i+1)/5]))
		if len(part) == 0 {
			return fmt.Errorf("the long run was over after %d looks at its memory; make it longer with -long", len(f.samples))
		}
		fmt.Printf("| %d | %.1f | %.1f |\n", i+1, float64(part[len(part)/2])/1e6, float64(part[len(part)-1])/1e6)
	}
	return s.remove(ctx)
}
