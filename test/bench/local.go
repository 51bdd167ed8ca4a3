package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

// level is the gzip level that the output s3 has when nobody sets one.
const level = 5

func measureLocal(ctx context.Context, b *bench) error {
	return errors.Join(b.throughEngine(ctx), b.throughCompressor(ctx), b.starts(ctx))
}

// throughEngine measures what the engine itself costs, on one core. The peer is slower by far, so it gets fewer messages.
func (b *bench) throughEngine(ctx context.Context) error {
	const name, one, hundred = "logpipe generator → stdout", "peer generate → drop", "peer generate → drop, batch_size 100"
	drop := []string{"-c", config("peer-drop.yaml")}
	programs := append([]program{b.generates(name, "stdout.hcl").making(b.local, b.size)}, b.peers(
		program{name: one, args: drop, env: []string{"BATCH_SIZE=1"}, ends: true}.making(b.local/50, b.size),
		program{name: hundred, args: drop, env: []string{"BATCH_SIZE=100"}, ends: true}.making(b.local/5, b.size),
	)...)
	t := newTable("in the process, on one core", fmt.Sprintf("%s records of %d bytes, the peer's a fifth or a fiftieth of that",
		thousands(float64(b.local)), b.size), one, hundred)
	err := t.measure(b.rounds, programs, func(p program) (figures, error) { return b.alone(ctx, p, nil) })
	if err != nil {
		return err
	}
	t.atLeast("messages/s on one core", t.median(name, figures.rate), 5e6)
	t.print()
	return nil
}

// throughCompressor measures a file to S3 beside the compressor alone on the same lines, both on one core; the server has the others.
func (b *bench) throughCompressor(ctx context.Context) error {
	const alone, ours = "klauspost gzip alone", "logpipe file → s3, gzip"
	lines, n := filepath.Join(b.dir, "lines"), b.local/5
	if err := writeLines(lines, n, b.size); err != nil {
		return err
	}
	env := []string{"LINES=" + lines, "BATCH_SIZE=1000", "COMPRESSION_LEVEL=" + strconv.Itoa(level)}
	raw, file := b.raw(alone, "compressor", env...), b.generates(ours, "file.hcl", env...)
	raw.messages, file.messages, file.stores = n, n, true
	t := newTable("file → batch 1000 → s3, gzip, on one core", fmt.Sprintf("%s lines of %d bytes, level %d", thousands(float64(n)), b.size, level), alone)
	err := t.measure(b.rounds, []program{raw, file}, func(p program) (f figures, err error) {
		s, err := b.place(ctx, 1)
		if err != nil {
			return f, err
		}
		if f, err = b.alone(ctx, p, s); err != nil {
			return f, err
		}
		if p.stores { // it has claimed the file by another name
			if err := os.Rename(lines+".delivered", lines); err != nil {
				return f, err
			}
		}
		return f, s.remove(ctx)
	})
	if err != nil {
		return err
	}
	t.atLeast("messages/s, of the compressor alone", t.ratio(figures.rate, ours, alone), 0.9)
	t.print()
	return os.Remove(lines)
}

// alone measures a program that ends by itself, on one core, from its start to its end.
func (b *bench) alone(ctx context.Context, p program, s *place) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f.messages = p.messages
	var env []string
	if s != nil {
		env = s.env()
	}
	began := time.Now()
	r, err := b.launch(onOneCore(p), env, 1)
	if err != nil {
		return f, err
	}
	defer r.kill()
	if err := r.until(ctx, time.Millisecond, func() (bool, error) { return r.ended(), nil }); err != nil {
		return f, err
	}
	f.took = time.Since(began)
	if err := r.finish(ctx, &f); err != nil {
		return f, err
	}
	f.broker = 0 // it had nothing to do
	if p.stores {
		f.twice, err = s.check(ctx, f.messages)
	}
	return f, err
}

// onOneCore pins a program to one core, or where nothing does that, lets it use one at a time.
func onOneCore(p program) program {
	p.env = append(slices.Clone(p.env), "GOMAXPROCS=1")
	if taskset, err := exec.LookPath("taskset"); err == nil {
		p.bin, p.args = taskset, append([]string{"-c", "0", p.bin}, p.args...)
	}
	return p
}

// starts measures what a user waits for: the start of the command and the binary to fetch.
func (b *bench) starts(ctx context.Context) error {
	env := []string{"S3_BUCKET=logs"}
	var all []time.Duration
	for range 10*b.rounds + 1 {
		began := time.Now()
		p, err := process.Start(b.bin, env, nil, "validate", "pipeline.hcl")
		if err != nil {
			return err
		}
		if code, err := p.Wait(ctx); err != nil || code != 0 {
			return errors.Join(fmt.Errorf("validate pipeline.hcl ended with exit code %d:\n%s", code, p.Tail(5)), err)
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	info, err := os.Stat(b.bin)
	if err != nil {
		return err
	}
	t := &table{}
	t.atMost("ms for logpipe validate pipeline.hcl", float64(all[len(all)/2].Microseconds())/1e3, 50)
	t.atMost("MB of the stripped binary", float64(info.Size())/1e6, 35)
	fmt.Printf("\n### the start and the binary\n\nvalidate: median of %d starts, %.1f–%.1f ms.\n", len(all),
		float64(all[0].Microseconds())/1e3, float64(all[len(all)-1].Microseconds())/1e3)
	t.printGoals()
	return nil
}
