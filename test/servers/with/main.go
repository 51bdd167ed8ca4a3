// With runs a command beside a broker and an S3 server for tests:
//
//	go run ./test/servers/with go test ./...
//
// It finds or starts both servers as package servers says, hands their
// addresses to the command in the environment, passes SIGINT and SIGTERM on to
// it, stops the servers when it has ended, and exits with its exit code. A
// server that cannot be had is said and left out, so that the tests which need
// it skip; where CI is set it is an error. Whatever the command leaves running
// is killed with it.
//
// A script that has to see the exit code, or that is ended by SIGTERM, builds
// the program first: go run answers 1 for every failure and does not pass
// SIGTERM on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/logpipe/logpipe/test/servers"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		fmt.Fprintln(os.Stderr, "usage: with [--] COMMAND [ARGUMENT…]")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		say(err.Error())
		code = max(code, 1)
	}
	os.Exit(code)
}

func say(text string) { fmt.Fprintln(os.Stderr, "with:", text) }

// run returns the exit code of the command, or an error of its own.
func run(args []string) (code int, err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	var both pair
	defer func() { err = errors.Join(err, both.close()) }()
	ready := make(chan error, 1)
	go func() { ready <- both.start(ctx) }()
	select {
	case err = <-ready:
	case sig := <-signals:
		cancel()
		<-ready
		err = fmt.Errorf("ended by %v before the servers were up", sig)
	}
	if err != nil {
		return 1, err
	}
	return servers.Command(args, both.env(), signals)
}

// pair is the two servers; a nil one cannot be had.
type pair struct {
	broker *servers.Broker
	s3     *servers.S3
}

// start starts both at once: most of the time of each is waiting.
func (p *pair) start(ctx context.Context) error {
	var wg sync.WaitGroup
	var brokerErr, s3Err error
	o := servers.Options{Log: say}
	wg.Go(func() { p.broker, brokerErr = servers.StartBroker(ctx, o) })
	wg.Go(func() { p.s3, s3Err = servers.StartS3(ctx, o) })
	wg.Wait()
	return errors.Join(tolerate(brokerErr), tolerate(s3Err))
}

// tolerate turns a missing server into a remark, except in CI.
func tolerate(err error) error {
	if errors.Is(err, servers.ErrUnavailable) && !servers.InCI() {
		say(err.Error())
		return nil
	}
	return err
}

func (p *pair) env() []string {
	var env []string
	if p.broker != nil {
		env = append(env, p.broker.Env()...)
	}
	if p.s3 != nil {
		env = append(env, p.s3.Env()...)
	}
	return env
}

func (p *pair) close() error {
	var errs []error
	if p.broker != nil {
		errs = append(errs, p.broker.Close())
	}
	if p.s3 != nil {
		errs = append(errs, p.s3.Close())
	}
	return errors.Join(errs...)
}
