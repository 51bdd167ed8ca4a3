package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/logpipe/logpipe/test/process"
	"github.com/logpipe/logpipe/test/servers"
)

// bench is what all cases share.
type bench struct {
	options
	dir    string
	bin    string // logpipe, as it is released
	self   string // this program, which is the raw client
	peer   string // "" without one
	broker *servers.Broker
	s3     *servers.S3
	beam   int // the number of the broker's process
	stages int
}

// open builds logpipe and starts the servers. They are its own: it reads the CPU time of one and the folder of the other.
func open(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{options: o, peer: os.Getenv("BENCH_PEER")}
	if b.dir, err = os.MkdirTemp("", "logpipe-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.bin, err = process.Build(ctx, b.dir, "-trimpath", "-ldflags=-s -w"); err != nil {
		return nil, err
	}
	say := servers.Options{Own: true, Data: filepath.Join(b.dir, "s3"), Log: func(text string) { fmt.Fprintln(os.Stderr, text) }}
	if b.broker, err = servers.StartBroker(ctx, say); err != nil {
		return nil, err
	}
	if b.beam, err = b.broker.PID(); err != nil {
		return nil, fmt.Errorf("the broker's CPU time is measured, so it must run as a program on this machine: %w", err)
	}
	if b.s3, err = servers.StartS3(ctx, say); err != nil {
		return nil, err
	}
	if b.s3.Data == "" {
		return nil, errors.New("the last object's time is read from the S3 server's folder, and this server has none here; install versitygw")
	}
	return b, nil
}

func (b *bench) close() {
	if b.s3 != nil {
		b.s3.Close()
	}
	if b.broker != nil {
		b.broker.Close()
	}
	os.RemoveAll(b.dir)
}

// config is the path of a configuration that lies beside this file.
func config(name string) string { return filepath.Join(process.Root(), "test", "bench", name) }

// program is one that is measured.
type program struct {
	name     string
	bin      string
	args     []string
	env      []string
	messages int  // that it makes or reads, where no queue is filled for it
	stores   bool // its messages must be in S3 afterwards
	ends     bool // by itself, when it has done all
}

func (b *bench) logpipe(name, hcl string, env ...string) program {
	return program{name: name, bin: b.bin, args: []string{"run", config(hcl)}, env: env}
}

func (b *bench) raw(name, role string, env ...string) program {
	return program{name: name, bin: b.self, args: []string{"-be", role}, env: env, ends: true}
}

// peers are programs of the peer, none without one.
func (b *bench) peers(all ...program) []program {
	if b.peer == "" {
		return nil
	}
	for i := range all {
		all[i].bin = b.peer
	}
	return all
}
