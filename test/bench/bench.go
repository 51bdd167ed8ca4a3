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
	dir     string
	bin     string // logpipe, as it is released
	self    string // this program, which is the raw client
	peer    string // "" without one
	broker  *servers.Broker
	s3      *servers.S3
	beam    int // the number of the broker's process
	gateway int // likewise of the S3 server's
	places  int
}

// open builds logpipe and starts the servers.
func open(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, peer: os.Getenv("BENCH_PEER")}
	err := b.build(ctx)
	if err == nil {
		err = b.serve(ctx)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) build(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "logpipe-bench-"); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	b.bin, err = process.Build(ctx, b.dir, "-trimpath", "-ldflags=-s -w")
	return err
}

// serve starts servers of its own: the CPU time of one is read, and the folder of the other.
func (b *bench) serve(ctx context.Context) (err error) {
	own := servers.Options{Own: true, Data: filepath.Join(b.dir, "s3"), Log: func(text string) { fmt.Fprintln(os.Stderr, text) }}
	if b.broker, err = servers.StartBroker(ctx, own); err != nil {
		return err
	}
	if b.beam, err = b.broker.PID(); err != nil {
		return fmt.Errorf("the broker must run as a program on this machine, so that its CPU time can be read; install rabbitmq-server: %w", err)
	}
	if b.s3, err = servers.StartS3(ctx, own); err != nil {
		return err
	}
	if b.gateway, err = b.s3.PID(); err != nil || b.s3.Data == "" {
		return errors.Join(errors.New("the S3 server must run as a program on this machine, so that its CPU and the time of its objects can be read; install versitygw"), err)
	}
	return nil
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
	each     func(i int) []string // variables of one of several replicas, the first is 0; may be nil
	messages int                  // that it makes or reads, where no queue is filled for it
	stores   bool                 // its messages must be in S3 afterwards
	ends     bool                 // by itself, when it has done all
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
