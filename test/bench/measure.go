package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

// figures are those of one run.
type figures struct {
	messages int
	took     time.Duration
	cpu      time.Duration // of the processes alone
	broker   time.Duration // CPU of the broker in that time
	s3       time.Duration // likewise of the S3 server
	peak     int64         // bytes, of the largest process
	samples  []int64       // of the memory, over the run
	twice    int
}

func (f figures) rate() float64             { return float64(f.messages) / f.took.Seconds() }
func (f figures) cpuPerMillion() float64    { return f.cpu.Seconds() / float64(f.messages) * 1e6 }
func (f figures) brokerPerMillion() float64 { return f.broker.Seconds() / float64(f.messages) * 1e6 }
func (f figures) s3PerMillion() float64     { return f.s3.Seconds() / float64(f.messages) * 1e6 }
func (f figures) megabytes() float64        { return float64(f.peak) / 1e6 }

// patience bounds one run.
const patience = time.Hour

// replicas are the processes of one program that run at once.
type replicas struct {
	program
	all    []*process.Process
	memory []*memory
	broker time.Duration // the broker's CPU time before
	s3     time.Duration // likewise the S3 server's
	b      *bench
}

// launch starts n of them.
func (b *bench) launch(p program, env []string, n int) (r *replicas, err error) {
	r = &replicas{program: p, b: b}
	if r.broker, r.s3, err = b.serversTime(); err != nil {
		return nil, err
	}
	for i := range n {
		all := slices.Concat(env, p.env)
		if p.each != nil {
			all = append(all, p.each(i)...)
		}
		one, err := process.Start(p.bin, all, nil, p.args...)
		if err != nil {
			r.kill()
			return nil, err
		}
		r.all, r.memory = append(r.all, one), append(r.memory, follow(one.PID()))
	}
	return r, nil
}

// serversTime is the CPU time that the servers have taken so far.
func (b *bench) serversTime() (broker, s3 time.Duration, err error) {
	if broker, err = cpuTime(b.beam); err != nil {
		return 0, 0, err
	}
	s3, err = cpuTime(b.gateway)
	return broker, s3, err
}

func (r *replicas) kill() {
	for _, p := range r.all {
		p.Kill()
	}
}

// until asks every few milliseconds until it is so. A program that has failed will not bring it about any more.
func (r *replicas) until(ctx context.Context, every time.Duration, is func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ended := r.ended() // before the question, so that one which has done all and ended is no failure
		if yes, err := is(); yes || err != nil {
			return err
		}
		if ended {
			if code, err := r.all[0].Wait(ctx); !r.ends || code != 0 {
				return errors.Join(fmt.Errorf("it ended too early, with exit code %d:\n%s", code, r.all[0].Tail(10)), err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ended reports whether all replicas have ended.
func (r *replicas) ended() bool {
	for _, p := range r.all {
		if !p.Ended() {
			return false
		}
	}
	return true
}

// finish takes the servers' CPU time now, ends the program, or waits for its end, and adds up what it took.
func (r *replicas) finish(ctx context.Context, f *figures) error {
	broker, s3, err := r.b.serversTime()
	if err != nil {
		return err
	}
	f.broker, f.s3 = broker-r.broker, s3-r.s3
	for i, p := range r.all {
		peak, samples := r.memory[i].end()
		if f.peak = max(f.peak, peak); i == 0 {
			f.samples = samples
		}
		end := p.Stop
		if r.ends {
			end = p.Wait
		}
		code, err := end(ctx)
		if err != nil || code != 0 {
			return errors.Join(fmt.Errorf("exit code %d\n%s", code, p.Tail(10)), err)
		}
		cpu, _ := p.Usage()
		f.cpu += cpu
	}
	return nil
}
