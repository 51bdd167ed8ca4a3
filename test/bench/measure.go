package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/logpipe/logpipe/test/process"
)

// figures are those of one run.
type figures struct {
	messages int
	took     time.Duration
	cpu      time.Duration // of the processes alone
	broker   time.Duration // CPU of the broker in that time
	peak     int64         // bytes, of the largest process
	samples  []int64       // of the memory, over the run
	twice    int
}

func (f figures) rate() float64             { return float64(f.messages) / f.took.Seconds() }
func (f figures) cpuPerMillion() float64    { return f.cpu.Seconds() / float64(f.messages) * 1e6 }
func (f figures) brokerPerMillion() float64 { return f.broker.Seconds() / float64(f.messages) * 1e6 }
func (f figures) megabytes() float64        { return float64(f.peak) / 1e6 }

// patience bounds one run.
const patience = time.Hour

// troupe is the replicas of one program that run at once.
type troupe struct {
	program
	all    []*process.Process
	memory []*memory
	broker time.Duration // the broker's CPU time before
	b      *bench
}

// launch starts so many replicas.
func (b *bench) launch(p program, env []string, replicas int) (t *troupe, err error) {
	t = &troupe{program: p, b: b}
	if t.broker, err = cpuTime(b.beam); err != nil {
		return nil, err
	}
	for range replicas {
		one, err := process.Start(p.bin, append(env, p.env...), nil, p.args...)
		if err != nil {
			t.kill()
			return nil, err
		}
		t.all, t.memory = append(t.all, one), append(t.memory, follow(one.PID()))
	}
	return t, nil
}

func (t *troupe) kill() {
	for _, p := range t.all {
		p.Kill()
	}
}

// until asks every few milliseconds until it is so. A program that has failed will not bring it about any more.
func (t *troupe) until(ctx context.Context, every time.Duration, is func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ended := t.ended() // before the question, so that one which has done all and ended is no failure
		if yes, err := is(); yes || err != nil {
			return err
		}
		if ended {
			if code, err := t.all[0].Wait(ctx); !t.ends || code != 0 {
				return errors.Join(fmt.Errorf("it ended too early, with exit code %d:\n%s", code, t.all[0].Tail(10)), err)
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
func (t *troupe) ended() bool {
	for _, p := range t.all {
		if !p.Ended() {
			return false
		}
	}
	return true
}

// finish takes the broker's CPU time now, ends the program, or waits for its end, and adds up what it took.
func (t *troupe) finish(ctx context.Context, f *figures) error {
	broker, err := cpuTime(t.b.beam)
	if err != nil {
		return err
	}
	f.broker = broker - t.broker
	for i, p := range t.all {
		peak, samples := t.memory[i].end()
		if f.peak = max(f.peak, peak); i == 0 {
			f.samples = samples
		}
		end := p.Stop
		if t.ends {
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
